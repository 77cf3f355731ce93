//! Decides what to do. No I/O, no clock, no randomness.

use super::{Plan, Seen, Step, Wanted, spec_hash};
use crate::engine::State;
use crate::service::Service;
use crate::services::{OnChange, ServiceSpec};

/// Plans what is missing between what is seen and what is wanted.
pub fn up(wanted: &Wanted, seen: &Seen) -> Plan {
    let mut steps = Vec::new();
    let network_is_wrong = network(wanted, seen, &mut steps);
    for spec in &wanted.services {
        service(spec, seen, network_is_wrong, &mut steps);
    }
    Plan { steps }
}

/// Plans to remove these services, and with the last of them the network.
pub fn down(wanted: &Wanted, seen: &Seen) -> Plan {
    let mut steps = Vec::new();
    let going = |service: &Service| wanted.services.iter().any(|spec| spec.service == *service);
    for (service, container) in seen.containers.iter().rev().filter(|(service, _)| going(service)) {
        steps.push(Step::Remove(*service, container.name.clone(), "it was asked for"));
    }
    if seen.containers.keys().all(going) {
        if seen.network.is_some() {
            steps
                .push(Step::RemoveNetwork(wanted.network.name.clone(), "no service is left on it"));
        }
        if seen.passage {
            steps.push(Step::RemovePassage(wanted.network.bridge.clone()));
        }
    }
    Plan { steps }
}

/// Plans the network; tells whether every container must leave it first.
fn network(wanted: &Wanted, seen: &Seen, steps: &mut Vec<Step>) -> bool {
    let wrong = seen.network.as_ref().is_some_and(|network| *network != wanted.network);
    if wrong {
        for (service, container) in &seen.containers {
            let why = "its network must be made anew";
            steps.push(Step::Remove(*service, container.name.clone(), why));
        }
        let why = "its bridge, subnet or isolation changed";
        steps.push(Step::RemoveNetwork(wanted.network.name.clone(), why));
    }
    if wrong || seen.network.is_none() {
        steps.push(Step::Network(wanted.network.clone()));
    }
    // The engine drops broadcasts on an isolated bridge wherever bridged frames pass through iptables.
    if wanted.network.isolated && seen.frames_are_filtered && !seen.passage {
        steps.push(Step::Passage(wanted.network.bridge.clone()));
    }
    wrong
}

fn service(spec: &ServiceSpec, seen: &Seen, network_is_wrong: bool, steps: &mut Vec<Step>) {
    for folder in spec.folders.iter().filter(|folder| !seen.folders.contains(folder)) {
        // Two services may share a folder.
        let planned = |step: &Step| matches!(step, Step::Folder(other) if other == folder);
        if !steps.iter().any(planned) {
            steps.push(Step::Folder(folder.clone()));
        }
    }
    let due = seen.secrets_due.get(&spec.service).map_or(&[][..], Vec::as_slice);
    steps.extend(due.iter().cloned().map(Step::Secret));
    let mut signal = spec.rereads_secrets.filter(|_| !due.is_empty());
    for file in &spec.files {
        let why = match seen.files.get(&file.path) {
            None => "it is missing",
            Some(contents) if *contents != file.contents => "it changed",
            Some(_) => continue,
        };
        if let OnChange::Signal(name) = file.on_change {
            signal = Some(name);
        }
        steps.push(Step::File(file.clone(), why));
    }
    steps.extend(seen.strays.get(&spec.service).into_iter().flatten().cloned().map(Step::Unlink));
    let image = seen.images.get(&spec.image).map_or("", String::as_str);
    let hash = spec_hash(spec, image);
    let container = seen.containers.get(&spec.service).filter(|_| !network_is_wrong);
    let (name, which) = (spec.container.clone(), spec.service);
    match container {
        Some(container) if container.spec == hash => match container.state {
            State::Running => steps.extend(signal.map(|signal| Step::Signal(which, name, signal))),
            State::Restarting => {}
            State::Created => steps.push(Step::Start(which, name, "it was made and not started")),
            State::Stopped => steps.push(Step::Start(which, name, "it was stopped")),
        },
        other => {
            if let Some(old) = other {
                let why = "its image or its settings changed";
                steps.push(Step::Remove(which, old.name.clone(), why));
            }
            steps.push(Step::Create(Box::new(spec.clone()), hash));
            steps.push(Step::Start(which, name, "it is new"));
        }
    }
}
