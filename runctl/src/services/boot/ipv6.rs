//! Lines of `dnsmasq.conf` about IPv6, where `site.toml` has a `subnet6`: addresses by DHCPv6, loaders for firmware that
//! starts over it, and router advertisements that advertise no router.
//!
//! Loaders go on by IPv4, and for iPXE the advertisement alone is worth it: it waits 13 s for one on every other network.

use std::net::Ipv6Addr;

use crate::service::Service;
use crate::site::Site;

/// Tags by client architecture (option 61 of DHCPv6, RFC 5970): those of UEFI x86-64.
const ARCHITECTURES: [(&str, &str); 3] =
    [("uefi", "00:07"), ("uefi", "00:09"), ("uefi-http", "00:10")];

/// What is lent lies beyond all places that an IPv4 subnet has, so beyond every service.
const LENT: (u128, u128) = (1 << 32, (2 << 32) - 1);

/// Nothing where the site has no IPv6.
pub(super) fn lines(site: &Site) -> Vec<String> {
    let Some(net) = site.subnet6 else {
        return Vec::new();
    };
    let [first, last] =
        [LENT.0, LENT.1].map(|place| Ipv6Addr::from_bits(net.network().to_bits() | place));
    // A machine's fixed address is IPv4's, so that dnsmasq knows it "from another net" here.
    let whom = if site.boot.pool.is_some() { "" } else { "tag:machine," };
    let mut lines = vec![
        "enable-ra".to_owned(),
        // A lifetime of 0: nobody learns a way out.
        "ra-param=eth0,60,0".to_owned(),
        "tag-if=set:machine,tag:known".to_owned(),
        "tag-if=set:machine,tag:known-othernet".to_owned(),
        format!("dhcp-range={whom}{first},{last},64,{}", site.boot.lease),
    ];
    let address6 = |service| site.address6(site.hosts.of(service).address);
    if let (Some(boot), Some(data)) = (address6(Service::Boot), address6(Service::Data)) {
        lines.push(format!("dhcp-option=option6:dns-server,[{boot}]"));
        lines.extend(loaders(site.boot.loaders.uefi, boot, data));
    }
    lines
}

/// iPXE for UEFI x86-64. GRUB behind shim would go on over IPv6 alone, where rack is not.
fn loaders(uefi: &str, boot: Ipv6Addr, data: Ipv6Addr) -> Vec<String> {
    if uefi == "shimx64.efi" {
        return Vec::new();
    }
    let mut lines = ARCHITECTURES
        .map(|(tag, bytes)| format!("dhcp-match=set:{tag},option6:61,{bytes}"))
        .to_vec();
    lines.extend([
        format!("dhcp-option=tag:!ipxe,tag:uefi,option6:bootfile-url,tftp://[{boot}]/{uefi}"),
        format!(
            "dhcp-option=tag:uefi-http,option6:bootfile-url,http://[{data}]/built/loaders/{uefi}"
        ),
        // Firmware that boots by HTTP takes no answer without a vendor class. dnsmasq writes the option as one string with its
        // length before it; EDK II, from which nearly all UEFI is made, looks at what follows the sixth byte, and so at this.
        "dhcp-option-force=tag:uefi-http,option6:16,\"0343HTTPClient\"".to_owned(),
    ]);
    lines
}
