//! Wanted and seen make a plan; a plan is applied. Deciding is pure, acting checks before it acts.

mod apply;
mod decide;
mod observe;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;

pub use apply::{Applier, STOP_SECONDS, apply};
pub use decide::{down, up};
pub use observe::{Seen, observe};

use crate::engine::Network;
use crate::service::Service;
use crate::services::{ConfigFile, Folder, OnChange, Secret, ServiceSpec};
use crate::site::Site;

/// Everything that should be there.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The site's name.
    pub site: String,
    /// The network and its bridge.
    pub network: Network,
    /// The containers.
    pub services: Vec<ServiceSpec>,
}

impl Wanted {
    /// Says what these services of a site need.
    pub fn of(site: &Site, services: &[Service]) -> Self {
        Self {
            site: site.name.clone(),
            network: Network {
                name: site.name.clone(),
                bridge: site.bridge.name.clone(),
                subnet: site.subnet.to_string(),
                host: site.host,
                ipv6: site.subnet6.map(|net| net.to_string()).zip(site.address6(site.host)),
                isolated: site.bridge.isolated,
            },
            services: services
                .iter()
                .map(|&service| crate::services::spec(site, service))
                .collect(),
        }
    }
}

/// One thing to do. Reads as a sentence, with its reason.
#[derive(Clone, Debug)]
pub enum Step {
    /// Make a folder, or give it to its owner.
    Folder(Folder),
    /// Make a key, a certificate or a password.
    Secret(Secret),
    /// Write a configuration file.
    File(ConfigFile, &'static str),
    /// Remove a file that nothing asks for any more.
    Unlink(PathBuf),
    /// Make the network and its bridge.
    Network(Network),
    /// Remove a network that is not as it should be, or no longer wanted.
    RemoveNetwork(String, &'static str),
    /// Let frames pass from bridge port to bridge port.
    Passage(String),
    /// Take that rule back.
    RemovePassage(String),
    /// Remove a container.
    Remove(Service, String, &'static str),
    /// Make a container.
    Create(Box<ServiceSpec>, String),
    /// Start a container.
    Start(Service, String, &'static str),
    /// Tell a container to read its files again.
    Signal(Service, String, &'static str),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "make folder {}", folder.path.display()),
            Self::Secret(secret) => write!(f, "make {}", secret.path().display()),
            Self::File(file, why) => write!(f, "write {}: {why}", file.path.display()),
            Self::Unlink(path) => {
                write!(f, "remove {}: nothing asks for it any more", path.display())
            }
            Self::Network(network) => write!(
                f,
                "make network {} on bridge {}, {}{}{}",
                network.name,
                network.bridge,
                network.subnet,
                network.ipv6.as_ref().map_or(String::new(), |(subnet, _)| format!(" and {subnet}")),
                if network.isolated { ", isolated" } else { "" },
            ),
            Self::RemoveNetwork(name, why) => write!(f, "remove network {name}: {why}"),
            Self::Passage(bridge) => write!(f, "let frames pass from port to port of {bridge}"),
            Self::RemovePassage(bridge) => write!(f, "take back the rule for {bridge}"),
            Self::Remove(_, container, why) => write!(f, "remove container {container}: {why}"),
            Self::Create(spec, _) => {
                write!(
                    f,
                    "make container {} from {} at {}",
                    spec.container, spec.image, spec.address
                )
            }
            Self::Start(_, container, why) => write!(f, "start container {container}: {why}"),
            Self::Signal(_, container, signal) => {
                write!(f, "send {signal} to container {container}: its files changed")
            }
        }
    }
}

/// What will be done, in order. Pure data; empty when all is as wanted.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

/// Hashes what a container is made from: its spec, its image, and the files that ask for a new container.
pub fn spec_hash(spec: &ServiceSpec, image_id: &str) -> String {
    use sha2::Digest as _;
    let mut hashed = spec.clone();
    hashed.files.retain(|file| file.on_change == OnChange::Replace);
    let json = serde_json::to_vec(&hashed).unwrap_or_default();
    let digest =
        sha2::Sha256::new().chain_update(image_id).chain_update([0]).chain_update(json).finalize();
    feeds::digest::Sha256(digest.into()).to_string()
}
