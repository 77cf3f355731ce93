//! Reads what is there: the engine, the bridge's rule, folders, files and secrets of the wanted services.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use super::Wanted;
use crate::engine::{Docker, Network, SeenContainer};
use crate::failure::Outcome;
use crate::host::{files, firewall, secrets};
use crate::service::Service;
use crate::services::{Folder, Secret, ServiceSpec};

/// What is there.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The site's network.
    pub network: Option<Network>,
    /// Whether bridged frames pass through iptables on this host.
    pub frames_are_filtered: bool,
    /// Whether the rule that lets them pass on the site's bridge stands.
    pub passage: bool,
    /// The site's containers.
    pub containers: BTreeMap<Service, SeenContainer>,
    /// Ids of the wanted images that are there, by reference.
    pub images: HashMap<String, String>,
    /// Wanted folders that are there and belong to the right user.
    pub folders: Vec<Folder>,
    /// Contents of wanted files.
    pub files: HashMap<PathBuf, String>,
    /// Files that lie where only wanted files may.
    pub strays: HashMap<Service, Vec<PathBuf>>,
    /// Secrets that must be made, or made anew.
    pub secrets_due: HashMap<Service, Vec<Secret>>,
}

/// Looks at everything that is wanted.
pub async fn observe(docker: &Docker, wanted: &Wanted) -> Outcome<Seen> {
    let mut seen = Seen {
        network: docker.network(&wanted.network.name).await?,
        frames_are_filtered: firewall::frames_are_filtered(),
        passage: firewall::has_passage(&wanted.network.bridge).await?,
        ..Seen::default()
    };
    let mut containers = docker.containers(&wanted.site).await?;
    for service in Service::ALL {
        if let Some(container) = containers.remove(service.name()) {
            seen.containers.insert(service, container);
        }
    }
    for spec in &wanted.services {
        if let Some(image) = docker.image(&spec.image).await? {
            seen.images.insert(spec.image.clone(), image.id);
        }
        seen.folders.extend(spec.folders.iter().filter(|folder| is_as_wanted(folder)).cloned());
        for file in &spec.files {
            if let Ok(contents) = fs_err::read_to_string(&file.path) {
                seen.files.insert(file.path.clone(), contents);
            }
        }
        let due: Vec<_> =
            spec.secrets.iter().filter(|secret| secrets::is_due(secret)).cloned().collect();
        seen.strays.insert(spec.service, strays(spec));
        seen.secrets_due.insert(spec.service, due);
    }
    Ok(seen)
}

/// The files below the swept folder of a service that are none of its own.
fn strays(spec: &ServiceSpec) -> Vec<PathBuf> {
    let Some(folder) = &spec.swept else {
        return Vec::new();
    };
    let wanted: HashSet<_> = spec.files.iter().map(|file| file.path.as_path()).collect();
    let mut found = files::below(folder).unwrap_or_default();
    found.retain(|path| !wanted.contains(path.as_path()));
    found.sort();
    found
}

fn is_as_wanted(folder: &Folder) -> bool {
    fs_err::metadata(&folder.path).is_ok_and(|found| {
        found.is_dir()
            && (found.uid(), found.gid()) == (folder.uid, folder.gid)
            && found.mode() & 0o7777 == folder.mode
    })
}
