//! One container as data: what the plan compares and the engine makes. Nothing here knows a particular service.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use super::Secret;
use crate::service::Service;

/// One container as it is wanted. Pure data; its hash is the container's label.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ServiceSpec {
    /// Which service this is.
    pub service: Service,
    /// The container's name: `<site>-<service>`.
    pub container: String,
    /// Its host name: the first part of its name in DNS.
    pub hostname: String,
    /// The image's reference, `<prefix>/<service>:latest`.
    pub image: String,
    /// Its fixed address on the bridge.
    pub address: Ipv4Addr,
    /// The same over IPv6, where the site has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address6: Option<Ipv6Addr>,
    /// A network beside the bridge, with a way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uplink: Option<String>,
    /// Its fixed MAC: the site's OUI and three bytes of a hash of its host name.
    pub mac: String,
    /// `uid:gid` inside; none means root (with the capabilities below, and no others).
    pub user: Option<String>,
    /// Capabilities kept; all others are dropped.
    pub capabilities: Vec<&'static str>,
    /// Folders of the host.
    pub mounts: Vec<Mount>,
    /// Folders in memory (the root is read-only), with their mount options.
    pub tmpfs: Vec<(&'static str, &'static str)>,
    /// Variables.
    pub environment: Vec<(String, String)>,
    /// Arguments of the image's entry point.
    pub command: Vec<String>,
    /// Memory limit in bytes.
    pub memory: u64,
    /// Limit of processes.
    pub pids: i64,
    /// Folders that must exist on the host before it starts.
    pub folders: Vec<Folder>,
    /// Files that runctl writes for it on the host.
    pub files: Vec<ConfigFile>,
    /// A folder that holds the files above and nothing else: whatever else lies in it is removed.
    #[serde(skip)]
    pub swept: Option<PathBuf>,
    /// Secrets made once when missing (never part of the hash, never printed).
    #[serde(skip)]
    pub secrets: Vec<Secret>,
    /// The signal that has it read new secrets, where it reads them but once.
    #[serde(skip)]
    pub rereads_secrets: Option<&'static str>,
    /// How to ask whether it is ready.
    #[serde(skip)]
    pub probe: Probe,
}

/// A folder of the host, seen inside.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Mount {
    /// On the host.
    pub source: PathBuf,
    /// Inside.
    pub target: Cow<'static, str>,
    /// Whether the container may only read it.
    pub read_only: bool,
}

/// A folder on the host and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Folder {
    /// On the host.
    pub path: PathBuf,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permissions.
    pub mode: u32,
}

/// What a changed file asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum OnChange {
    /// Replace the container: its content is part of the spec's hash.
    Replace,
    /// Send the signal; the container stays.
    Signal(&'static str),
    /// Nothing: it is read at each request.
    Nothing,
}

/// A file that runctl writes on the host for a container to read.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ConfigFile {
    /// On the host; written beside and renamed.
    pub path: PathBuf,
    /// What stands in it; never a secret.
    pub contents: String,
    /// Permissions.
    pub mode: u32,
    /// Owner and group, root's where none are given.
    pub owner: Option<(u32, u32)>,
    /// What a change of it asks for.
    pub on_change: OnChange,
}

/// A question in the service's own protocol; the answer says whether it is ready.
#[derive(Clone, Debug)]
pub enum Probe {
    /// DHCP DISCOVER on the bridge from this MAC, a DNS query for `name`, and a TFTP read of `file`.
    Boot {
        /// The bridge, where the question is asked.
        bridge: String,
        /// dnsmasq's address.
        address: Ipv4Addr,
        /// The MAC that asks; dnsmasq holds an address for it.
        mac: [u8; 6],
        /// Whether another server lends the addresses, and ours adds only the loader.
        proxy: bool,
        /// A name that must resolve to `address`.
        name: String,
        /// A file that must be readable by TFTP.
        file: String,
    },
    /// GET must answer 200 (plain HTTP).
    Http {
        /// The URL.
        url: String,
    },
    /// `git ls-remote` over ssh.
    Git {
        /// The URL, `ssh://git@address/gitolite-admin`.
        url: String,
        /// The admin's private key.
        key: PathBuf,
        /// gito's public host key, which it makes on its first start: whoever else answers is refused.
        host_key: PathBuf,
    },
    /// `GET /v2/` over TLS, trusted by this authority, must answer 200 or 401 with a registry's header.
    Registry {
        /// The URL of `/v2/`.
        url: String,
        /// The authority's certificate.
        authority: PathBuf,
    },
    /// An NTP query must be answered with a stratum below 16.
    Ntp {
        /// The server.
        address: Ipv4Addr,
    },
}

impl Mount {
    /// A folder or file that the container may only read.
    pub(super) fn read_only(source: PathBuf, target: impl Into<Cow<'static, str>>) -> Self {
        Self { source, target: target.into(), read_only: true }
    }

    /// A folder that the container writes.
    pub(super) fn writable(source: PathBuf, target: impl Into<Cow<'static, str>>) -> Self {
        Self { source, target: target.into(), read_only: false }
    }
}

impl Folder {
    /// A folder of root's that everybody may read.
    pub(super) fn public(path: PathBuf) -> Self {
        Self { path, uid: 0, gid: 0, mode: 0o755 }
    }

    /// A folder that nobody but its owner enters.
    pub(super) fn private(path: PathBuf, owner: u32) -> Self {
        Self { path, uid: owner, gid: owner, mode: 0o700 }
    }
}

impl ConfigFile {
    /// A file of root's that everybody may read.
    pub(super) fn new(path: PathBuf, contents: String, on_change: OnChange) -> Self {
        Self { path, contents, mode: 0o644, owner: None, on_change }
    }
}
