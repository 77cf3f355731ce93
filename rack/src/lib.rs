//! Machines and what they become: boot scripts and answer files, rendered without I/O.

use std::net::Ipv4Addr;

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

/// How a machine starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Firmware {
    /// Legacy BIOS.
    #[default]
    Bios,
    /// UEFI x86-64.
    Uefi,
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

/// An Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl std::fmt::Display for Mac {
    /// Six pairs of hexadecimal digits with colons, lower case.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl std::fmt::Debug for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Mac {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
