//! What containers a site means: pure functions from a [`Site`] to a [`ServiceSpec`], one file per service.

use std::net::Ipv4Addr;
use std::path::PathBuf;

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
}

impl Service {
    /// All services, in the order in which they start.
    pub const ALL: [Self; 6] = [
        Self::Boot,
        Self::Data,
        Self::Gito,
        Self::Cgit,
        Self::Regi,
        Self::Ntpd,
    ];

    /// The name of the service, its unit, its TOML file and its folder in `images/`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boot => "boot",
            Self::Data => "data",
            Self::Gito => "gito",
            Self::Cgit => "cgit",
            Self::Regi => "regi",
            Self::Ntpd => "ntpd",
        }
    }
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// One container as it is wanted. Pure data; its hash is the container's label.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ServiceSpec {
    /// Which service this is.
    pub service: Service,
    /// The container's name: `<site>-<service>`.
    pub container: String,
    /// Its host name: the first part of its name in DNS.
    pub hostname: String,
    /// The image's reference, `<prefix>/<service>:latest`.
    pub image: String,
    /// Its fixed address on the bridge.
    pub address: Ipv4Addr,
    /// Its fixed MAC: the site's OUI and three bytes of a hash of its host name.
    pub mac: String,
    /// `uid:gid` inside; none means root (with the capabilities below, and no others).
    pub user: Option<String>,
    /// Capabilities kept; all others are dropped.
    pub capabilities: Vec<&'static str>,
    /// Folders of the host.
    pub mounts: Vec<Mount>,
    /// Folders in memory (the root is read-only), with their mount options.
    pub tmpfs: Vec<(&'static str, &'static str)>,
    /// Variables.
    pub environment: Vec<(String, String)>,
    /// Arguments of the image's entry point.
    pub command: Vec<String>,
    /// Memory limit in bytes.
    pub memory: u64,
    /// Limit of processes.
    pub pids: i64,
    /// Other services that must be ready first, where both are wanted.
    pub after: Vec<Service>,
    /// Folders that must exist on the host before it starts.
    pub folders: Vec<Folder>,
    /// Files that runctl writes for it on the host.
    pub files: Vec<ConfigFile>,
    /// Secrets made once when missing (never part of the hash, never printed).
    #[serde(skip)]
    pub secrets: Vec<Secret>,
    /// How to ask whether it is ready.
    #[serde(skip)]
    pub probe: Probe,
}

/// A folder of the host, seen inside.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Mount {
    /// On the host.
    pub source: PathBuf,
    /// Inside.
    pub target: &'static str,
    /// Whether the container may only read it.
    pub read_only: bool,
}

/// A folder on the host and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Folder {
    /// On the host.
    pub path: PathBuf,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permissions.
    pub mode: u32,
}

/// What a changed file asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum OnChange {
    /// Replace the container: its content is part of the spec's hash.
    Replace,
    /// Send the signal; the container stays.
    Signal(&'static str),
    /// Nothing: it is read at each request.
    Nothing,
}

/// A file that runctl writes on the host for a container to read.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ConfigFile {
    /// On the host; written beside and renamed.
    pub path: PathBuf,
    /// What stands in it; never a secret.
    pub contents: String,
    /// Permissions.
    pub mode: u32,
    /// Owner and group, root's where none are given.
    pub owner: Option<(u32, u32)>,
    /// What a change of it asks for.
    pub on_change: OnChange,
}

/// Something made once, on the first start, and kept (0600).
#[derive(Clone, Debug)]
pub enum Secret {
    /// The site's certificate authority (key and certificate).
    CertificateAuthority {
        /// The key, PEM, 0600.
        key: PathBuf,
        /// The certificate, PEM, 0644.
        certificate: PathBuf,
        /// The subject's common name.
        name: String,
    },
    /// A server certificate signed by the authority, made anew when the names change or it is about to expire.
    ServerCertificate {
        /// The key, PEM, 0600.
        key: PathBuf,
        /// The certificate, PEM, 0644.
        certificate: PathBuf,
        /// The authority's key.
        authority_key: PathBuf,
        /// The authority's certificate.
        authority: PathBuf,
        /// DNS names and addresses.
        names: Vec<String>,
        /// Owner of both files.
        owner: (u32, u32),
    },
    /// An ed25519 ssh key pair (`path` and `path.pub`).
    SshKey {
        /// The private key, OpenSSH format.
        path: PathBuf,
        /// Its comment.
        comment: String,
        /// Owner of both files.
        owner: (u32, u32),
    },
    /// A random password, 32 hexadecimal digits, one line.
    Password {
        /// Where it is kept.
        path: PathBuf,
        /// Owner of the file.
        owner: (u32, u32),
    },
    /// A bcrypt password file with one user, made from a `Password`.
    PasswordFile {
        /// The file, `user:hash`.
        path: PathBuf,
        /// The user.
        user: String,
        /// Where the clear password is kept.
        password: PathBuf,
        /// Owner of the file.
        owner: (u32, u32),
    },
    /// A file with the given contents where `{}` stands for the password kept at `password`.
    Rendered {
        /// The file.
        path: PathBuf,
        /// Text around the password.
        template: String,
        /// Where the clear password is kept.
        password: PathBuf,
        /// Owner of the file.
        owner: (u32, u32),
    },
}

impl Secret {
    /// Where it is kept.
    pub fn path(&self) -> &std::path::Path {
        match self {
            Self::CertificateAuthority {
                certificate: path, ..
            }
            | Self::ServerCertificate {
                certificate: path, ..
            }
            | Self::SshKey { path, .. }
            | Self::Password { path, .. }
            | Self::PasswordFile { path, .. }
            | Self::Rendered { path, .. } => path,
        }
    }
}

/// A question in the service's own protocol; the answer says whether it is ready.
#[derive(Clone, Debug)]
pub enum Probe {
    /// DHCP DISCOVER on the bridge from this MAC, a DNS query for `name`, and a TFTP read of `file`.
    Boot {
        /// The bridge, where the question is asked.
        bridge: String,
        /// dnsmasq's address.
        address: Ipv4Addr,
        /// The MAC that asks; dnsmasq holds an address for it.
        mac: [u8; 6],
        /// A name that must resolve to `address`.
        name: String,
        /// A file that must be readable by TFTP.
        file: String,
    },
    /// GET must answer 200 (plain HTTP).
    Http {
        /// The URL.
        url: String,
    },
    /// `git ls-remote` over ssh.
    Git {
        /// The URL, `ssh://git@address/gitolite-admin`.
        url: String,
        /// The admin's private key.
        key: PathBuf,
    },
    /// `GET /v2/` over TLS, trusted by this authority, must answer 200 or 401 with a registry's header.
    Registry {
        /// The URL of `/v2/`.
        url: String,
        /// The authority's certificate.
        authority: PathBuf,
    },
    /// An NTP query must be answered with a stratum below 16.
    Ntp {
        /// The server.
        address: Ipv4Addr,
    },
}

/// Says what container a service is on this site.
pub fn spec(site: &Site, service: Service) -> ServiceSpec {
    let _ = (site, service);
    todo!()
}
