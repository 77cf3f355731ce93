//! What a template may name: the site, the machine, the profile, the distro, and where answers and callbacks are.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Serialize;

use crate::book::{Chosen, RootImage, SiteFacts};
use crate::distro::{BootFiles, Version};
use crate::{Asking, Book, Lacking, Machine, Profile};

/// For whom something is rendered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Who<'a> {
    /// A machine of the site, and the interface it boots from.
    Known(&'a Machine, crate::Mac),
    /// A machine that nobody described.
    Stranger(&'a Asking),
    /// Whoever reads a menu: only its loader knows its MAC.
    Anybody,
}

/// The variables of a template.
#[derive(Debug, Serialize)]
pub(super) struct Context<'a> {
    site: SiteVariables<'a>,
    machine: MachineVariables,
    profile: Option<ProfileVariables<'a>>,
    distro: DistroVariables<'a>,
    version: VersionVariables<'a>,
    architecture: &'a str,
    /// URL of the boot files' folder.
    base: Option<String>,
    tree: Option<String>,
    /// URL of the answer file, or of the folder of several.
    answer: Option<String>,
    baseline: Option<String>,
    /// URL below which the machine says how far it is.
    callback: Option<String>,
    /// The distro's own network arguments.
    pub(super) network: String,
    /// The root image, where the profile is installed from one.
    image: Option<ImageVariables<'a>>,
    parameters: BTreeMap<&'a str, &'a str>,
}

#[derive(Debug, Serialize)]
struct SiteVariables<'a> {
    name: &'a str,
    domain: &'a str,
    data: Ipv4Addr,
    rack: Ipv4Addr,
    dns: Ipv4Addr,
    ntp: Ipv4Addr,
    gito: Ipv4Addr,
    regi: &'a str,
    subnet: String,
    netmask: Ipv4Addr,
    prefix: u8,
    router: Option<Ipv4Addr>,
}

#[derive(Debug, Serialize)]
struct MachineVariables {
    name: String,
    fqdn: String,
    mac: String,
    address: Option<Ipv4Addr>,
    firmware: Option<String>,
    architecture: String,
    serial: Option<String>,
}

#[derive(Debug, Serialize)]
struct ProfileVariables<'a> {
    name: &'a str,
    method: &'a str,
    timezone: &'a str,
    locale: &'a str,
    keyboard: &'a str,
    ssh_port: u16,
    packages: &'a [String],
    disk: &'a crate::Disk,
    users: Vec<UserVariables<'a>>,
    hooks: Vec<HookVariables<'a>>,
}

#[derive(Debug, Serialize)]
struct UserVariables<'a> {
    name: &'a str,
    fullname: &'a str,
    uid: Option<u32>,
    groups: &'a [String],
    sudo: bool,
    keys: &'a [String],
    password: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct HookVariables<'a> {
    name: &'a str,
    url: String,
}

#[derive(Debug, Serialize)]
struct DistroVariables<'a> {
    name: &'a str,
    title: &'a str,
}

#[derive(Debug, Serialize)]
struct VersionVariables<'a> {
    name: &'a str,
    #[serde(flatten)]
    keys: &'a BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct ImageVariables<'a> {
    url: String,
    sha256: &'a str,
    size: u64,
}

/// Everything that a [`Context`] is made from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'a> {
    pub(super) book: &'a Book,
    pub(super) who: Who<'a>,
    pub(super) chosen: Chosen<'a>,
    pub(super) profile: Option<&'a Profile>,
    /// The install's token; none where nothing is installed.
    pub(super) token: Option<&'a str>,
    /// Secrets by name; none shows where they would stand.
    pub(super) secrets: Option<&'a BTreeMap<String, String>>,
}

/// What stands for a secret where only its place is shown.
pub const MASKED: &str = "********";

