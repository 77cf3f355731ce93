//! The book: everything that a site knows of its machines, as the rack service reads it.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::distro::{Method, Template};
use crate::{Distro, Mac, Machine, Profile};

/// Everything that a site knows of its machines. Holds no secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Book {
    /// The site.
    pub site: SiteFacts,
    /// Known machines.
    pub machines: Vec<Machine>,
    /// What machines become.
    pub profiles: Vec<Profile>,
    /// What can be booted.
    pub distros: Vec<Distro>,
    /// What is in the served generation.
    pub fed: Vec<Fed>,
    /// Root images that were built, by profile.
    pub roots: Vec<RootImage>,
    /// The operator's own menus.
    pub menus: Vec<Custom>,
    /// The one shell script that makes every distro safe.
    pub baseline: Option<Template>,
}

/// What rendering needs to know about the site.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SiteFacts {
    /// Its name, told on the machines' screens.
    pub name: String,
    /// The DNS domain of services and machines.
    pub domain: String,
    /// Addresses of services and machines.
    pub subnet: Ipv4Net,
    /// data's address: kernels and packages.
    pub data: Ipv4Addr,
    /// rack's address: scripts, menus, answer files, callbacks.
    pub rack: Ipv4Addr,
    /// boot's address, where names are asked.
    pub dns: Ipv4Addr,
    /// ntpd's address.
    pub ntp: Ipv4Addr,
    /// gito's address.
    pub gito: Ipv4Addr,
    /// regi's name and port.
    pub regi: String,
    /// The default route; none keeps machines in.
    pub router: Option<Ipv4Addr>,
    /// Name of the profile that unknown machines boot; none shows them the menu.
    pub unknown: Option<String>,
    /// The served generation, told in the menu's title.
    pub generation: Option<u64>,
    /// Seconds after which the menu boots the local disk.
    pub menu_timeout: u32,
}

/// A folder of boot files in the served generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fed {
    /// Below `http://data01/`: `boot/debian-12`, `built/live`.
    pub path: String,
    /// Which distro it boots.
    pub distro: String,
    /// Which version of it.
    pub version: String,
    /// Our word for the architecture.
    pub architecture: String,
    /// The files in it.
    pub files: BTreeSet<String>,
}

/// The root file system that a profile of method `image` is installed from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootImage {
    /// The profile.
    pub profile: String,
    /// Below `http://data01/`.
    pub path: String,
    /// What it must be.
    pub sha256: String,
    /// In bytes.
    pub size: u64,
}

/// A menu of the operator's own: an iPXE script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custom {
    /// Its name in paths.
    pub name: String,
    /// What the menu says: its first comment, or its name.
    pub title: String,
    /// The script.
    pub text: String,
}

/// The files that a machine of a profile reads on its way, below data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The kernel; none where the method is a script.
    pub kernel: Option<String>,
    /// The initrds.
    pub initrds: Vec<String>,
    /// Whether it is an install, with answers and callbacks.
    pub answered: bool,
}

/// What a profile boots: everything looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen<'a> {
    /// The distro.
    pub(crate) distro: &'a Distro,
    /// The version of it, as its file names it.
    pub(crate) version: &'a crate::distro::Version,
    /// Our word for the architecture.
    pub(crate) architecture: &'a str,
    /// The way.
    pub(crate) method: &'a Method,
}

/// Why a profile cannot be booted from this site.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lacking {
    /// Nobody described it.
    #[error("there is no profile `{0}`")]
    Profile(String),
    /// Nobody described it.
    #[error("there is no distro `{0}`")]
    Distro(String),
    /// The distro does not have it.
    #[error("distro `{distro}` has no version `{version}`")]
    Version {
        /// The distro.
        distro: String,
        /// The version asked for.
        version: String,
    },
    /// The distro does not have it.
    #[error("distro `{distro}` has no method `{method}`")]
    Method {
        /// The distro.
        distro: String,
        /// The method asked for.
        method: String,
    },
    /// The distro does not have it.
    #[error("distro `{distro}` is not for `{architecture}`")]
    Architecture {
        /// The distro.
        distro: String,
        /// The architecture asked for.
        architecture: String,
    },
    /// It has not been fed.
    #[error("{distro} {version} for {architecture} is not in the set")]
    Fed {
        /// The distro.
        distro: String,
        /// The version.
        version: String,
        /// The architecture.
        architecture: String,
    },
    /// It has been fed without this file.
    #[error("{folder} has no file `{file}`")]
    File {
        /// Where it is looked for.
        folder: String,
        /// What is missing.
        file: String,
    },
    /// `runctl build os` has not made it.
    #[error("the root image of profile `{0}` has not been built")]
    Root(String),
}

