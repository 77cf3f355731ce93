//! data: nginx over the generation that the feeds published, and the machines' boot scripts and answer files.

use super::{ConfigFile, Folder, Mount, OnChange, Probe, Service, ServiceSpec, common};
use crate::site::Site;

pub(super) fn spec(site: &Site) -> ServiceSpec {
    let published = site.layout.store().join("published");
    let machines = site.layout.machines();
    // The listing of a mounted folder: nginx answers and its mounts are there, even before the first feed.
    let probe =
        Probe::Http { url: format!("http://{}/machines/", site.hosts.of(Service::Data).address) };
    let mut spec = common(site, Service::Data, probe);
    spec.user = Some("33:33".into());
    spec.mounts.push(Mount::read_only(published.clone(), "/srv/booddies"));
    spec.mounts.push(Mount::read_only(machines.clone(), "/srv/machines"));
    spec.tmpfs = vec![("/run", "size=16m,mode=0755,uid=33,gid=33")];
    spec.pids = 64;
    spec.after = vec![Service::Boot];
    spec.folders.push(Folder::public(published));
    spec.folders.push(Folder::public(machines.clone()));
    spec.swept = Some(machines.clone());
    spec.files = rendered(site)
        .into_iter()
        .map(|(path, contents)| ConfigFile::new(machines.join(path), contents, OnChange::Nothing))
        .collect();
    spec
}

/// Boot scripts and answer files of all machines, by their paths below `/machines/`.
fn rendered(site: &Site) -> std::collections::BTreeMap<String, String> {
    rack::render::files(&site.machines, &site.profiles, &site.facts())
        .expect("a checked site's templates render")
}
