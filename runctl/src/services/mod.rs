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

use crate::site::Site;

/// The services, in the order in which they start.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum, serde::Serialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// dnsmasq: DHCP, TFTP, DNS.
    Boot,
    /// HTTP: repositories, kernels, boot scripts, answer files.
    Data,
    /// gitolite over ssh.
    Gito,
    /// Pages over gito's repositories.
    Cgit,
    /// The OCI registry.
    Regi,
    /// Time.
    Ntpd,
    /// Boot scripts, answer files and callbacks of the machines.
    Rack,
}

impl Service {
    /// All services, in the order in which they start.
    pub const ALL: [Self; 7] =
        [Self::Boot, Self::Data, Self::Gito, Self::Cgit, Self::Regi, Self::Ntpd, Self::Rack];

    /// The name of the service, its unit, its TOML file and its folder in `images/`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boot => "boot",
            Self::Data => "data",
            Self::Gito => "gito",
            Self::Cgit => "cgit",
            Self::Regi => "regi",
            Self::Ntpd => "ntpd",
            Self::Rack => "rack",
        }
    }
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

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
        address6: site.six(host.address),
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
