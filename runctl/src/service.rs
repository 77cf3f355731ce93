//! The services by name: what commands, units, files and folders call them.

/// The services, in the order in which they start.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum, serde::Serialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// dnsmasq: DHCP, TFTP, DNS.
    Boot,
    /// HTTP: repositories, kernels, root images.
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
