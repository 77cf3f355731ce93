//! Boot scripts: one that everybody reads first, and what becomes of a decision in the language of each loader.
//!
//! Each tells on the screen what it does, retries what can pass, and ends at the local disk: a rack must not stand still
//! because this host was away for a minute.

use serde::Serialize;

use super::context::{Scene, Who};
use super::{Error, Place, template};
use crate::book::Chosen;
use crate::{Asking, Book, Decision, Machine};

const FIRST: &str = include_str!("templates/first.ipxe");
const DISK_IPXE: &str = include_str!("templates/disk.ipxe");
const DISK_GRUB: &str = include_str!("templates/disk.grub");
const DISK_PXELINUX: &str = include_str!("templates/disk.pxelinux");
const BOOT_IPXE: &str = include_str!("templates/boot.ipxe");
const BOOT_GRUB: &str = include_str!("templates/boot.grub");
const BOOT_PXELINUX: &str = include_str!("templates/boot.pxelinux");
const LINES_IPXE: &str = include_str!("templates/lines.ipxe");
/// How a script of iPXE ends where nothing else boots.
pub(super) const LOCAL_DISK: &str = include_str!("templates/local-disk.ipxe");

/// How often a script asks again before it gives up.
const TRIES: u8 = 5;
/// Seconds between two tries.
const PAUSE: u8 = 5;

/// The language of a loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// iPXE.
    Ipxe,
    /// PXELINUX, for old BIOS machines.
    Pxelinux,
    /// GRUB, for Secure Boot.
    Grub,
}

/// What a loader loads: everything with its URL.
#[derive(Debug, Serialize)]
pub(super) struct Boot<'a> {
    facts: Facts<'a>,
    /// Told on the screen: `kvm-1 becomes web`.
    title: String,
    kernel: String,
    initrds: Vec<String>,
    arguments: String,
    local_disk: &'static str,
}

/// iPXE lines of a distro, in our frame.
#[derive(Debug, Serialize)]
struct Lines<'a> {
    facts: Facts<'a>,
    title: String,
    script: String,
    local_disk: &'static str,
}

#[derive(Debug, Serialize)]
struct LocalDisk<'a> {
    facts: Facts<'a>,
    who: &'a str,
    why: &'a str,
    ending: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Facts<'a> {
    site: &'a str,
    /// `http://ADDRESS` of rack.
    rack: String,
    /// rack's address, for loaders with another grammar of URLs.
    host: String,
    tries: u8,
    pause: u8,
}

impl<'a> Facts<'a> {
    pub(super) fn of(book: &'a Book) -> Self {
        let host = book.site.rack.to_string();
        let rack = format!("http://{host}");
        Self { site: &book.site.name, rack, host, tries: TRIES, pause: PAUSE }
    }
}

impl Book {
    /// Renders the script that every machine reads first: it goes on with the machine's own, by its MAC.
    pub fn first_script(&self) -> Result<String, Error> {
        #[derive(Serialize)]
        struct First<'a> {
            facts: Facts<'a>,
            local_disk: &'static str,
        }
        let first = First { facts: Facts::of(self), local_disk: LOCAL_DISK };
        template::script("first.ipxe", FIRST, &first)
    }

    /// Renders what a machine that asks boots.
    pub fn script(
        &self,
        syntax: Syntax,
        asking: &Asking,
        decision: &Decision,
    ) -> Result<String, Error> {
        let machine = self.machine_of(asking.mac);
        let who = machine.map_or(Who::Stranger(asking), |machine| Who::Known(machine, asking.mac));
        let name = machine.map_or_else(|| asking.mac.to_string(), |machine| machine.name.clone());
        let (profile, token) = match decision {
            Decision::Install { profile, token } => (profile, Some(token.as_str())),
            Decision::Boot { profile } | Decision::Arm { profile } => (profile, None),
            Decision::LocalDisk { why } => return self.local_disk(syntax, &name, why),
            Decision::Menu => return self.menu_page(syntax),
        };
        let profile = self.profile(profile)?;
        let chosen = self.chosen(profile)?;
        let profile = Some(profile);
        let scene = Scene { book: self, who, chosen, profile, token, secrets: None };
        let title = format!("{name} becomes {}", profile.map_or("", |profile| &profile.name));
        boot(syntax, &scene, title)
    }

    /// Renders one way to boot a distro that somebody chose in a menu.
    pub(super) fn by_hand(&self, syntax: Syntax, chosen: Chosen<'_>) -> Result<String, Error> {
        let who = Who::Anybody;
        let scene = Scene { book: self, who, chosen, profile: None, token: None, secrets: None };
        let Chosen { distro, version, method, .. } = chosen;
        boot(syntax, &scene, format!("{} {}: {}", distro.title, version.name, method.title))
    }

    fn local_disk(&self, syntax: Syntax, who: &str, why: &str) -> Result<String, Error> {
        let (name, text) = match syntax {
            Syntax::Ipxe => ("disk.ipxe", DISK_IPXE),
            Syntax::Grub => ("disk.grub", DISK_GRUB),
            Syntax::Pxelinux => ("disk.pxelinux", DISK_PXELINUX),
        };
        let disk = LocalDisk { facts: Facts::of(self), who, why, ending: LOCAL_DISK };
        template::script(name, text, &disk)
    }
}

