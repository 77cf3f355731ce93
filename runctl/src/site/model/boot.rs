//! boot.toml: how machines are lent addresses, and the kernels that they are sent.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use super::super::Loaders;

/// boot.toml
#[derive(Clone, Debug)]
pub struct Boot {
    /// Whether it lends addresses, or leaves that to another server.
    pub dhcp: Dhcp,
    /// Addresses for unknown machines; none turns them away.
    pub pool: Option<Pool>,
    /// Lease time in seconds.
    pub lease: u32,
    /// More DHCP options, as dnsmasq writes them.
    pub dhcp_options: Vec<String>,
    /// Whether each DHCP exchange is logged (rehearse and trace read it).
    pub log_dhcp: bool,
    /// Seconds after which the menu boots the local disk.
    pub menu_timeout: u32,
    /// The loaders that machines are sent.
    pub loaders: Loaders,
    /// Kernels and initrds to feed.
    pub kernels: Vec<KernelFeed>,
}

/// What boot does beside other DHCP servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dhcp {
    /// It is the only one, and lends addresses.
    Lend,
    /// Another one lends addresses; boot adds the loader to its answers.
    Proxy,
}

/// A range of addresses for unknown machines.
#[derive(Clone, Debug)]
pub struct Pool {
    /// First.
    pub first: Ipv4Addr,
    /// Last.
    pub last: Ipv4Addr,
    /// The profile an unknown machine boots; none shows the menu and falls to local disk.
    pub profile: Option<String>,
}

/// One kernel and initrd of the boot feed; published as `boot/<name>/`.
#[derive(Clone, Debug)]
pub struct KernelFeed {
    /// Folder below `boot/`.
    pub name: String,
    /// Which distro it boots.
    pub boots: Option<Boots>,
    /// From where.
    pub source: KernelSource,
}

/// What a folder of boot files boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boots {
    /// The distro.
    pub distro: String,
    /// Which version of it.
    pub version: String,
    /// Our word for the architecture.
    pub architecture: String,
}

/// Where a kernel comes from.
#[derive(Clone, Debug)]
pub enum KernelSource {
    /// From a tree with a `.treeinfo`.
    Treeinfo {
        /// The tree, tried in order.
        urls: Vec<String>,
        /// The variant's architecture, such as `x86_64`.
        architecture: String,
        /// sha256 of `.treeinfo` itself, or written-down lack of trust (none).
        sha256: Option<String>,
    },
    /// From the distribution's own tree, where its distro file says.
    Tree {
        /// The tree, tried in order.
        urls: Vec<String>,
        /// sha256 of the distribution's list of checksums, or written-down lack of trust (none).
        sha256: Option<String>,
    },
    /// From a folder of the operator's own: media that nobody may mirror.
    Folder {
        /// The folder on this host.
        path: PathBuf,
    },
    /// From plain URLs with sha256.
    Urls {
        /// Name in the folder, URLs (tried in order), sha256.
        files: Vec<(String, Vec<String>, String)>,
    },
    /// From inside a .deb of an APT feed.
    Deb {
        /// The name of the `[[apt]]` entry of data.toml.
        apt: String,
        /// The package.
        package: String,
        /// Name in the folder, path inside the package.
        files: Vec<(String, String)>,
    },
}

impl KernelSource {
    /// The names of the files that it brings, where they are known before it is fed.
    pub fn names(&self) -> Option<std::collections::BTreeSet<String>> {
        match self {
            Self::Deb { files, .. } => Some(files.iter().map(|file| file.0.clone()).collect()),
            Self::Urls { files } => Some(files.iter().map(|file| file.0.clone()).collect()),
            Self::Treeinfo { .. } | Self::Tree { .. } | Self::Folder { .. } => None,
        }
    }
}
