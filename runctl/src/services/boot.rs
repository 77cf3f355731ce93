//! boot: dnsmasq, which gives machines their address, their loader, and every name of the site.
//!
//! What the site decides stands in `dnsmasq.conf`; the machines stand in two files of their own, which dnsmasq reads
//! again on SIGHUP, so that a new machine never costs the others their DHCP server.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{ConfigFile, Folder, Mount, OnChange, Probe, Service, ServiceSpec, common};
use crate::site::{Host, Site};

/// Who asks when it is only a probe. dnsmasq holds the host's own address for it, which no machine can have.
const PROBE_MAC: rack::Mac = rack::Mac([0x02, 0x70, 0x72, 0x6f, 0x62, 0x65]);

/// First loader of a BIOS machine, and of a UEFI one; both are iPXE and ask again.
const BIOS_LOADER: &str = "undionly.kpxe";
const UEFI_LOADER: &str = "snponly.efi";

pub(super) fn spec(site: &Site) -> ServiceSpec {
    let leases = site.layout.service(Service::Boot);
    let rendered = site.layout.rendered(Service::Boot);
    let host = site.hosts.of(Service::Boot);
    let probe = Probe::Boot {
        bridge: site.bridge.name.clone(),
        address: host.address,
        mac: PROBE_MAC.0,
        name: full_name(site, &host.name),
        file: BIOS_LOADER.into(),
    };
    let mut spec = common(site, Service::Boot, probe);
    spec.capabilities = vec!["NET_ADMIN", "NET_BIND_SERVICE", "SETGID", "SETUID"];
    spec.mounts.push(Mount::writable(leases.clone(), "/var/lib/misc"));
    spec.memory = 64 << 20;
    spec.pids = 32;
    spec.folders.push(Folder::public(leases));
    let reread = OnChange::Signal("SIGHUP");
    spec.files = vec![
        ConfigFile::new(rendered.join("dnsmasq.conf"), dnsmasq_conf(site), OnChange::Replace),
        ConfigFile::new(rendered.join("dhcp_hosts"), dhcp_hosts(site), reread),
        ConfigFile::new(rendered.join("hosts"), hosts(site), reread),
    ];
    spec
}

fn full_name(site: &Site, name: &str) -> String {
    format!("{name}.{}", site.domain)
}

fn dnsmasq_conf(site: &Site) -> String {
    let mut text = String::from("# Rendered by runctl from site.toml and boot.toml.\n");
    for line in general().chain(dns(site)).chain(dhcp(site)).chain(loaders(site)) {
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

fn dhcp(site: &Site) -> impl Iterator<Item = String> {
    let address = |service| site.hosts.of(service).address;
    let mut lines = vec![
        "dhcp-authoritative".to_owned(),
        // Asking whether an address is in use would need NET_RAW, and a second.
        "no-ping".to_owned(),
        "dhcp-leasefile=/var/lib/misc/dnsmasq.leases".to_owned(),
        "dhcp-hostsfile=/etc/booddies/dhcp_hosts".to_owned(),
        // A stranger gets no name of its own choice.
        "dhcp-ignore-names=tag:!known".to_owned(),
        range(site),
        // Without an address the option is left out, and the machine has no way out.
        site.router.map_or_else(
            || "dhcp-option=option:router".to_owned(),
            |router| format!("dhcp-option=option:router,{router}"),
        ),
        format!("dhcp-option=option:dns-server,{}", address(Service::Boot)),
        format!("dhcp-option=option:ntp-server,{}", address(Service::Ntpd)),
    ];
    lines.extend(site.boot.dhcp_options.iter().map(|option| format!("dhcp-option={option}")));
    if site.boot.log_dhcp {
        lines.push("log-dhcp".to_owned());
    }
    lines.into_iter()
}

/// Without a pool only machines with an address in `dhcp_hosts` are answered.
fn range(site: &Site) -> String {
    let (netmask, lease) = (site.subnet.netmask(), site.boot.lease);
    match &site.boot.pool {
        Some(pool) => format!("dhcp-range={},{},{netmask},{lease}", pool.first, pool.last),
        None => format!("dhcp-range={},static,{netmask},{lease}", site.subnet.network()),
    }
}

/// Loaders by client architecture (option 93); whoever is iPXE already (option 175) gets the first script.
fn loaders(site: &Site) -> impl Iterator<Item = String> {
    let data = site.hosts.of(Service::Data).address;
    [
        "enable-tftp".to_owned(),
        "tftp-root=/srv/tftp".to_owned(),
        "dhcp-match=set:ipxe,175".to_owned(),
        "dhcp-match=set:bios,option:client-arch,0".to_owned(),
        // x86-64 UEFI is 7; some firmware says 9.
        "dhcp-match=set:uefi,option:client-arch,7".to_owned(),
        "dhcp-match=set:uefi,option:client-arch,9".to_owned(),
        format!("dhcp-boot=tag:ipxe,http://{data}/machines/boot.ipxe"),
        format!("dhcp-boot=tag:!ipxe,tag:bios,{BIOS_LOADER}"),
        format!("dhcp-boot=tag:!ipxe,tag:uefi,{UEFI_LOADER}"),
    ]
    .into_iter()
}

/// Machines for `dhcp-hostsfile`: MACs, address, name. A machine without an address takes one of the pool.
fn dhcp_hosts(site: &Site) -> String {
    let mut text = format!("{PROBE_MAC},{}\n", site.host);
    for machine in &site.machines {
        let macs: Vec<_> = machine.macs.iter().map(ToString::to_string).collect();
        let address = machine.address.map_or_else(String::new, |address| format!("{address},"));
        // Writing to a string cannot fail.
        let _: std::fmt::Result = writeln!(text, "{},{address}{}", macs.join(","), machine.name);
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
