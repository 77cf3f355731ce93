//! data: nginx over the generation that the feeds published.

use super::{ConfigFile, Folder, Mount, OnChange, Probe, ServiceSpec, common};
use crate::service::Service;
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
    // Firmware that starts over IPv6 reads its loader so; a kernel without IPv6 would refuse the address.
    let listen = if site.subnet6.is_some() { "listen [::]:80;\n" } else { "" };
    let listen = format!("# Rendered by runctl from site.toml.\n{listen}");
    let path = site.layout.rendered(Service::Data).join("listen.conf");
    spec.files = vec![ConfigFile::new(path, listen, OnChange::Replace)];
    spec
}
