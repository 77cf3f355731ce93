//! data: nginx over the generation that the feeds published.

use super::{Folder, Mount, Probe, Service, ServiceSpec, common};
use crate::site::Site;

pub(super) fn spec(site: &Site) -> ServiceSpec {
    let published = site.layout.store().join("published");
    let probe = Probe::Http { url: format!("http://{}/", site.hosts.of(Service::Data).address) };
    let mut spec = common(site, Service::Data, probe);
    spec.user = Some("33:33".into());
    spec.mounts.push(Mount::read_only(published.clone(), "/srv/booddies"));
    spec.tmpfs = vec![("/run", "size=16m,mode=0755,uid=33,gid=33")];
    spec.pids = 64;
    spec.folders.push(Folder::public(published));
    spec
}
