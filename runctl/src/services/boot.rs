//! boot: dnsmasq, which gives machines their address, their loader, and every name of the site.
//!
//! What the site decides stands in `dnsmasq.conf`; the machines stand in two files of their own, which dnsmasq reads
//! again on SIGHUP, so that a new machine never costs the others their DHCP server.

mod dhcp;
mod ipv6;
mod loaders;

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{ConfigFile, Folder, Mount, OnChange, Probe, ServiceSpec, common};
use crate::service::Service;
use crate::site::{Dhcp, Host, Site};

pub(crate) use loaders::grub;

/// Who asks when it is only a probe. dnsmasq holds the host's own address for it, which no machine can have.
const PROBE_MAC: rack::Mac = rack::Mac([0x02, 0x70, 0x72, 0x6f, 0x62, 0x65]);

pub(super) fn spec(site: &Site) -> ServiceSpec {
    let leases = site.layout.service(Service::Boot);
    let rendered = site.layout.rendered(Service::Boot);
    let host = site.hosts.of(Service::Boot);
    let probe = Probe::Boot {
        bridge: site.bridge.name.clone(),
        address: host.address,
        mac: PROBE_MAC.0,
        name: full_name(site, &host.name),
        proxy: site.boot.dhcp == Dhcp::Proxy,
        file: site.boot.loaders.bios.into(),
    };
    let mut spec = common(site, Service::Boot, probe);
    spec.capabilities = vec!["NET_ADMIN", "NET_BIND_SERVICE", "SETGID", "SETUID"];
    if site.subnet6.is_some() {
        // Router advertisements go out by a raw socket.
        spec.capabilities.push("NET_RAW");
    }
    spec.mounts.push(Mount::writable(leases.clone(), "/var/lib/misc"));
    spec.memory = 64 << 20;
    spec.pids = 32;
    spec.folders.push(Folder::public(leases));
    let reread = OnChange::Signal("SIGHUP");
    spec.mounts.extend(loaders::mounts(site));
    spec.swept = Some(rendered.join("pxelinux.cfg"));
    spec.files = vec![
        ConfigFile::new(rendered.join("dnsmasq.conf"), dnsmasq_conf(site), OnChange::Replace),
        ConfigFile::new(rendered.join("dhcp_hosts"), dhcp_hosts(site), reread),
        ConfigFile::new(rendered.join("hosts"), hosts(site), reread),
    ];
    spec.files.extend(loaders::files(site));
    spec
}

fn full_name(site: &Site, name: &str) -> String {
    format!("{name}.{}", site.domain)
}

fn dnsmasq_conf(site: &Site) -> String {
    let mut text = String::from("# Rendered by runctl from site.toml and boot.toml.\n");
    let addresses =
        dhcp::lines(site).into_iter().chain(loaders::lines(site)).chain(ipv6::lines(site));
    for line in general().chain(dns(site)).chain(addresses) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn general() -> impl Iterator<Item = String> {
    ["interface=eth0", "bind-interfaces", "log-facility=-", "pid-file="]
        .into_iter()
        .map(str::to_owned)
}

/// Names: the site's own, forward and reverse, are never asked outside; others only where an upstream is given.
fn dns(site: &Site) -> impl Iterator<Item = String> {
    let zones = std::iter::once(site.domain.clone()).chain(reverse_zones(site.subnet));
    let fixed = ["no-hosts", "no-resolv", "domain-needed", "addn-hosts=/etc/booddies/hosts"];
    let upstreams = site.dns_upstreams.iter().map(|server| format!("server={server}"));
    fixed
        .into_iter()
        .map(str::to_owned)
        .chain([format!("domain={}", site.domain)])
        .chain(zones.map(|zone| format!("local=/{zone}/")))
        .chain(upstreams)
        .chain(site.hosts.0.iter().map(|host| host_record(site, host)))
}

/// A service by its host name and, where that is another, by the service's own name: `boot01`, `boot`.
fn host_record(site: &Site, host: &Host) -> String {
    let mut names = vec![host.name.as_str()];
    if host.name != host.service.name() {
        names.push(host.service.name());
    }
    let names: Vec<_> =
        names.into_iter().flat_map(|name| [full_name(site, name), name.to_owned()]).collect();
    format!("host-record={},{}", names.join(","), host.address)
}

/// The reverse zones of a subnet, on the octet boundary at or below its prefix: a /22 has four.
fn reverse_zones(subnet: Ipv4Net) -> Vec<String> {
    let prefix = subnet.prefix_len().div_ceil(8).clamp(1, 3) * 8;
    let blocks = subnet.subnets(prefix.max(subnet.prefix_len())).into_iter().flatten();
    let zone = |block: Ipv4Net| {
        let octets = block.network().octets();
        let kept: Vec<_> =
            octets[..usize::from(prefix / 8)].iter().rev().map(ToString::to_string).collect();
        format!("{}.in-addr.arpa", kept.join("."))
    };
    blocks.map(zone).collect()
}

/// Machines for `dhcp-hostsfile`: MACs, address, name. A machine without an address takes one of the pool.
fn dhcp_hosts(site: &Site) -> String {
    let mut text = format!("{PROBE_MAC},{}\n", site.host);
    for machine in &site.machines {
        let macs: Vec<_> = machine.macs.iter().map(ToString::to_string).collect();
        let tag =
            loaders::tag(machine.firmware).map_or_else(String::new, |tag| format!("set:{tag},"));
        let address = machine.address.map_or_else(String::new, |address| format!("{address},"));
        // Writing to a string cannot fail.
        let _: std::fmt::Result =
            writeln!(text, "{},{tag}{address}{}", macs.join(","), machine.name);
    }
    text
}

/// Machines for `addn-hosts`: their names are known before they are.
fn hosts(site: &Site) -> String {
    let line =
        |address: Ipv4Addr, name: &str| format!("{address} {} {name}\n", full_name(site, name));
    let machines = site.machines.iter();
    machines.filter_map(|machine| Some(line(machine.address?, &machine.name))).collect()
}
