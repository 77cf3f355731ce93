//! The life of the services: up, status, down, and what brings them back.

use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use suite::site::{docker, engine_answers};
use suite::{Site, run};

fn status(site: &Site) -> serde_json::Value {
    let told = site.runctl(&["status", "--json"]).ok();
    serde_json::from_str(&told).expect("status tells JSON")
}

fn states(site: &Site) -> Vec<(String, String)> {
    let status = status(site);
    let services = status["services"].as_array().expect("a list of services").iter();
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    services.map(|service| (text(&service["service"]), text(&service["state"]))).collect()
}

#[test]
fn all_seven_come_up_stay_as_they_are_and_go_down() {
    if !engine_answers("the seven services") {
        return;
    }
    let site = Site::built();
    site.runctl(&["up"]).ok();
    until("all seven are ready", || states(&site).iter().all(|(_, state)| state == "ready"));

    let plan = site.runctl(&["up", "--dry-run", "--json"]).ok();
    let plan: serde_json::Value = serde_json::from_str(&plan).expect("a plan in JSON");
    assert_eq!(plan["plan"], serde_json::json!([]), "the second plan is not empty");

    for service in ["boot", "data", "gito", "cgit", "regi", "ntpd", "rack"] {
        hardened(&site.container(service));
    }

    site.runctl(&["down"]).ok();
    for (service, state) in states(&site) {
        assert_eq!(state, "down", "{service}");
    }
    let link = run(Command::new("ip").args(["link", "show", &site.bridge()]));
    assert!(link.fails().contains("does not exist"));
}

/// What no container may be.
fn hardened(container: &str) {
    let told = docker(&["inspect", container]).ok();
    let told: serde_json::Value = serde_json::from_str(&told).expect("inspect tells JSON");
    let host = &told[0]["HostConfig"];
    assert_eq!(host["Privileged"], false, "{container}");
    assert_eq!(host["ReadonlyRootfs"], true, "{container}");
    assert_eq!(host["CapDrop"], serde_json::json!(["ALL"]), "{container}");
    let options = host["SecurityOpt"].to_string();
    assert!(options.contains("no-new-privileges"), "{container}: {options}");
    assert!(host["Memory"].as_u64() > Some(0), "{container} has no memory limit");
    assert!(host["PidsLimit"].as_u64() > Some(0), "{container} has no limit of processes");
}

#[test]
fn what_dies_is_brought_back_and_sigterm_ends_it_in_time() {
    if !engine_answers("supervision by `runctl run`") {
        return;
    }
    let site = Site::built();
    let container = site.container("data");
    let mut supervisor = site.command(&["run", "data"]).spawn().expect("runctl starts");
    until("data is ready", || states(&site).contains(&("data".into(), "ready".into())));

    let started = started_at(&container);
    kill_inside(&container);
    until("data is back", || {
        started_at(&container) != started
            && states(&site).contains(&("data".into(), "ready".into()))
    });

    run(Command::new("kill").arg(supervisor.id().to_string())).ok();
    let ended = supervisor.wait().expect("runctl ends");
    assert_eq!(ended.code(), Some(0));
    let state = docker(&["inspect", "-f", "{{.State.Running}} {{.State.ExitCode}}", &container]);
    assert_eq!(state.ok().trim(), "false 0", "it did not stop by itself in the time it is given");
}

#[test]
fn an_edit_is_live_although_the_file_is_older_than_all_others() {
    if !engine_answers("edits under `runctl run`") {
        return;
    }
    let site = Site::built();
    let mut supervisor = site.command(&["run", "boot"]).spawn().expect("runctl starts");
    until("boot is ready", || states(&site).contains(&("boot".into(), "ready".into())));

    // As a backup that is put back, or as rsync leaves it.
    let mac = "52:54:00:5a:09:01";
    let table = format!("[[machine]]\nname = \"restored\"\nmacs = [\"{mac}\"]\n");
    site.configure("restored", &table);
    let restored = fs_err::File::open(site.path("etc/booddies/restored")).expect("it is there");
    restored.file().set_modified(SystemTime::UNIX_EPOCH).expect("it is made older");
    let to = site.path("etc/booddies/machines.toml");
    fs_err::rename(restored.path(), to).expect("it is put back");
    let hosts = site.state("rendered/boot/dhcp_hosts");
    until("boot knows the machine", || {
        fs_err::read_to_string(&hosts).is_ok_and(|told| told.contains(mac))
    });

    run(Command::new("kill").arg(supervisor.id().to_string())).ok();
    assert_eq!(supervisor.wait().expect("runctl ends").code(), Some(0));
}

/// Kills what runs inside, as a fault would; `docker kill` would count as the operator's wish.
fn kill_inside(container: &str) {
    let pid = docker(&["inspect", "-f", "{{.State.Pid}}", container]).ok();
    run(Command::new("kill").args(["-9", pid.trim()])).ok();
}

fn started_at(container: &str) -> String {
    docker(&["inspect", "-f", "{{.State.StartedAt}} {{.State.Running}}", container]).stdout
}

/// Waits for a condition; that it never holds is a failure, how long it takes is not.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(2);
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within two minutes");
        std::thread::sleep(Duration::from_millis(200));
    }
}
