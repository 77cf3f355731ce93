//! A profile: what a machine becomes, said once for many machines.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::distro::{Answers, Template};

/// What a machine becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Name of its distro.
    pub distro: String,
    /// Which version of it.
    pub version: String,
    /// Our word for the architecture: `x86_64` or `arm64`.
    pub architecture: String,
    /// Which of the distro's methods.
    pub method: String,
    /// Further kernel arguments; a template.
    pub arguments: String,
    /// Install tree or repository below `http://data01/`, such as `apt/debian`.
    pub tree: Option<String>,
    /// Answer files in place of the distro's own.
    pub answers: Option<Answers>,
    /// Packages beyond what the distro installs.
    pub packages: Vec<String>,
    /// Time zone, such as `Etc/UTC`.
    pub timezone: String,
    /// Locale, such as `C.UTF-8`.
    pub locale: String,
    /// Keyboard layout, such as `us`.
    pub keyboard: String,
    /// Where sshd listens.
    pub ssh_port: u16,
    /// The disk that is installed to.
    pub disk: Disk,
    /// Who may log in.
    pub users: Vec<User>,
    /// Scripts that run in the installed system, in this order.
    pub hooks: Vec<Template>,
    /// Free words for templates.
    pub parameters: BTreeMap<String, String>,
}

/// The disk of an installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// `auto`, or a device.
    pub device: String,
    /// How it is divided.
    pub layout: Layout,
    /// Swap in MiB; 0 makes none.
    pub swap: u32,
}

/// How a disk is divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// One root file system.
    #[default]
    Plain,
    /// A volume group that can grow.
    Lvm,
}

/// Somebody who may log in by key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Full name.
    pub fullname: String,
    /// Numeric id; the system chooses where none is given.
    pub uid: Option<u32>,
    /// Further groups.
    pub groups: Vec<String>,
    /// Whether sudo is allowed.
    pub sudo: bool,
    /// Public keys, a line each.
    pub keys: Vec<String>,
    /// Name of the secret that holds the crypt hash of the password; none logs in by key only.
    pub password: Option<String>,
}
