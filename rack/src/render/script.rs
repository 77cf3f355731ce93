//! Boot scripts for iPXE: one that everybody reads first, and one per machine.
//!
//! Each tells on the screen what it does, retries what can pass, and ends at the local disk: a rack must not stand still
//! because this host was away for a minute.

use serde::Serialize;

use super::SiteFacts;
use super::context::{Context, Who};
use super::template::{self, Error};
use crate::{Machine, Profile};

const FIRST: &str = include_str!("templates/first.ipxe");
const INSTALLER: &str = include_str!("templates/installer.ipxe");
const LOCAL_DISK: &str = include_str!("templates/local-disk.ipxe");

/// How often a script asks again before it gives up.
const TRIES: u8 = 5;
/// Seconds between two tries.
const PAUSE: u8 = 5;

#[derive(Serialize)]
struct First<'a> {
    facts: &'a Facts<'a>,
    unknown: Option<&'a str>,
    profiles: Vec<&'a str>,
    local_disk: &'a str,
}

#[derive(Serialize)]
struct Installer<'a> {
    facts: &'a Facts<'a>,
    machine: &'a str,
    profile: &'a str,
    kernel: &'a str,
    initrds: &'a [String],
    arguments: &'a str,
    local_disk: &'a str,
}

#[derive(Serialize)]
struct Facts<'a> {
    site: &'a str,
    data: String,
    tries: u8,
    pause: u8,
}

impl<'a> Facts<'a> {
    fn of(site: &'a SiteFacts) -> Self {
        Self { site: &site.name, data: format!("http://{}", site.data), tries: TRIES, pause: PAUSE }
    }
}

/// Renders the script that every machine reads first: it goes on with the machine's own, by its MAC.
///
/// A machine without one boots the profile for unknown machines, or shows a menu that falls to local disk.
pub fn first_script(profiles: &[Profile], site: &SiteFacts) -> Result<String, Error> {
    let unknown = site.unknown.as_deref();
    if let Some(name) = unknown {
        super::find(profiles, name)?;
    }
    let local_disk = local_disk()?;
    let first = First {
        facts: &Facts::of(site),
        unknown,
        profiles: profiles.iter().map(|profile| profile.name.as_str()).collect(),
        local_disk: &local_disk,
    };
    template::script("boot.ipxe", FIRST, &first)
}

/// Renders a machine's own script: its profile's kernel and initrds from data, or its local disk.
pub fn boot_script(
    machine: &Machine,
    profile: Option<&Profile>,
    site: &SiteFacts,
) -> Result<String, Error> {
    for_whom(&Who::Known(machine), profile, site)
}

/// Renders the script of a machine, or the one of a profile that any machine may choose.
pub(super) fn for_whom(
    who: &Who<'_>,
    profile: Option<&Profile>,
    site: &SiteFacts,
) -> Result<String, Error> {
    let machine = match who {
        Who::Known(machine) => machine.name.as_str(),
        Who::Unknown => "an unknown machine",
    };
    let local_disk = local_disk()?;
    let Some(profile) = profile else {
        return Ok(format!(
            "#!ipxe\necho {}: {machine} has no profile and boots from its local disk\n{local_disk}",
            site.name
        ));
    };
    let context = Context::of_arguments(who, profile, site);
    let arguments = template::render(profile, "arguments", &profile.arguments, &context)?;
    let installer = Installer {
        facts: &Facts::of(site),
        machine,
        profile: &profile.name,
        kernel: &profile.kernel,
        initrds: &profile.initrds,
        // The operator may have written them on several lines; iPXE knows one.
        arguments: &arguments.split_whitespace().collect::<Vec<_>>().join(" "),
        local_disk: &local_disk,
    };
    template::script("installer.ipxe", INSTALLER, &installer)
}

fn local_disk() -> Result<String, Error> {
    template::script("local-disk.ipxe", LOCAL_DISK, &())
}