impl Book {
    /// Finds the machine that has this interface.
    pub fn machine_of(&self, mac: Mac) -> Option<&Machine> {
        self.machines.iter().find(|machine| machine.macs.contains(&mac))
    }

    /// Finds a machine by its name.
    pub fn machine(&self, name: &str) -> Option<&Machine> {
        self.machines.iter().find(|machine| machine.name == name)
    }

    /// Finds a profile.
    pub fn profile(&self, name: &str) -> Result<&Profile, Lacking> {
        let found = self.profiles.iter().find(|profile| profile.name == name);
        found.ok_or_else(|| Lacking::Profile(name.to_owned()))
    }

    /// Finds a distro.
    pub fn distro(&self, name: &str) -> Result<&Distro, Lacking> {
        let found = self.distros.iter().find(|distro| distro.name == name);
        found.ok_or_else(|| Lacking::Distro(name.to_owned()))
    }

    /// Looks up everything that a profile names.
    pub(crate) fn chosen<'a>(&'a self, profile: &'a Profile) -> Result<Chosen<'a>, Lacking> {
        let Profile { distro, version, architecture, method, .. } = profile;
        self.choose(distro, version, architecture, method)
    }

    /// Looks up one way to boot one version of a distro.
    pub(crate) fn choose<'a>(
        &'a self,
        distro: &str,
        version: &str,
        architecture: &'a str,
        method: &str,
    ) -> Result<Chosen<'a>, Lacking> {
        let found = self.distro(distro)?;
        if !found.architectures.contains_key(architecture) {
            let (distro, architecture) = (distro.to_owned(), architecture.to_owned());
            return Err(Lacking::Architecture { distro, architecture });
        }
        let lacking = |version: &str| Lacking::Version {
            distro: distro.to_owned(),
            version: version.to_owned(),
        };
        Ok(Chosen {
            distro: found,
            version: found.version(version).ok_or_else(|| lacking(version))?,
            architecture,
            method: found.method(method).ok_or_else(|| Lacking::Method {
                distro: distro.to_owned(),
                method: method.to_owned(),
            })?,
        })
    }

    /// Says what a machine of a profile will read.
    pub fn way(&self, profile: &Profile) -> Result<Way, Lacking> {
        let chosen = self.chosen(profile)?;
        let folder = self.folder(&chosen)?;
        let owner =
            chosen.method.boots.as_deref().map_or(Ok(chosen.distro), |it| self.distro(it))?;
        let below = |file: &String| folder.map(|folder| format!("{}/{file}", folder.path));
        let files = chosen.method.boot(owner);
        Ok(Way {
            kernel: files.kernel.as_ref().and_then(below),
            initrds: files.initrds.iter().filter_map(below).collect(),
            answered: chosen.method.answered,
        })
    }

    /// Tells what keeps a profile from being booted; nothing where all of it is there.
    pub fn lacking(&self, profile: &Profile) -> Option<Lacking> {
        let found = self.chosen(profile).and_then(|chosen| {
            self.folder(&chosen)?;
            let answers = profile.answers.as_ref().or(chosen.method.answers.as_ref());
            if answers.is_some_and(|answers| answers.kind == "image") {
                self.root(&profile.name)?;
            }
            Ok(())
        });
        found.err()
    }

    /// The root image of a profile.
    pub(crate) fn root(&self, profile: &str) -> Result<&RootImage, Lacking> {
        let found = self.roots.iter().find(|root| root.profile == profile);
        found.ok_or_else(|| Lacking::Root(profile.to_owned()))
    }

    /// The folder with the boot files of a choice, all of which are in it; none where it needs no file.
    pub(crate) fn folder(&self, chosen: &Chosen<'_>) -> Result<Option<&Fed>, Lacking> {
        let owner = match &chosen.method.boots {
            Some(other) => self.distro(other)?,
            None => chosen.distro,
        };
        let files = chosen.method.boot(owner);
        let wanted: Vec<_> = files.kernel.iter().chain(&files.initrds).collect();
        let own = chosen.method.boots.is_none();
        let found = self.fed.iter().find(|fed| {
            fed.distro == owner.name
                && fed.architecture == chosen.architecture
                && (!own || fed.version == chosen.version.name)
        });
        let Some(fed) = found else {
            // A script that only talks to iPXE needs nothing.
            if wanted.is_empty() && owner.tree.files.is_empty() {
                return Ok(None);
            }
            return Err(Lacking::Fed {
                distro: owner.name.clone(),
                version: chosen.version.name.clone(),
                architecture: chosen.architecture.to_owned(),
            });
        };
        match wanted.into_iter().find(|file| !fed.files.contains(*file)) {
            Some(file) => Err(Lacking::File { folder: fed.path.clone(), file: file.clone() }),
            None => Ok(Some(fed)),
        }
    }
}
