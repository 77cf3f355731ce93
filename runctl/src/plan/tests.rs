//! What is decided, and that deciding again after acting decides nothing.

use std::collections::HashMap;

use super::*;
use crate::engine::{SeenContainer, State};
use crate::site::{Layout, Site};

fn wanted(services: &[Service]) -> Wanted {
    let site = Site::load(&Layout::below("/nowhere")).expect("defaults make a site");
    Wanted::of(&site, services)
}

/// What would be seen after a plan for `wanted` had been carried out.
fn satisfied(wanted: &Wanted) -> Seen {
    let mut seen = Seen {
        network: Some(wanted.network.clone()),
        frames_are_filtered: true,
        passage: true,
        ..Seen::default()
    };
    for spec in &wanted.services {
        seen.images.insert(spec.image.clone(), "sha256:1".to_owned());
        seen.folders.extend(spec.folders.iter().cloned());
        for file in &spec.files {
            seen.files.insert(file.path.clone(), file.contents.clone());
        }
        let container = SeenContainer {
            name: spec.container.clone(),
            spec: spec_hash(spec, "sha256:1"),
            state: State::Running,
            image: "sha256:1".to_owned(),
            started: String::new(),
            restarts: 0,
            exit_code: 0,
        };
        seen.containers.insert(spec.service, container);
    }
    seen
}

#[test]
fn a_network_that_is_to_have_ipv6_is_made_anew() {
    let seen = satisfied(&wanted(&[Service::Data]));
    let mut site = Site::load(&Layout::below("/nowhere")).expect("defaults make a site");
    site.subnet6 = Some("fd77:1::/64".parse().expect("a subnet"));
    let plan = up(&Wanted::of(&site, &[Service::Data]), &seen);
    let told = plan.to_string();
    assert!(
        told.contains(
            "make network booddies on bridge br0, 10.77.0.0/24 and fd77:1::/64, isolated"
        ),
        "{told}"
    );
}

#[test]
fn a_service_that_reads_its_secrets_once_is_told_of_new_ones() {
    let wanted = wanted(&[Service::Gito, Service::Regi]);
    let mut seen = satisfied(&wanted);
    for spec in &wanted.services {
        seen.secrets_due.insert(spec.service, spec.secrets[..1].to_vec());
    }
    let plan = up(&wanted, &seen);
    assert_eq!(kinds(&plan), ["secret", "signal"]);
    assert!(plan.to_string().contains("send SIGHUP to container booddies-regi"), "{plan}");
}

fn kinds(plan: &Plan) -> Vec<&'static str> {
    let kind = |step: &Step| match step {
        Step::Folder(_) => "folder",
        Step::Secret(_) => "secret",
        Step::File(..) => "file",
        Step::Unlink(_) => "unlink",
        Step::Network(_) => "network",
        Step::RemoveNetwork(..) => "remove network",
        Step::Passage(_) => "passage",
        Step::RemovePassage(_) => "remove passage",
        Step::Remove(..) => "remove",
        Step::Create(..) => "create",
        Step::Start(..) => "start",
        Step::Signal(..) => "signal",
    };
    let mut kinds: Vec<_> = plan.steps.iter().map(kind).collect();
    kinds.dedup();
    kinds
}

#[test]
fn an_empty_host_gets_everything_in_order() {
    let plan =
        up(&wanted(&[Service::Boot]), &Seen { frames_are_filtered: true, ..Seen::default() });
    assert_eq!(kinds(&plan), ["network", "passage", "folder", "file", "create", "start"]);
}

#[test]
fn what_was_applied_is_not_planned_again() {
    let wanted = wanted(&Service::ALL);
    assert_eq!(up(&wanted, &satisfied(&wanted)).to_string(), "");
}

#[test]
fn a_new_image_replaces_its_container_only() {
    let wanted = wanted(&[Service::Boot, Service::Data]);
    let mut seen = satisfied(&wanted);
    seen.images.insert(wanted.services[1].image.clone(), "sha256:2".to_owned());
    let plan = up(&wanted, &seen);
    assert_eq!(kinds(&plan), ["remove", "create", "start"]);
    assert!(plan.to_string().contains("booddies-data"), "{plan}");
    assert!(!plan.to_string().contains("booddies-boot"), "{plan}");
}

