//! The files that machines ask data for: everything below `/machines/`, from machines, profiles and the site's facts.

mod context;
mod script;
mod template;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

pub use script::{boot_script, first_script};
pub use template::Error;

use crate::{Answer, Machine, Profile};
use context::{Context, Who};

/// What rendering needs to know about the site.
#[derive(Clone, Debug)]
pub struct SiteFacts {
    /// Its name, told on the machines' screens.
    pub name: String,
    /// The DNS domain of services and machines.
    pub domain: String,
    /// Addresses of services and machines.
    pub subnet: Ipv4Net,
    /// data's address, where kernels, scripts and answer files are.
    pub data: Ipv4Addr,
    /// boot's address, where names are asked.
    pub dns: Ipv4Addr,
    /// The default route; none keeps machines in.
    pub router: Option<Ipv4Addr>,
    /// Name of the profile that unknown machines boot; none shows them a menu.
    pub unknown: Option<String>,
}

/// Renders one machine's answer file.
pub fn answer(
    machine: &Machine,
    profile: &Profile,
    answer: &Answer,
    facts: &SiteFacts,
) -> Result<String, Error> {
    answer_for(&Who::Known(machine), profile, answer, facts)
}

/// Renders everything below `/machines/`: the path relative to it, and what stands in the file.
///
/// Each machine has a folder per MAC, since nobody knows beforehand which of its interfaces it boots from. Each profile
/// has a folder below `profiles/` for machines that nobody described.
pub fn files(
    machines: &[Machine],
    profiles: &[Profile],
    facts: &SiteFacts,
) -> Result<BTreeMap<String, String>, Error> {
    let mut files = BTreeMap::from([("boot.ipxe".to_owned(), first_script(profiles, facts)?)]);
    for machine in machines {
        let profile = machine.profile.as_deref().map(|name| find(profiles, name)).transpose()?;
        for mac in &machine.macs {
            let seen_by = Machine { macs: vec![*mac], ..machine.clone() };
            let who = Who::Known(&seen_by);
            let script = script::for_whom(&who, profile, facts)?;
            add(&mut files, &mac.hyphens(), &who, profile, script, facts)?;
        }
    }
    for profile in profiles {
        let folder = format!("profiles/{}", profile.name);
        let script = script::for_whom(&Who::Unknown, Some(profile), facts)?;
        add(&mut files, &folder, &Who::Unknown, Some(profile), script, facts)?;
    }
    Ok(files)
}

/// Adds one folder: a boot script and, where the profile has one, an answer file.
fn add(
    files: &mut BTreeMap<String, String>,
    folder: &str,
    who: &Who<'_>,
    profile: Option<&Profile>,
    script: String,
    facts: &SiteFacts,
) -> Result<(), Error> {
    files.insert(format!("{folder}/boot.ipxe"), script);
    if let Some((profile, answer)) = profile.and_then(|p| Some((p, p.answer.as_ref()?))) {
        files.insert(format!("{folder}/{}", answer.name), answer_for(who, profile, answer, facts)?);
    }
    Ok(())
}

fn answer_for(
    who: &Who<'_>,
    profile: &Profile,
    answer: &Answer,
    facts: &SiteFacts,
) -> Result<String, Error> {
    let context = Context::of_answer(who, profile, facts);
    template::render(profile, &format!("answer file `{}`", answer.name), &answer.template, &context)
}

fn find<'a>(profiles: &'a [Profile], name: &str) -> Result<&'a Profile, Error> {
    profiles
        .iter()
        .find(|profile| profile.name == name)
        .ok_or_else(|| Error::NoProfile { name: name.to_owned() })
}

#[cfg(test)]
mod tests;
