//! The site as rack's book: what the service reads, and `runctl machine render` too.

use rack::{Book, Fed, SiteFacts};

use super::{Folder, KernelSource, Site, set};
use crate::service::Service;

/// The distro that is our own live system, and the folder that it is built into.
pub const LIVE: &str = "live";
const LIVE_FOLDER: &str = "built/live";

impl Site {
    /// The book as it stands: with what is in the served generation.
    pub fn book(&self) -> Book {
        let folders = self.set.folders.iter();
        self.book_with(folders.filter_map(|folder| self.fed(folder)).collect())
    }

    /// The book as it will be once everything that is configured has been fed and built.
    pub fn book_to_be(&self) -> Book {
        let mut fed: Vec<_> = self
            .boot
            .kernels
            .iter()
            .filter_map(|kernel| {
                let boots = kernel.boots.clone()?;
                let distro = self.distros.iter().find(|distro| distro.name == boots.distro)?;
                Some(Fed {
                    path: format!("boot/{}", kernel.name),
                    distro: boots.distro,
                    version: boots.version,
                    architecture: boots.architecture,
                    files: match &kernel.source {
                        KernelSource::Folder { path } => set::files(path),
                        source => source.names().unwrap_or_else(|| every_file(distro)),
                    },
                })
            })
            .collect();
        for distro in self.distros.iter().filter(|distro| distro.name == LIVE) {
            fed.push(self.live(every_file(distro)));
        }
        let mut book = self.book_with(fed);
        let images = self.profiles.iter().filter(|profile| profile.method == "image");
        book.roots = images
            .map(|profile| rack::RootImage {
                profile: profile.name.clone(),
                path: format!("built/os/{}/root.tar.zst", profile.name),
                sha256: "0".repeat(64),
                size: 0,
            })
            .collect();
        book
    }

    fn book_with(&self, fed: Vec<Fed>) -> Book {
        Book {
            site: self.facts(),
            machines: self.machines.clone(),
            profiles: self.profiles.clone(),
            distros: self.distros.clone(),
            fed,
            roots: self.set.roots.clone(),
            menus: self.menus.clone(),
            baseline: self.baseline.clone(),
        }
    }

    fn fed(&self, folder: &Folder) -> Option<Fed> {
        if folder.path == LIVE_FOLDER {
            return Some(self.live(folder.files.clone()));
        }
        let name = folder.path.strip_prefix("boot/")?;
        let kernel = self.boot.kernels.iter().find(|kernel| kernel.name == name)?;
        let boots = kernel.boots.clone()?;
        Some(Fed {
            path: folder.path.clone(),
            distro: boots.distro,
            version: boots.version,
            architecture: boots.architecture,
            files: folder.files.clone(),
        })
    }

    fn live(&self, files: std::collections::BTreeSet<String>) -> Fed {
        let live = self.distros.iter().find(|distro| distro.name == LIVE);
        let version = live.and_then(|live| live.versions.first());
        Fed {
            path: LIVE_FOLDER.to_owned(),
            distro: LIVE.to_owned(),
            version: version.map(|version| version.name.clone()).unwrap_or_default(),
            architecture: "x86_64".to_owned(),
            files,
        }
    }

    /// What rendering needs to know of the site.
    pub fn facts(&self) -> SiteFacts {
        let address = |service| self.hosts.of(service).address;
        SiteFacts {
            name: self.name.clone(),
            domain: self.domain.clone(),
            subnet: self.subnet,
            data: address(Service::Data),
            rack: address(Service::Rack),
            dns: address(Service::Boot),
            ntp: address(Service::Ntpd),
            gito: address(Service::Gito),
            regi: format!(
                "{}.{}:{}",
                self.hosts.of(Service::Regi).name,
                self.domain,
                self.regi.port
            ),
            router: self.router,
            unknown: self.boot.pool.as_ref().and_then(|pool| pool.profile.clone()),
            generation: self.set.generation,
            menu_timeout: self.boot.menu_timeout,
        }
    }
}

/// Every file that a distro's methods boot.
fn every_file(distro: &rack::Distro) -> std::collections::BTreeSet<String> {
    let own = std::iter::once(&distro.boot);
    let methods = distro.methods.iter().filter_map(|method| method.boot.as_ref());
    let files = own.chain(methods).flat_map(|boot| boot.kernel.iter().chain(&boot.initrds));
    files.chain(distro.tree.files.keys()).cloned().collect()
}
