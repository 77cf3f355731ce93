//! The container engine as the rest of runctl sees it: our own words, no client library.

mod docker;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

pub use docker::{BuildRequest, Docker};

/// The label that carries the site's name, on everything that runctl makes.
pub const LABEL_SITE: &str = "booddies.site";
/// The label that carries the service's name.
pub const LABEL_SERVICE: &str = "booddies.service";
/// The label that carries the sha256 of the spec that a container was made from.
pub const LABEL_SPEC: &str = "booddies.spec";
/// The label that carries the sha256 of everything that went into an image.
pub const LABEL_INPUT: &str = "booddies.input";

/// A container as the engine tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenContainer {
    /// Its name.
    pub name: String,
    /// Hash of the spec it was made from; empty if none.
    pub spec: String,
    /// What it is doing.
    pub state: State,
    /// Id of its image.
    pub image: String,
    /// When it was last started, RFC 3339; empty if never.
    pub started: String,
    /// How often the engine has brought it back.
    pub restarts: u64,
    /// Exit code of its last run.
    pub exit_code: i64,
}

/// What a container is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Made, never started.
    Created,
    /// Running.
    Running,
    /// The engine is about to bring it back.
    Restarting,
    /// Ended, or stopped.
    Stopped,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Stopped => "stopped",
        })
    }
}

/// A network as it is wanted, or as the engine tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its name: the site's.
    pub name: String,
    /// The bridge's interface name.
    pub bridge: String,
    /// Its subnet, CIDR.
    pub subnet: String,
    /// The host's address on it.
    pub host: Ipv4Addr,
    /// The same over IPv6: subnet and the host's address; none without.
    pub ipv6: Option<(String, Ipv6Addr)>,
    /// Whether the engine keeps its traffic on it.
    pub isolated: bool,
}

/// An image as the engine tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenImage {
    /// `sha256:…` of its configuration.
    pub id: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// How many layers it has.
    pub layers: usize,
}

/// One line that a container wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When, RFC 3339 with nanoseconds, as the engine stamped it.
    pub time: String,
    /// The line, without its end.
    pub text: String,
}

/// Which log lines are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogRange {
    /// The last so many; all where none is given.
    pub tail: Option<usize>,
    /// From this second on, Unix time.
    pub since: Option<i64>,
    /// Whether to wait for more.
    pub follow: bool,
}
