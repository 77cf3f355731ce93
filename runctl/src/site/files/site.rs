//! site.toml: the docker host, its bridge, and what images are made of.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use ipnet::{Ipv4Net, Ipv6Net};

use super::super::kinds::{
    absolute, address, domain, flag, host_name, image, interface, oui, subnet, subnet6,
};
use super::super::model::{Base as ImageBase, Bridge, Image};
use super::super::table::Table;

pub(super) const FILE: &str = "site.toml";

/// What all other files build upon.
pub(super) struct Base {
    pub(super) name: String,
    pub(super) domain: String,
    pub(super) state: Option<PathBuf>,
    pub(super) bridge: Bridge,
    pub(super) subnet: Ipv4Net,
    pub(super) subnet6: Option<Ipv6Net>,
    pub(super) host: Ipv4Addr,
    pub(super) router: Option<Ipv4Addr>,
    pub(super) dns_upstreams: Vec<Ipv4Addr>,
    pub(super) oui: [u8; 3],
    pub(super) image: Image,
}

/// Reads site.toml.
pub(super) fn read(mut table: Table<'_>) -> Base {
    let name = table.or("name", "booddies", host_name);
    let domain = table.or("domain", "rack.lan", domain);
    let state = table.optional("state", absolute);
    let mut network = table.section("network");
    let bridge = Bridge {
        name: network.or("bridge", "br0", interface),
        isolated: network.or("isolated", true, flag),
    };
    let subnet = network.or("subnet", "10.77.0.0/24", subnet);
    let subnet6 = network.optional("subnet6", subnet6);
    let first = subnet.hosts().next().unwrap_or(subnet.addr());
    let host = network.or("host", first.to_string(), address);
    let router = network.optional("router", address);
    let dns_upstreams = network.list("dns_upstreams", &[], address);
    let oui = network.or("oui", "00:16:3e", oui);
    network.finish();
    let image = images(table.section("image"));
    table.finish();
    Base { name, domain, state, bridge, subnet, subnet6, host, router, dns_upstreams, oui, image }
}

fn images(mut table: Table<'_>) -> Image {
    let base = match table.or("base", "host", image) {
        host if host == "host" => ImageBase::Host,
        reference => ImageBase::Reference(reference),
    };
    let prefix = table.or("prefix", "booddies", image);
    table.finish();
    Image { base, prefix }
}
