//! What a checked site is: plain data, in which nothing is missing or contradicts itself.

mod boot;
mod data;
mod regi;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use feeds::git::{By, Divergence, Login, Pin, Verification};
use ipnet::{Ipv4Net, Ipv6Net};

pub use boot::{Boot, Boots, Dhcp, KernelFeed, KernelSource, Pool};
pub use data::{
    AptExtras, AptFeed, AptUpstream, Data, FilesFeed, Filter, IsoImage, ListedFiles, SignedFile,
    SumsTrust, Trust, YumFeed, YumSigned, YumTree, YumUpstream,
};
pub use regi::{ImageFeed, ImageSource, PullThrough, Regi};

use super::{Layout, Set};
use crate::service::Service;

/// A whole site, checked: nothing in it can be missing or contradict itself.
#[derive(Clone, Debug)]
pub struct Site {
    /// All paths.
    pub layout: Layout,
    /// Names the containers, images' labels and the network; two sites on one engine differ in it.
    pub name: String,
    /// The DNS domain of services and machines.
    pub domain: String,
    /// The isolated bridge.
    pub bridge: Bridge,
    /// Addresses of services and machines.
    pub subnet: Ipv4Net,
    /// The same segment's IPv6 addresses, a /64; none where it has no IPv6.
    pub subnet6: Option<Ipv6Net>,
    /// The host's own address on the bridge.
    pub host: Ipv4Addr,
    /// What machines get as their default route; none keeps them in.
    pub router: Option<Ipv4Addr>,
    /// Where names outside the domain are asked; empty asks nobody.
    pub dns_upstreams: Vec<Ipv4Addr>,
    /// First three bytes of the MACs of containers.
    pub oui: [u8; 3],
    /// What images are made of.
    pub image: Image,
    /// Fixed address and host name per service.
    pub hosts: Hosts,
    /// Settings of boot.
    pub boot: Boot,
    /// Settings of data, and what it mirrors.
    pub data: Data,
    /// Settings of gito, and what it mirrors.
    pub gito: Gito,
    /// Settings of cgit.
    pub cgit: Cgit,
    /// Settings of regi, and what it mirrors.
    pub regi: Regi,
    /// Settings of ntpd.
    pub ntpd: Ntpd,
    /// Settings of rack.
    pub rack: Rack,
    /// Known machines.
    pub machines: Vec<rack::Machine>,
    /// What machines become.
    pub profiles: Vec<rack::Profile>,
    /// Files that hold what may stand in no other: password hashes.
    pub secrets: Vec<SecretFile>,
    /// What machines can boot.
    pub distros: Vec<rack::Distro>,
    /// The operator's own menus.
    pub menus: Vec<rack::Custom>,
    /// The script that makes every installed system safe.
    pub baseline: Option<rack::Template>,
    /// What the served generation holds for machines to boot.
    pub set: Set,
}

/// A file with one secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretFile {
    /// What profiles call it.
    pub name: String,
    /// Where the operator keeps it.
    pub path: PathBuf,
}

/// The L2 segment.
#[derive(Clone, Debug)]
pub struct Bridge {
    /// The interface's name, such as `br0`.
    pub name: String,
    /// Whether nothing leaves it by way of this host.
    pub isolated: bool,
}

/// Where images come from.
#[derive(Clone, Debug)]
pub struct Image {
    /// The base of all images.
    pub base: Base,
    /// First part of the images' names, such as `booddies`.
    pub prefix: String,
}

/// The base image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// Made by mmdebstrap from the host's own APT sources.
    Host,
    /// Any image reference the operator names (with apt inside).
    Reference(String),
}

/// Address and names of each service.
#[derive(Clone, Debug)]
pub struct Hosts(pub Vec<Host>);

/// One service's place on the bridge.
#[derive(Clone, Debug)]
pub struct Host {
    /// Which.
    pub service: Service,
    /// Host name without domain, such as `boot01`.
    pub name: String,
    /// Fixed address.
    pub address: Ipv4Addr,
    /// Fixed MAC; from the OUI and the host name where the operator named none.
    pub mac: [u8; 6],
}

/// gito.toml
#[derive(Clone, Debug)]
pub struct Gito {
    /// The admin's public key; made on the first start where none is given.
    pub admin_key: Option<PathBuf>,
    /// Private key that gito uses towards upstreams and mirrors.
    pub identity: Option<PathBuf>,
    /// Hosts whose ssh keys are learned once.
    pub trust_hosts: Vec<String>,
    /// How many mirrors are under way at once; each takes a thread.
    pub parallel: usize,
    /// Repositories to mirror.
    pub repositories: Vec<GitFeed>,
    /// Puppetfiles that stand alone, whose modules are mirrored.
    pub puppetfiles: Vec<Puppetfile>,
}

/// A Puppetfile of the operator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Puppetfile {
    /// Where it lies.
    pub path: PathBuf,
    /// Below which name the modules are mirrored.
    pub modules: String,
    /// Who may read them, as gitolite names users and groups.
    pub readers: Vec<String>,
}

/// One git repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitFeed {
    /// Local name, without `.git`.
    pub name: String,
    /// Upstream.
    pub url: String,
    /// Owner, shown by cgit.
    pub owner: String,
    /// One line, shown by cgit.
    pub description: String,
    /// Section in cgit.
    pub category: String,
    /// Where pushes are mirrored to by gito itself; none pushes nowhere.
    pub push_mirror: Option<String>,
    /// What becomes of work that is pushed here.
    pub divergence: Divergence,
    /// Who may read, as gitolite names users and groups.
    pub readers: Vec<String>,
    /// Who may write too.
    pub writers: Vec<String>,
    /// How to log in over https.
    pub login: Login,
    /// By what it is fetched.
    pub by: By,
    /// The part of the upstream that is mirrored.
    pub pin: Pin,
    /// What must be signed, and by whom.
    pub verification: Option<Verification>,
    /// Below which name the modules are mirrored that its Puppetfiles name; none where it is no control repository.
    pub modules: Option<String>,
}

/// cgit.toml
#[derive(Clone, Debug)]
pub struct Cgit {
    /// Title of the index page.
    pub title: String,
    /// Line below it.
    pub description: String,
    /// Prefix of the clone URL shown.
    pub clone_prefix: String,
}

/// ntpd.toml
#[derive(Clone, Debug)]
pub struct Ntpd {
    /// Servers asked where the site has a way out.
    pub upstreams: Vec<String>,
    /// Stratum told when cut off.
    pub local_stratum: u8,
}

/// rack.toml
#[derive(Clone, Debug)]
pub struct Rack {
    /// Seconds until the token of an install expires.
    pub token_lifetime: u32,
    /// A repository of gito with more menus.
    pub menus: Option<String>,
}

impl Site {
    /// What an address of the subnet is in `subnet6`: the same place, counted from its start; none without IPv6.
    pub fn address6(&self, address: Ipv4Addr) -> Option<Ipv6Addr> {
        let place = u32::from(address).wrapping_sub(u32::from(self.subnet.network()));
        Some(Ipv6Addr::from_bits(self.subnet6?.network().to_bits() | u128::from(place)))
    }
}

impl Hosts {
    /// The place of one service.
    pub fn of(&self, service: Service) -> &Host {
        self.0.iter().find(|host| host.service == service).expect("a checked site has all services")
    }
}