#[test]
fn changed_machines_are_told_by_a_signal() {
    let wanted = wanted(&[Service::Boot]);
    let mut seen = satisfied(&wanted);
    let signalled = |file: &&ConfigFile| matches!(file.on_change, OnChange::Signal(_));
    let file = wanted.services[0].files.iter().find(signalled).expect("boot rereads a file");
    seen.files.insert(file.path.clone(), "old\n".to_owned());
    assert_eq!(kinds(&up(&wanted, &seen)), ["file", "signal"]);
}

#[test]
fn a_changed_setting_replaces_the_container() {
    let mut wanted = wanted(&[Service::Boot]);
    let seen = satisfied(&wanted);
    let replaced = |file: &&mut ConfigFile| file.on_change == OnChange::Replace;
    let file = wanted.services[0].files.iter_mut().find(replaced).expect("boot has settings");
    file.contents.push_str("# changed\n");
    assert_eq!(kinds(&up(&wanted, &seen)), ["file", "remove", "create", "start"]);
}

#[test]
fn another_subnet_makes_the_network_anew_without_its_containers() {
    let mut wanted = wanted(&[Service::Boot]);
    let seen = satisfied(&wanted);
    wanted.network.subnet = "10.99.0.0/24".to_owned();
    let steps = kinds(&up(&wanted, &seen));
    assert_eq!(steps, ["remove", "remove network", "network", "create", "start"]);
}

#[test]
fn a_stopped_container_is_started_and_a_returning_one_left_alone() {
    let wanted = wanted(&[Service::Boot]);
    let mut seen = satisfied(&wanted);
    for (state, expected) in [(State::Stopped, &["start"][..]), (State::Restarting, &[])] {
        seen.containers.get_mut(&Service::Boot).expect("it is seen").state = state;
        assert_eq!(kinds(&up(&wanted, &seen)), expected);
    }
}

#[test]
fn the_network_goes_with_the_last_service_only() {
    let all = wanted(&[Service::Boot, Service::Data]);
    let seen = satisfied(&all);
    assert_eq!(kinds(&down(&wanted(&[Service::Data]), &seen)), ["remove"]);
    let steps = kinds(&down(&all, &seen));
    assert_eq!(steps, ["remove", "remove network", "remove passage"]);
    assert!(down(&all, &Seen::default()).is_empty());
}

#[test]
fn an_open_network_needs_no_passage() {
    let mut wanted = wanted(&[Service::Boot]);
    wanted.network.isolated = false;
    let seen = Seen { frames_are_filtered: true, ..Seen::default() };
    assert!(!kinds(&up(&wanted, &seen)).contains(&"passage"));
}

#[test]
fn the_hash_ignores_what_a_container_rereads() {
    let wanted = wanted(&[Service::Boot]);
    let mut spec = wanted.services[0].clone();
    let before = spec_hash(&spec, "sha256:1");
    let kept: HashMap<_, _> =
        spec.files.iter().map(|file| (file.path.clone(), file.on_change)).collect();
    for file in spec.files.iter_mut().filter(|file| kept[&file.path] != OnChange::Replace) {
        file.contents.push('x');
    }
    assert_eq!(spec_hash(&spec, "sha256:1"), before);
    assert_ne!(spec_hash(&spec, "sha256:2"), before);
}

#[test]
fn what_nothing_asks_for_any_more_is_removed() {
    let wanted = wanted(&[Service::Data]);
    let mut seen = satisfied(&wanted);
    seen.strays.insert(Service::Data, vec!["/srv/machines/52-54-00-00-00-01/boot.ipxe".into()]);
    assert_eq!(kinds(&up(&wanted, &seen)), ["unlink"]);
}

#[test]
fn a_shared_folder_is_made_once() {
    let plan = up(&wanted(&Service::ALL), &Seen::default());
    let mut folders: Vec<_> = plan
        .steps
        .iter()
        .filter(|step| matches!(step, Step::Folder(_)))
        .map(ToString::to_string)
        .collect();
    let all = folders.len();
    folders.sort();
    folders.dedup();
    assert_eq!(folders.len(), all);
}
