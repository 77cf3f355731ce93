//! A distro as data: its versions, its boot files, the kernel lines of its installer, and what answers it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An operating system or utility that machines can boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distro {
    /// Its name: the stem of its file.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Where it stands in the menu: `linux`, `bsd`, `windows`, `hypervisor`, `utility`.
    pub family: String,
    /// Its versions, newest first.
    pub versions: Vec<Version>,
    /// Our words for architectures, and its own.
    pub architectures: BTreeMap<String, String>,
    /// What it boots, where a method says nothing else.
    pub boot: BootFiles,
    /// Where the boot files are in the distribution's own tree.
    pub tree: Tree,
    /// Its grammar for addresses.
    pub network: Network,
    /// What answers its installer.
    pub answers: Option<Answers>,
    /// The ways to boot it, in the order of its file.
    pub methods: Vec<Method>,
}

/// A version of a distro.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Such as `12`.
    pub name: String,
    /// Further words for templates, such as `codename`.
    pub keys: BTreeMap<String, String>,
}

/// Kernel and initrds by their names in the folder that was fed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootFiles {
    /// The kernel; none where a method is a script.
    pub kernel: Option<String>,
    /// The initrds.
    pub initrds: Vec<String>,
}

/// Where boot files are below the distribution's own mirror; all templates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// A list of checksums, where the distribution publishes one.
    pub sums: Option<String>,
    /// Name in our folder, path in the tree.
    pub files: BTreeMap<String, String>,
}

/// How a static address is told on the kernel line; templates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// For a machine with an address.
    pub fixed: String,
    /// For one without.
    pub dhcp: String,
}

/// The files that answer an installer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// Their format.
    pub kind: String,
    /// The files; a single one is what `{{ answer }}` names, of several their folder.
    pub files: Vec<Template>,
}

/// A file that is rendered for one machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// The name it is served by.
    pub name: String,
    /// Where its text came from, below `/etc/booddies`.
    pub source: String,
    /// The template's text.
    pub text: String,
}

/// One way to boot a distro.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Method {
    /// Its name, such as `install`.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Whether it runs by answer files, unattended: it must be armed.
    pub answered: bool,
    /// The distro whose boot files it takes; its own where none is named.
    pub boots: Option<String>,
    /// `bios` or `efi`, where it works on one only.
    pub platform: Option<String>,
    /// Other boot files than the distro's.
    pub boot: Option<BootFiles>,
    /// Other answers than the distro's.
    pub answers: Option<Answers>,
    /// Kernel arguments; a template.
    pub arguments: String,
    /// iPXE lines in place of kernel, initrds and arguments; a template.
    pub script: Option<String>,
}

impl Distro {
    /// Finds one of its methods.
    pub fn method(&self, name: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.name == name)
    }

    /// Finds one of its versions.
    pub fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.name == name)
    }
}

impl Method {
    /// What it boots.
    pub fn boot<'a>(&'a self, distro: &'a Distro) -> &'a BootFiles {
        self.boot.as_ref().unwrap_or(&distro.boot)
    }
}
