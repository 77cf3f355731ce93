//! What containers a site means: pure functions from a [`Site`] to a [`ServiceSpec`], one file per service.

mod boot;
mod cgit;
mod data;
mod gito;
mod ntpd;
mod rack;
mod regi;
mod secret;
mod spec;
#[cfg(test)]
mod tests;

pub(crate) use boot::grub;
pub use regi::{trust_script, users as regi_users};
pub use secret::Secret;
pub use spec::{ConfigFile, Folder, Mount, OnChange, Probe, ServiceSpec};

use crate::service::Service;
use crate::site::Site;

/// Says what container a service is on this site.
pub fn spec(site: &Site, service: Service) -> ServiceSpec {
    match service {
        Service::Boot => boot::spec(site),
        Service::Data => data::spec(site),
        Service::Gito => gito::spec(site),
        Service::Cgit => cgit::spec(site),
        Service::Regi => regi::spec(site),
        Service::Ntpd => ntpd::spec(site),
        Service::Rack => rack::spec(site),
    }
}

/// What all services have in common: the place on the bridge, the configuration at `/etc/booddies`, no capability.
fn common(site: &Site, service: Service, probe: Probe) -> ServiceSpec {
    let host = site.hosts.of(service);
    ServiceSpec {
        service,
        container: format!("{}-{service}", site.name),
        hostname: host.name.clone(),
        image: format!("{}/{service}:latest", site.image.prefix),
        address: host.address,
        address6: site.address6(host.address),
        uplink: None,
        mac: ::rack::Mac(host.mac).to_string(),
        user: None,
        capabilities: Vec::new(),
        mounts: vec![Mount::read_only(site.layout.rendered(service), "/etc/booddies")],
        tmpfs: Vec::new(),
        environment: Vec::new(),
        command: Vec::new(),
        memory: 256 << 20,
        pids: 256,
        folders: vec![Folder::public(site.layout.rendered(service))],
        files: Vec::new(),
        swept: None,
        secrets: Vec::new(),
        rereads_secrets: None,
        probe,
    }
}
