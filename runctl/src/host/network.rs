//! Reads the host's interfaces, addresses and routes; the only file that names netlink.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use futures_util::TryStreamExt as _;
use ipnet::Ipv4Net;
use rtnetlink::packet_route::address::AddressAttribute;
use rtnetlink::packet_route::link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage};
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage};
use rtnetlink::{Handle, RouteMessageBuilder, new_connection};

use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::site::Site;
use crate::site::network::{HostNetwork, Link, Network, conflicts, free_subnet};

/// Fails where the host's network has what the site's bridge and subnet would clash with.
pub async fn refuse_conflicts(site: &Site) -> Outcome {
    let host = observe().await?;
    let found = conflicts(site, &host);
    if found.is_empty() {
        return Ok(());
    }
    let failure = Failure::say(Class::Network, found.join("\n       "));
    let folder = site.layout.configuration();
    Err(failure.hint(match free_subnet(site, &host) {
        Some(free) => format!(
            "choose another `bridge` or `subnet` in {}/site.toml; {free} is free",
            folder.display()
        ),
        None => format!("choose another `bridge` or `subnet` in {}/site.toml", folder.display()),
    }))
}

/// Reads the network of the host.
pub async fn observe() -> Outcome<HostNetwork> {
    let tried = || "cannot read this host's network by netlink".to_owned();
    let (connection, handle, _) = new_connection().or_fail(Class::Network, tried)?;
    let connection = tokio::spawn(connection);
    let network = read(&handle).await.or_fail(Class::Network, tried);
    connection.abort();
    network
}

async fn read(handle: &Handle) -> Result<HostNetwork, rtnetlink::Error> {
    let links: Vec<_> = handle.link().get().execute().try_collect().await?;
    let names: HashMap<u32, String> =
        links.iter().map(|link| (link.header.index, name_of(link))).collect();
    let mut networks = Vec::new();
    let addresses: Vec<_> = handle.address().get().execute().try_collect().await?;
    for address in addresses {
        let link = names.get(&address.header.index).cloned();
        let held = address.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(std::net::IpAddr::V4(address)) => Some(*address),
            _ => None,
        });
        let net = held.and_then(|held| Ipv4Net::new(held, address.header.prefix_len).ok());
        networks.extend(net.map(|net| Network { net: net.trunc(), link }));
    }
    let every = RouteMessageBuilder::<Ipv4Addr>::new().build();
    let routes: Vec<_> = handle.route().get(every).execute().try_collect().await?;
    let is_main = |route: &&RouteMessage| route.header.table == RouteHeader::RT_TABLE_MAIN;
    networks.extend(routes.iter().filter(is_main).filter_map(|route| network_of(route, &names)));
    let links = links.iter().map(|link| Link { name: name_of(link), bridge: is_bridge(link) });
    Ok(HostNetwork { links: links.collect(), networks })
}

fn name_of(link: &LinkMessage) -> String {
    let names = link.attributes.iter().filter_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.clone()),
        _ => None,
    });
    names.into_iter().next().unwrap_or_default()
}

fn is_bridge(link: &LinkMessage) -> bool {
    link.attributes.iter().any(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => infos.contains(&LinkInfo::Kind(InfoKind::Bridge)),
        _ => false,
    })
}

fn network_of(route: &RouteMessage, names: &HashMap<u32, String>) -> Option<Network> {
    let mut destination = Ipv4Addr::UNSPECIFIED;
    let mut link = None;
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(address)) => destination = *address,
            RouteAttribute::Oif(index) => link = names.get(index).cloned(),
            _ => {}
        }
    }
    let net = Ipv4Net::new(destination, route.header.destination_prefix_length).ok()?;
    Some(Network { net, link })
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn every_host_has_a_loopback() {
        let host = super::observe().await.expect("netlink answers");
        let loopback = host.networks.iter().find(|n| n.link.as_deref() == Some("lo"));
        assert_eq!(loopback.map(|n| n.net), "127.0.0.0/8".parse().ok());
        assert!(host.links.iter().any(|link| link.name == "lo" && !link.bridge));
    }
}
