//! The words: a machine, and the profile that says what it becomes.

use std::net::Ipv4Addr;

use crate::{Firmware, Mac};

/// A bare server or VM, known by its MACs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Machine {
    /// Host name without domain.
    pub name: String,
    /// Its interfaces; the first boots.
    pub macs: Vec<Mac>,
    /// Fixed address; none takes one of the pool.
    pub address: Option<Ipv4Addr>,
    /// Name of its profile; none boots from local disk.
    pub profile: Option<String>,
    /// How it starts.
    pub firmware: Firmware,
}

/// What a machine becomes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Path of the kernel below `http://data/`, such as `boot/debian-12/linux`.
    pub kernel: String,
    /// Paths of the initrds below `http://data/`.
    pub initrds: Vec<String>,
    /// Kernel arguments; a minijinja template over the machine and the site.
    pub arguments: String,
    /// Answer file: name it is served by, and its minijinja template.
    pub answer: Option<Answer>,
}

/// An answer file's template.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Answer {
    /// Name it is served by, such as `preseed.cfg`.
    pub name: String,
    /// The template's text.
    pub template: String,
}
