//! Lines of `dnsmasq.conf` about addresses: lent by boot itself, or left to another server that boot stands beside.

use crate::service::Service;
use crate::site::{Dhcp, Site};

/// Who gets which address, and the options that come with it.
pub(super) fn lines(site: &Site) -> Vec<String> {
    let mut lines = match site.boot.dhcp {
        Dhcp::Lend => lending(site),
        Dhcp::Proxy => vec![
            format!("dhcp-range={},proxy,{}", site.subnet.network(), site.subnet.netmask()),
            // The segment may be somebody else's too: strangers boot as if boot were not there.
            "dhcp-ignore=tag:!known".to_owned(),
            // Nobody has the tag and sees the prompt; without one dnsmasq is no proxy at all.
            "pxe-prompt=tag:never,booddies".to_owned(),
        ],
    };
    // Asking whether an address is in use would need NET_RAW, and a second.
    lines.push("no-ping".to_owned());
    lines.push("dhcp-leasefile=/var/lib/misc/dnsmasq.leases".to_owned());
    lines.push("dhcp-hostsfile=/etc/booddies/dhcp_hosts".to_owned());
    // A stranger gets no name of its own choice.
    lines.push("dhcp-ignore-names=tag:!known".to_owned());
    lines.extend(site.boot.dhcp_options.iter().map(|option| format!("dhcp-option={option}")));
    if site.boot.log_dhcp {
        lines.push("log-dhcp".to_owned());
    }
    lines
}

fn lending(site: &Site) -> Vec<String> {
    let address = |service| site.hosts.of(service).address;
    vec![
        "dhcp-authoritative".to_owned(),
        range(site),
        // Without an address the option is left out, and the machine has no way out.
        site.router.map_or_else(
            || "dhcp-option=option:router".to_owned(),
            |router| format!("dhcp-option=option:router,{router}"),
        ),
        format!("dhcp-option=option:dns-server,{}", address(Service::Boot)),
        format!("dhcp-option=option:ntp-server,{}", address(Service::Ntpd)),
    ]
}

/// Without a pool only machines with an address in `dhcp_hosts` are answered.
fn range(site: &Site) -> String {
    let (netmask, lease) = (site.subnet.netmask(), site.boot.lease);
    match &site.boot.pool {
        Some(pool) => format!("dhcp-range={},{},{netmask},{lease}", pool.first, pool.last),
        None => format!("dhcp-range={},static,{netmask},{lease}", site.subnet.network()),
    }
}