impl<'a> Scene<'a> {
    /// Makes the variables.
    pub(super) fn context(&self) -> Result<Context<'a>, super::Error> {
        let Self { book, chosen, profile, .. } = *self;
        let site = &book.site;
        let folder = book.folder(&chosen)?;
        let architectures = &self.boots()?.architectures;
        let own = &chosen.distro.architectures;
        let theirs =
            own.get(chosen.architecture).or_else(|| architectures.get(chosen.architecture));
        Ok(Context {
            site: variables(site),
            machine: self.machine(),
            profile: profile.map(|profile| self.profile(profile)).transpose()?,
            distro: DistroVariables { name: &chosen.distro.name, title: &chosen.distro.title },
            version: VersionVariables { name: &chosen.version.name, keys: keys(chosen.version) },
            architecture: theirs.map_or(chosen.architecture, String::as_str),
            base: folder.map(|folder| format!("http://{}/{}", site.data, folder.path)),
            tree: profile
                .and_then(|profile| profile.tree.as_ref())
                .map(|tree| format!("http://{}/{tree}", site.data)),
            answer: self.answer(),
            baseline: book.baseline.as_ref().and_then(|baseline| self.install(&baseline.name)),
            callback: self.token.map(|token| format!("http://{}/callback/{token}", site.rack)),
            network: String::new(),
            image: profile
                .and_then(|profile| book.root(&profile.name).ok())
                .map(|root| self.image(root)),
            parameters: self.parameters(),
        })
    }

    /// The files that are booted, and whose they are.
    pub(super) fn boot_files(&self) -> Result<&'a BootFiles, Lacking> {
        Ok(self.chosen.method.boot(self.boots()?))
    }

    /// The distro whose files are booted.
    pub(super) fn boots(&self) -> Result<&'a crate::Distro, Lacking> {
        self.chosen
            .method
            .boots
            .as_deref()
            .map_or(Ok(self.chosen.distro), |name| self.book.distro(name))
    }

    /// The answers of this scene: the profile's own, the method's, the distro's.
    pub(super) fn answers(&self) -> Option<&'a crate::Answers> {
        let own = self.profile.and_then(|profile| profile.answers.as_ref());
        own.or(self.chosen.method.answers.as_ref()).or(self.chosen.distro.answers.as_ref())
    }

    fn install(&self, file: &str) -> Option<String> {
        self.token.map(|token| format!("http://{}/install/{token}/{file}", self.book.site.rack))
    }

    fn answer(&self) -> Option<String> {
        match self.answers()?.files.as_slice() {
            [only] => self.install(&only.name),
            _ => self.install(""),
        }
    }

    fn image(&self, root: &'a RootImage) -> ImageVariables<'a> {
        ImageVariables {
            url: format!("http://{}/{}", self.book.site.data, root.path),
            sha256: &root.sha256,
            size: root.size,
        }
    }

    fn machine(&self) -> MachineVariables {
        let (name, mac, address, firmware, serial) = match self.who {
            Who::Known(machine, mac) => (
                machine.name.clone(),
                mac.to_string(),
                machine.address,
                Some(machine.firmware.word().to_owned()),
                machine.serial.clone(),
            ),
            Who::Stranger(asking) => {
                let raw = asking.mac.to_string().replace(':', "");
                (format!("machine-{raw}"), asking.mac.to_string(), None, None, None)
            }
            Who::Anybody => ("machine".to_owned(), "${mac}".to_owned(), None, None, None),
        };
        MachineVariables {
            fqdn: format!("{name}.{}", self.book.site.domain),
            name,
            mac,
            address,
            firmware,
            architecture: self.chosen.architecture.to_owned(),
            serial,
        }
    }

    fn parameters(&self) -> BTreeMap<&'a str, &'a str> {
        let machine = match self.who {
            Who::Known(machine, _) => Some(&machine.parameters),
            Who::Stranger(_) | Who::Anybody => None,
        };
        let profile = self.profile.map(|profile| &profile.parameters);
        let all = profile.into_iter().chain(machine).flatten();
        all.map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    fn profile(&self, profile: &'a Profile) -> Result<ProfileVariables<'a>, super::Error> {
        let users = profile.users.iter().map(|user| {
            Ok(UserVariables {
                name: &user.name,
                fullname: &user.fullname,
                uid: user.uid,
                groups: &user.groups,
                sudo: user.sudo,
                keys: &user.keys,
                password: user.password.as_deref().map(|name| self.secret(name)).transpose()?,
            })
        });
        let hooks = profile.hooks.iter().map(|hook| HookVariables {
            name: &hook.name,
            url: self.install(&hook.name).unwrap_or_default(),
        });
        Ok(ProfileVariables {
            name: &profile.name,
            method: &profile.method,
            timezone: &profile.timezone,
            locale: &profile.locale,
            keyboard: &profile.keyboard,
            ssh_port: profile.ssh_port,
            packages: &profile.packages,
            disk: &profile.disk,
            users: users.collect::<Result<_, super::Error>>()?,
            hooks: hooks.collect(),
        })
    }

    fn secret(&self, name: &str) -> Result<&'a str, super::Error> {
        let Some(secrets) = self.secrets else {
            return Ok(MASKED);
        };
        let found = secrets.get(name).map(String::as_str);
        found.ok_or_else(|| super::Error::Secret { name: name.to_owned() })
    }
}

fn keys(version: &Version) -> &BTreeMap<String, String> {
    &version.keys
}

fn variables(site: &SiteFacts) -> SiteVariables<'_> {
    SiteVariables {
        name: &site.name,
        domain: &site.domain,
        data: site.data,
        rack: site.rack,
        dns: site.dns,
        ntp: site.ntp,
        gito: site.gito,
        regi: &site.regi,
        subnet: site.subnet.to_string(),
        netmask: site.subnet.netmask(),
        prefix: site.subnet.prefix_len(),
        router: site.router,
    }
}
