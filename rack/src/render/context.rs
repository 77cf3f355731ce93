//! What a template may name: the site, the machine, the profile, and where the answer file and the callbacks are.

use std::net::Ipv4Addr;

use serde::Serialize;

use super::SiteFacts;
use crate::{Machine, Profile};

/// For whom something is rendered.
pub(super) enum Who<'a> {
    /// A machine of the site; its first MAC is the one it boots from.
    Known(&'a Machine),
    /// Whoever comes: its MAC and its name are known only to its own boot loader.
    Unknown,
}

/// The variables of a template.
#[derive(Serialize)]
pub(super) struct Context<'a> {
    site: SiteVariables<'a>,
    machine: MachineVariables,
    profile: &'a str,
    /// URL of the answer file; none where the profile has no answer file.
    answer: Option<String>,
    /// URL below which the machine says how far it is.
    callback: String,
}

#[derive(Serialize)]
struct SiteVariables<'a> {
    name: &'a str,
    domain: &'a str,
    data: Ipv4Addr,
    dns: Ipv4Addr,
    netmask: Ipv4Addr,
    router: Option<Ipv4Addr>,
}

#[derive(Serialize)]
struct MachineVariables {
    name: String,
    mac: String,
    address: Option<Ipv4Addr>,
    firmware: Option<String>,
}

impl<'a> Context<'a> {
    /// Makes the variables of kernel arguments, where an unknown machine's are left to iPXE.
    pub(super) fn of_arguments(who: &Who<'_>, profile: &'a Profile, facts: &'a SiteFacts) -> Self {
        Self::new(who, profile, facts, ["machine-${mac:hexraw}", "${mac}", "${mac:hexhyp}"])
    }

    /// Makes the variables of an answer file, which an unknown machine shares with all others.
    pub(super) fn of_answer(who: &Who<'_>, profile: &'a Profile, facts: &'a SiteFacts) -> Self {
        Self::new(who, profile, facts, ["unknown", "unknown", "unknown"])
    }

    fn new(who: &Who<'_>, profile: &'a Profile, facts: &'a SiteFacts, unknown: [&str; 3]) -> Self {
        let [unknown_name, unknown_mac, unknown_hyphens] = unknown;
        let (folder, hyphens, machine) = match who {
            Who::Known(machine) => {
                let mac = machine.macs.first();
                let hyphens = mac.map(|mac| mac.hyphens()).unwrap_or_default();
                let variables = MachineVariables {
                    name: machine.name.clone(),
                    mac: mac.map(ToString::to_string).unwrap_or_default(),
                    address: machine.address,
                    firmware: Some(machine.firmware.to_string().to_lowercase()),
                };
                (hyphens.clone(), hyphens, variables)
            }
            Who::Unknown => {
                let variables = MachineVariables {
                    name: unknown_name.to_owned(),
                    mac: unknown_mac.to_owned(),
                    address: None,
                    firmware: None,
                };
                (format!("profiles/{}", profile.name), unknown_hyphens.to_owned(), variables)
            }
        };
        let data = facts.data;
        Self {
            site: SiteVariables {
                name: &facts.name,
                domain: &facts.domain,
                data,
                dns: facts.dns,
                netmask: facts.subnet.netmask(),
                router: facts.router,
            },
            machine,
            profile: &profile.name,
            answer: profile
                .answer
                .as_ref()
                .map(|answer| format!("http://{data}/machines/{folder}/{}", answer.name)),
            callback: format!("http://{data}/callback/{hyphens}"),
        }
    }
}