/// Renders what a scene boots.
fn boot(syntax: Syntax, scene: &Scene<'_>, title: String) -> Result<String, Error> {
    if let Some(script) = &scene.chosen.method.script {
        let lines = template::render(place(scene, "script"), script, &context(scene)?)?;
        // The other loaders have no words for it.
        if syntax != Syntax::Ipxe {
            return scene.book.local_disk(syntax, &title, "this needs iPXE");
        }
        let (facts, script) = (Facts::of(scene.book), lines.trim().to_owned());
        let lines = Lines { facts, title, script, local_disk: LOCAL_DISK };
        return template::script("lines.ipxe", LINES_IPXE, &lines);
    }
    let boot = loaded(syntax, scene, title)?;
    match syntax {
        Syntax::Ipxe => template::script("boot.ipxe", BOOT_IPXE, &boot),
        Syntax::Grub => template::script("boot.grub", BOOT_GRUB, &boot),
        Syntax::Pxelinux => template::script("boot.pxelinux", BOOT_PXELINUX, &boot),
    }
}

/// Which template of a scene's distro is meant, for its error.
fn place(scene: &Scene<'_>, key: &'static str) -> Place {
    let Chosen { distro, method, .. } = scene.chosen;
    Place::Method { distro: distro.name.clone(), method: method.name.clone(), key }
}

/// What a scene loads: kernel and initrds with their URLs, and the kernel line.
pub(super) fn loaded<'a>(
    syntax: Syntax,
    scene: &Scene<'a>,
    title: String,
) -> Result<Boot<'a>, Error> {
    let context = context(scene)?;
    let own = &scene.chosen.method.arguments;
    let mut arguments = template::render(place(scene, "arguments"), own, &context)?;
    if let Some(profile) = scene.profile {
        arguments.push(' ');
        arguments.push_str(&template::render(
            Place::Profile(profile.name.clone()),
            &profile.arguments,
            &context,
        )?);
    }
    if let Who::Known(Machine { serial: Some(serial), .. }, _) = scene.who {
        // The last one named is the kernel's own; an installer passes on what stands at the end.
        arguments.extend([" console=tty0 console=", serial]);
    }
    let (files, base) = (scene.boot_files()?, scene.book.folder(&scene.chosen)?);
    let host = scene.book.site.data;
    let below = |file: &String| match (syntax, base) {
        (Syntax::Grub, Some(base)) => format!("(http,{host})/{}/{file}", base.path),
        (_, Some(base)) => format!("http://{host}/{}/{file}", base.path),
        (_, None) => file.clone(),
    };
    Ok(Boot {
        facts: Facts::of(scene.book),
        title,
        kernel: files.kernel.as_ref().map(below).unwrap_or_default(),
        initrds: files.initrds.iter().map(below).collect(),
        // They may stand on several lines; a loader knows one.
        arguments: arguments.split_whitespace().collect::<Vec<_>>().join(" "),
        local_disk: LOCAL_DISK,
    })
}

/// The variables of a scene, the distro's network arguments among them.
pub(super) fn context<'a>(scene: &Scene<'a>) -> Result<super::context::Context<'a>, Error> {
    let mut context = scene.context()?;
    let fixed = matches!(scene.who, Who::Known(machine, _) if machine.address.is_some());
    let network = &scene.boots()?.network;
    let (key, text) = if fixed { ("static", &network.fixed) } else { ("dhcp", &network.dhcp) };
    let place = Place::Network { distro: scene.boots()?.name.clone(), key };
    context.network = template::render(place, text, &context)?;
    Ok(context)
}
