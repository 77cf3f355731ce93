//! What the site of an empty configuration means, file by file; then what each setting changes.

use insta::assert_snapshot;

use super::*;
use crate::site::{Layout, Pool};

fn site() -> Site {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::load(&Layout::below(folder.path())).unwrap();
    Site { layout: Layout::below("/"), ..site }
}

/// What stands in one of a service's files.
fn file(site: &Site, service: Service, name: &str) -> String {
    let files = spec(site, service).files;
    files.into_iter().find(|file| file.path.ends_with(name)).unwrap().contents
}

fn lines_with(text: &str, word: &str) -> Vec<String> {
    text.lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
}

#[test]
fn dnsmasq_conf() {
    assert_snapshot!(file(&site(), Service::Boot, "dnsmasq.conf"), @r"
    # Rendered by runctl from site.toml and boot.toml.
    interface=eth0
    bind-interfaces
    log-facility=-
    pid-file=
    no-hosts
    no-resolv
    domain-needed
    addn-hosts=/etc/booddies/hosts
    domain=rack.lan
    local=/rack.lan/
    local=/0.77.10.in-addr.arpa/
    host-record=boot01.rack.lan,boot01,boot.rack.lan,boot,10.77.0.2
    host-record=data01.rack.lan,data01,data.rack.lan,data,10.77.0.3
    host-record=gito01.rack.lan,gito01,gito.rack.lan,gito,10.77.0.4
    host-record=cgit01.rack.lan,cgit01,cgit.rack.lan,cgit,10.77.0.5
    host-record=regi01.rack.lan,regi01,regi.rack.lan,regi,10.77.0.6
    host-record=ntpd01.rack.lan,ntpd01,ntpd.rack.lan,ntpd,10.77.0.7
    host-record=rack01.rack.lan,rack01,rack.rack.lan,rack,10.77.0.8
    dhcp-authoritative
    dhcp-range=10.77.0.0,static,255.255.255.0,3600
    dhcp-option=option:router
    dhcp-option=option:dns-server,10.77.0.2
    dhcp-option=option:ntp-server,10.77.0.7
    no-ping
    dhcp-leasefile=/var/lib/misc/dnsmasq.leases
    dhcp-hostsfile=/etc/booddies/dhcp_hosts
    dhcp-ignore-names=tag:!known
    log-dhcp
    enable-tftp
    tftp-max=1000
    tftp-root=/srv/tftp
    dhcp-match=set:ipxe,175
    dhcp-userclass=set:ipxe,iPXE
    dhcp-vendorclass=set:http,HTTPClient
    dhcp-option-force=tag:http,option:vendor-class,HTTPClient
    dhcp-match=set:bios,option:client-arch,0
    dhcp-match=set:uefi,option:client-arch,7
    dhcp-match=set:uefi,option:client-arch,9
    dhcp-match=set:arm64,option:client-arch,11
    dhcp-match=set:uefi-http,option:client-arch,16
    dhcp-match=set:arm64-http,option:client-arch,19
    dhcp-boot=tag:ipxe,tag:!pxelinux,http://10.77.0.8/boot.ipxe
    dhcp-boot=tag:bios,tag:pxelinux,lpxelinux.0
    dhcp-boot=tag:!ipxe,tag:bios,tag:!pxelinux,undionly.kpxe
    dhcp-boot=tag:!ipxe,tag:uefi,tag:secureboot,shimx64.efi
    dhcp-boot=tag:!ipxe,tag:uefi,tag:!secureboot,snponly.efi
    dhcp-boot=tag:!ipxe,tag:arm64,shimaa64.efi
    dhcp-boot=tag:uefi-http,tag:secureboot,http://10.77.0.3/built/loaders/shimx64.efi
    dhcp-boot=tag:uefi-http,tag:!secureboot,http://10.77.0.3/built/loaders/snponly.efi
    dhcp-boot=tag:arm64-http,http://10.77.0.3/built/loaders/shimaa64.efi
    ");
}

#[test]
fn ipv6_is_lent_and_boots_where_it_is_asked_for() {
    let subnet6 = Some("fd77:1::/64".parse().unwrap());
    let site = Site { subnet6, ..site() };
    let conf = file(&site, Service::Boot, "dnsmasq.conf");
    let begin = conf.find("enable-ra").unwrap();
    assert_snapshot!(&conf[begin..], @r#"
    enable-ra
    ra-param=eth0,60,0
    tag-if=set:machine,tag:known
    tag-if=set:machine,tag:known-othernet
    dhcp-range=tag:machine,fd77:1::1:0:0,fd77:1::1:ffff:ffff,64,3600
    dhcp-option=option6:dns-server,[fd77:1::2]
    dhcp-match=set:uefi,option6:61,00:07
    dhcp-match=set:uefi,option6:61,00:09
    dhcp-match=set:uefi-http,option6:61,00:10
    dhcp-option=tag:!ipxe,tag:uefi,option6:bootfile-url,tftp://[fd77:1::2]/snponly.efi
    dhcp-option=tag:uefi-http,option6:bootfile-url,http://[fd77:1::3]/built/loaders/snponly.efi
    dhcp-option-force=tag:uefi-http,option6:16,"0343HTTPClient"
    "#);
    let boot = spec(&site, Service::Boot);
    assert_eq!(boot.address6, "fd77:1::2".parse().ok());
    assert!(boot.capabilities.contains(&"NET_RAW"));
    assert!(file(&site, Service::Data, "listen.conf").contains("listen [::]:80;"));
}

#[test]
fn without_ipv6_nothing_speaks_of_it() {
    let site = site();
    assert_eq!(lines_with(&file(&site, Service::Boot, "dnsmasq.conf"), "option6"), [""; 0]);
    assert!(!file(&site, Service::Data, "listen.conf").contains("[::]"));
    assert!(!serde_json::to_string(&spec(&site, Service::Boot)).unwrap().contains("address6"));
}

#[test]
fn cgitrc() {
    assert_snapshot!(file(&site(), Service::Cgit, "cgitrc"), @r"
    # Rendered by runctl from cgit.toml.
    root-title=booddies
    root-desc=Repositories of this site
    clone-prefix=ssh://git@gito01.rack.lan
    css=/look/look.css
    logo=/cgit-static/cgit.png
    favicon=/cgit-static/favicon.ico
    virtual-root=/
    robots=noindex, nofollow
    source-filter=/usr/local/lib/cgit/source
    about-filter=/usr/local/lib/cgit/about
    readme=:README.md
    readme=:readme.md
    readme=:README
    readme=:README.txt
    readme=:README.rst
    cache-size=0
    enable-index-owner=1
    enable-commit-graph=1
    enable-log-filecount=1
    enable-git-config=1
    enable-http-clone=0
    remove-suffix=1
    section-sort=1
    project-list=/var/lib/gito/projects.list
    scan-path=/var/lib/gito/repositories
    ");
}

#[test]
fn chrony_conf() {
    assert_snapshot!(file(&site(), Service::Ntpd, "chrony.conf"), @r"
    # Rendered by runctl from ntpd.toml.
    allow 10.77.0.0/24
    # The host's clock is told as it is where no server can be asked.
    local stratum 8
    port 123
    # Nobody commands it.
    cmdport 0
    bindcmdaddress /
    pidfile /run/chronyd.pid
    ");
}

#[test]
fn listen_conf() {
    assert_snapshot!(file(&site(), Service::Regi, "listen.conf"), @r"
    # Rendered by runctl from regi.toml.
    listen 5000 ssl;
    ");
}

#[test]
fn pull_conf() {
    assert_snapshot!(file(&site(), Service::Regi, "pull.conf"), @r"
    # Rendered by runctl from regi.toml.
    map $may_write $refused_read { default 0; }
    ");
}

#[test]
fn ssh_config() {
    assert_snapshot!(file(&site(), Service::Gito, "ssh_config"), @r"
    # Rendered by runctl from gito.toml.
    Host *
        IdentityFile /etc/gito/identity
        IdentitiesOnly yes
        UserKnownHostsFile /var/lib/gito/.ssh/known_hosts
        StrictHostKeyChecking yes
        BatchMode yes
        ConnectTimeout 10
    ");
}

#[test]
fn machines_stand_in_files_that_are_reread() {
    let machine = |name: &str, macs: &[[u8; 6]], address: Option<[u8; 4]>| ::rack::Machine {
        name: name.into(),
        macs: macs.iter().copied().map(::rack::Mac).collect(),
        address: address.map(Into::into),
        profile: None,
        firmware: ::rack::Firmware::Bios,
        serial: None,
        parameters: std::collections::BTreeMap::new(),
    };
    let two = [[0x52, 0x54, 0, 0, 0, 1], [0x52, 0x54, 0, 0, 0, 2]];
    let machines = vec![
        machine("kvm-1", &two, Some([10, 77, 0, 21])),
        machine("kvm-2", &[[0x52, 0x54, 0, 0, 0, 3]], None),
    ];
    let site = Site { machines, ..site() };
    assert_snapshot!(file(&site, Service::Boot, "dhcp_hosts"), @r"
    02:70:72:6f:62:65,10.77.0.1
    52:54:00:00:00:01,52:54:00:00:00:02,10.77.0.21,kvm-1
    52:54:00:00:00:03,kvm-2
    ");
    assert_snapshot!(file(&site, Service::Boot, "hosts"), @r"
    10.77.0.21 kvm-1.rack.lan kvm-1
    ");
    let reread = spec(&site, Service::Boot).files.into_iter().skip(1).take(2);
    assert!(reread.into_iter().all(|file| file.on_change == OnChange::Signal("SIGHUP")));
}

/// Firmware that does not say enough of itself is known by its MAC, and PXELINUX is led to rack.
#[test]
fn secure_boot_and_pxelinux_are_known_by_mac() {
    let machine = |n: u8, firmware| ::rack::Machine {
        name: format!("kvm-{n}"),
        macs: vec![::rack::Mac([0x52, 0x54, 0, 0, 0, n])],
        address: None,
        profile: None,
        firmware,
        serial: None,
        parameters: std::collections::BTreeMap::new(),
    };
    let firmwares = ::rack::Firmware::ALL.into_iter();
    let machines = firmwares.zip(1..).map(|(firmware, n)| machine(n, firmware)).collect();
    let site = Site { machines, ..site() };
    let hosts = file(&site, Service::Boot, "dhcp_hosts");
    assert_eq!(
        lines_with(&hosts, "set:"),
        ["52:54:00:00:00:02,set:pxelinux,kvm-2", "52:54:00:00:00:05,set:secureboot,kvm-5"]
    );
    assert_eq!(
        file(&site, Service::Boot, "pxelinux.cfg/01-52-54-00-00-00-02"),
        "INCLUDE http://10.77.0.8/pxelinux/52-54-00-00-00-02\n"
    );
    let files = spec(&site, Service::Boot).files;
    let menus = files.iter().filter(|file| file.path.to_string_lossy().contains("/01-")).count();
    assert_eq!(menus, 1, "only PXELINUX reads one");
    assert!(
        file(&site, Service::Boot, "grub/grub.cfg")
            .contains("configfile (http,10.77.0.8)/grub/$net_default_mac\n")
    );
}

#[test]
fn a_proxy_lends_nothing_and_answers_no_stranger() {
    let mut site = site();
    site.boot.dhcp = crate::site::Dhcp::Proxy;
    let text = file(&site, Service::Boot, "dnsmasq.conf");
    assert_eq!(lines_with(&text, "dhcp-range"), ["dhcp-range=10.77.0.0,proxy,255.255.255.0"]);
    assert_eq!(lines_with(&text, "dhcp-ignore="), ["dhcp-ignore=tag:!known"]);
    assert!(lines_with(&text, "dhcp-authoritative").is_empty());
    // Without it dnsmasq wants a capability that the container does not have.
    assert_eq!(lines_with(&text, "no-ping"), ["no-ping"]);
}

#[test]
fn own_loaders_lie_over_those_of_the_image() {
    let mut site = site();
    let before = spec(&site, Service::Boot).mounts.len();
    site.boot.loaders.own.push(crate::site::OwnLoader {
        name: "ipxe.efi",
        path: "/etc/booddies/loaders/ipxe.efi".into(),
        sha256: "ab".repeat(32),
    });
    let boot = spec(&site, Service::Boot);
    assert_eq!(boot.mounts.len(), before + 1);
    assert_eq!(boot.mounts[before].target, "/srv/tftp/ipxe.efi");
    let list = boot.files.iter().find(|file| file.path.ends_with("loaders")).unwrap();
    assert_eq!(list.contents, format!("{}  ipxe.efi\n", "ab".repeat(32)));
    assert_eq!(list.on_change, OnChange::Replace, "a new one replaces the container");
}

#[test]
fn a_pool_a_router_and_upstreams_open_the_site() {
    let mut site = site();
    site.boot.pool =
        Some(Pool { first: [10, 77, 0, 200].into(), last: [10, 77, 0, 250].into(), profile: None });
    site.router = Some([10, 77, 0, 1].into());
    site.dns_upstreams = vec![[10, 9, 9, 9].into()];
    let text = file(&site, Service::Boot, "dnsmasq.conf");
    assert_eq!(
        lines_with(&text, "dhcp-range"),
        ["dhcp-range=10.77.0.200,10.77.0.250,255.255.255.0,3600"]
    );
    assert_eq!(lines_with(&text, "router"), ["dhcp-option=option:router,10.77.0.1"]);
    assert_eq!(lines_with(&text, "server="), ["server=10.9.9.9"]);
}

#[test]
fn reverse_zones_stand_on_octets() {
    let mut site = site();
    let mut zones = |subnet: &str| {
        site.subnet = subnet.parse().unwrap();
        lines_with(&file(&site, Service::Boot, "dnsmasq.conf"), "in-addr.arpa")
    };
    assert_eq!(zones("10.1.0.0/16"), ["local=/1.10.in-addr.arpa/"]);
    assert_eq!(
        zones("10.1.2.0/23"),
        ["local=/2.1.10.in-addr.arpa/", "local=/3.1.10.in-addr.arpa/"]
    );
    assert_eq!(zones("10.1.2.128/25"), ["local=/2.1.10.in-addr.arpa/"]);
}

#[test]
fn only_boot_holds_capabilities() {
    let site = site();
    for service in Service::ALL {
        let spec = spec(&site, service);
        assert_eq!(spec.capabilities.is_empty(), service != Service::Boot, "{service}");
        assert_eq!(spec.user.is_none(), service == Service::Boot, "{service}");
    }
}

#[test]
fn gito_takes_the_operators_key_and_identity() {
    let mut site = site();
    let targets = |site: &Site| -> Vec<_> {
        spec(site, Service::Gito)
            .mounts
            .into_iter()
            .map(|mount| mount.target.into_owned())
            .collect()
    };
    assert_eq!(targets(&site), ["/etc/booddies", "/var/lib/gito", "/etc/gito/admin.pub"]);
    site.gito.admin_key = Some("/root/.ssh/id_ed25519.pub".into());
    site.gito.identity = Some("/root/.ssh/id_ed25519".into());
    site.gito.trust_hosts = vec!["git.example".into(), "forge.example".into()];
    assert!(
        targets(&site).ends_with(&["/etc/gito/operator.pub".into(), "/etc/gito/identity".into()])
    );
    let text = file(&site, Service::Gito, "ssh_config");
    assert!(
        text.contains("Host git.example forge.example\n    StrictHostKeyChecking accept-new\n")
    );
}
