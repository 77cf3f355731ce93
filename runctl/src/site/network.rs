//! What this host's network has already that a site's bridge and subnet would clash with.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::Site;

/// The host's network as far as a site can clash with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostNetwork {
    /// Its interfaces.
    pub links: Vec<Link>,
    /// Its IPv4 addresses and routes.
    pub networks: Vec<Network>,
}

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Whether it is a bridge.
    pub bridge: bool,
}

/// A network that the host reaches, or an address that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Which.
    pub net: Ipv4Net,
    /// By which interface; none for routes that reach nothing.
    pub link: Option<String>,
}

/// Says what of the host's network a site would clash with; nothing means that the bridge may be made.
pub fn conflicts(site: &Site, host: &HostNetwork) -> Vec<String> {
    let bridge = site.bridge.name.as_str();
    let mut found = Vec::new();
    if host.links.iter().any(|link| link.name == bridge && !link.bridge) {
        found.push(format!("interface {bridge} exists and is not a bridge"));
    }
    for Network { net, link } in host.networks.iter().filter(|network| is_particular(network)) {
        let own = link.as_deref() == Some(bridge);
        if own && !site.subnet.contains(net) {
            found.push(format!(
                "bridge {bridge} has {net} already, which is outside {}",
                site.subnet
            ));
        } else if !own && overlap(*net, site.subnet) {
            let by = link.as_ref().map_or(String::new(), |link| format!(" of {link}"));
            found.push(format!("subnet {} overlaps {net}{by}", site.subnet));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Proposes a subnet of the same size that clashes with nothing.
pub fn free_subnet(site: &Site, host: &HostNetwork) -> Option<Ipv4Net> {
    let length = site.subnet.prefix_len().max(16);
    let candidates = (77..=255).map(|second| Ipv4Addr::new(10, second, 0, 0));
    candidates.filter_map(|start| Ipv4Net::new(start, length).ok()).find(|candidate| {
        let mut taken = host.networks.iter().filter(|network| is_particular(network));
        !taken.any(|network| overlap(network.net, *candidate))
    })
}

/// Default routes, whole or in halves, reach everything and so clash with nothing.
fn is_particular(network: &Network) -> bool {
    network.net.prefix_len() >= 8
}

fn overlap(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b) || b.contains(&a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::Layout;

    fn site() -> Site {
        Site::load(&Layout::below("/nowhere")).expect("all defaults are sound")
    }

    fn host(links: &[(&str, bool)], networks: &[(&str, Option<&str>)]) -> HostNetwork {
        let links =
            links.iter().map(|(name, bridge)| Link { name: (*name).to_owned(), bridge: *bridge });
        let networks = networks.iter().map(|(net, link)| Network {
            net: net.parse().expect("a network"),
            link: link.map(ToOwned::to_owned),
        });
        HostNetwork { links: links.collect(), networks: networks.collect() }
    }

    #[test]
    fn a_default_route_and_the_own_bridge_are_no_conflict() {
        let host = host(
            &[("eth0", false), ("br0", true)],
            &[
                ("0.0.0.0/0", Some("eth0")),
                ("128.0.0.0/1", Some("tun0")),
                ("192.0.2.0/24", Some("eth0")),
                ("10.77.0.0/24", Some("br0")),
                ("10.77.0.1/32", Some("br0")),
            ],
        );
        assert_eq!(conflicts(&site(), &host), Vec::<String>::new());
    }

    #[test]
    fn a_wider_and_a_narrower_route_are_conflicts() {
        let host = host(
            &[],
            &[
                ("10.0.0.0/8", Some("tun0")),
                ("10.77.0.9/32", Some("eth1")),
                ("10.77.0.64/26", None),
            ],
        );
        assert_eq!(
            conflicts(&site(), &host),
            [
                "subnet 10.77.0.0/24 overlaps 10.0.0.0/8 of tun0",
                "subnet 10.77.0.0/24 overlaps 10.77.0.64/26",
                "subnet 10.77.0.0/24 overlaps 10.77.0.9/32 of eth1",
            ]
        );
        assert_eq!(free_subnet(&site(), &host), None);
    }

    #[test]
    fn a_bridge_of_somebody_else_is_a_conflict() {
        let host = host(&[("br0", true)], &[("192.168.1.0/24", Some("br0"))]);
        assert_eq!(
            conflicts(&site(), &host),
            ["bridge br0 has 192.168.1.0/24 already, which is outside 10.77.0.0/24"]
        );
    }

    #[test]
    fn an_interface_that_is_no_bridge_is_a_conflict() {
        let host = host(&[("br0", false)], &[]);
        assert_eq!(conflicts(&site(), &host), ["interface br0 exists and is not a bridge"]);
    }

    #[test]
    fn a_free_subnet_is_proposed() {
        let host = host(&[], &[("10.77.0.0/16", Some("eth0")), ("10.78.0.0/24", Some("eth1"))]);
        assert_eq!(free_subnet(&site(), &host), "10.79.0.0/24".parse().ok());
    }
}
