//! Which loader a machine is sent, by what its firmware says of itself, and where that loader goes on.
//!
//! iPXE asks again and is sent its first script. GRUB and PXELINUX read a file by TFTP whose one line leads them to rack.

use std::net::Ipv4Addr;

use crate::service::Service;
use crate::services::{ConfigFile, Mount, OnChange};
use crate::site::{Loaders, Site};

/// Where dnsmasq reads what it sends by TFTP.
const TFTP_ROOT: &str = "/srv/tftp";
/// Tags by client architecture (option 93).
const ARCHITECTURES: [(&str, u16); 6] = [
    ("bios", 0),
    // x86-64 UEFI is 7; some firmware says 9.
    ("uefi", 7),
    ("uefi", 9),
    ("arm64", 11),
    ("uefi-http", 16),
    ("arm64-http", 19),
];

/// Lines of `dnsmasq.conf`: who is what, and what it gets.
pub(super) fn lines(site: &Site) -> Vec<String> {
    let data = site.hosts.of(Service::Data).address;
    let rack = site.hosts.of(Service::Rack).address;
    let Loaders { bios, uefi, arm64, .. } = site.boot.loaders;
    let published = format!("http://{data}/built/loaders");
    let mut lines = vec![
        "enable-tftp".to_owned(),
        // A rack that is switched on at once; of itself dnsmasq lets all but fifty wait, past their firmware's patience.
        "tftp-max=1000".to_owned(),
        format!("tftp-root={TFTP_ROOT}"),
        // iPXE says so twice; some builds leave one out.
        "dhcp-match=set:ipxe,175".to_owned(),
        "dhcp-userclass=set:ipxe,iPXE".to_owned(),
        "dhcp-vendorclass=set:http,HTTPClient".to_owned(),
        // Firmware that boots by HTTP takes no answer without this.
        "dhcp-option-force=tag:http,option:vendor-class,HTTPClient".to_owned(),
    ];
    lines.extend(
        ARCHITECTURES
            .map(|(tag, number)| format!("dhcp-match=set:{tag},option:client-arch,{number}")),
    );
    let sent = [
        ("tag:ipxe,tag:!pxelinux", format!("http://{rack}/boot.ipxe")),
        ("tag:bios,tag:pxelinux", "lpxelinux.0".to_owned()),
        ("tag:!ipxe,tag:bios,tag:!pxelinux", bios.to_owned()),
        ("tag:!ipxe,tag:uefi,tag:secureboot", "shimx64.efi".to_owned()),
        ("tag:!ipxe,tag:uefi,tag:!secureboot", uefi.to_owned()),
        ("tag:!ipxe,tag:arm64", arm64.to_owned()),
        ("tag:uefi-http,tag:secureboot", format!("{published}/shimx64.efi")),
        ("tag:uefi-http,tag:!secureboot", format!("{published}/{uefi}")),
        ("tag:arm64-http", format!("{published}/{arm64}")),
    ];
    lines.extend(sent.map(|(tags, loader)| format!("dhcp-boot={tags},{loader}")));
    lines
}

/// The tag of a machine for which its firmware's own words do not suffice.
pub(super) fn tag(firmware: rack::Firmware) -> Option<&'static str> {
    match firmware {
        rack::Firmware::Pxelinux => Some("pxelinux"),
        rack::Firmware::SecureBoot => Some("secureboot"),
        _ => None,
    }
}

/// The operator's own loaders, each over the one of that name in the image.
pub(super) fn mounts(site: &Site) -> impl Iterator<Item = Mount> {
    site.boot
        .loaders
        .own
        .iter()
        .map(|own| Mount::read_only(own.path.clone(), format!("{TFTP_ROOT}/{}", own.name)))
}

/// Files by TFTP: what GRUB and PXELINUX read first, and a list of the operator's own loaders, so that a new one is noticed.
pub(super) fn files(site: &Site) -> Vec<ConfigFile> {
    let rendered = site.layout.rendered(Service::Boot);
    let own = site.boot.loaders.own.iter();
    let own = own.map(|own| format!("{}  {}\n", own.sha256, own.name)).collect::<Vec<_>>().concat();
    let mut files = vec![
        ConfigFile::new(rendered.join("loaders"), own, OnChange::Replace),
        ConfigFile::new(rendered.join("grub/grub.cfg"), grub(rack(site)), OnChange::Nothing),
    ];
    let pxelinux = |name: &str, asked: &str| {
        let line = format!("INCLUDE http://{}/pxelinux/{asked}\n", rack(site));
        ConfigFile::new(rendered.join("pxelinux.cfg").join(name), line, OnChange::Nothing)
    };
    files.push(pxelinux("default", "default"));
    let macs = site.machines.iter().filter(|machine| reads_pxelinux(site, machine.firmware));
    let macs = macs.flat_map(|machine| &machine.macs).map(|mac| mac.hyphens());
    files.extend(macs.map(|mac| pxelinux(&format!("01-{mac}"), &mac)));
    files
}

fn reads_pxelinux(site: &Site, firmware: rack::Firmware) -> bool {
    match firmware {
        rack::Firmware::Pxelinux => true,
        rack::Firmware::Bios => site.boot.loaders.bios == "lpxelinux.0",
        _ => false,
    }
}

/// GRUB's first file: rack's answer for this machine; without one the firmware goes on with its next entry, the disk.
pub(crate) fn grub(rack: Ipv4Addr) -> String {
    format!(
        "# Rendered by runctl.\n\
         for try in 1 2 3 4 5; do\n    \
             echo \"asking rack about $net_default_mac\"\n    \
             configfile (http,{rack})/grub/$net_default_mac\n    \
             sleep 5\n\
         done\n\
         exit\n"
    )
}

/// rack's address.
fn rack(site: &Site) -> Ipv4Addr {
    site.hosts.of(Service::Rack).address
}
