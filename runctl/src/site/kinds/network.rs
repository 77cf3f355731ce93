//! Kinds of values that a network knows: addresses, names of hosts and interfaces.

use std::net::Ipv4Addr;

use ipnet::{Ipv4Net, Ipv6Net};
use serde_json::Value;

use super::{Read, shortened, string, wrong, wrong_but};

/// An IPv4 address.
pub(in crate::site) fn address(value: &Value) -> Read<Ipv4Addr> {
    let text = string(value)?;
    text.parse().or_else(|_| wrong(format!("`{text}` is not an IPv4 address")))
}

/// An IPv4 network that holds the services and some machines.
pub(in crate::site) fn subnet(value: &Value) -> Read<Ipv4Net> {
    let text = string(value)?;
    let Ok(net) = text.parse::<Ipv4Net>() else {
        return wrong_but(
            format!("`{text}` is not an IPv4 subnet"),
            "write it as address and length, such as `10.77.0.0/24`",
        );
    };
    if net != net.trunc() {
        return wrong_but(
            format!("`{text}` has host bits set"),
            format!("did you mean `{}`?", net.trunc()),
        );
    }
    match net.prefix_len() {
        8..=28 => Ok(net),
        29.. => wrong_but(
            format!("`{text}` is too small: it holds {} hosts", net.hosts().count()),
            "the host, seven services and some machines need a /28 or larger",
        ),
        _ => wrong_but(format!("`{text}` is too large"), "a /8 or smaller will do"),
    }
}

/// An IPv6 network of one segment.
pub(in crate::site) fn subnet6(value: &Value) -> Read<Ipv6Net> {
    let text = string(value)?;
    let Ok(net) = text.parse::<Ipv6Net>() else {
        return wrong_but(
            format!("`{text}` is not an IPv6 subnet"),
            "write it as address and length, such as `fd77:5b1d:a3::/64`",
        );
    };
    if net != net.trunc() {
        return wrong_but(
            format!("`{text}` has host bits set"),
            format!("did you mean `{}`?", net.trunc()),
        );
    }
    if net.addr().is_multicast() || net.addr().is_unicast_link_local() {
        return wrong(format!("`{text}` holds no addresses that can be lent"));
    }
    // RFC 4291, 2.5.1: interfaces find their own part in 64 bits.
    if net.prefix_len() == 64 { Ok(net) } else { wrong(format!("`{text}` is not a /64")) }
}

/// An Ethernet address of one interface.
pub(in crate::site) fn mac(value: &Value) -> Read<rack::Mac> {
    let text = string(value)?;
    let Some(bytes) = octets::<6>(text) else {
        return wrong_but(
            format!("`{text}` is not a MAC address"),
            "write six pairs of hexadecimal digits, such as `52:54:00:12:34:56`",
        );
    };
    if bytes[0] & 1 == 1 {
        return wrong(format!("`{text}` is a multicast address, no interface has it"));
    }
    Ok(rack::Mac(bytes))
}

/// The first three bytes of the MACs of containers.
pub(in crate::site) fn oui(value: &Value) -> Read<[u8; 3]> {
    let text = string(value)?;
    match octets::<3>(text) {
        Some(bytes) if bytes[0] & 1 == 0 => Ok(bytes),
        Some(_) => wrong(format!("`{text}` is a multicast prefix, no interface has it")),
        None => wrong_but(
            format!("`{text}` is not an OUI"),
            "write three pairs of hexadecimal digits, such as `00:16:3e`",
        ),
    }
}

fn octets<const N: usize>(text: &str) -> Option<[u8; N]> {
    let separator = if text.contains('-') { '-' } else { ':' };
    let mut bytes = [0; N];
    let mut parts = text.split(separator);
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2)?;
        if !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(bytes)
}

/// A host name without domain: letters, digits and inner hyphens, 63 at most.
pub(in crate::site) fn host_name(value: &Value) -> Read<String> {
    let text = string(value)?;
    if is_label(text) {
        return Ok(text.to_owned());
    }
    if text.contains('.') && text.split('.').all(is_label) {
        let (first, _) = text.split_once('.').unwrap_or((text, ""));
        return wrong_but(
            format!("`{text}` is more than a host name"),
            format!("leave the domain out: `{first}`"),
        );
    }
    wrong_but(
        format!("`{}` is not a host name", shortened(text)),
        "use lower-case letters, digits and inner hyphens, 63 at most",
    )
}

/// A DNS domain.
pub(in crate::site) fn domain(value: &Value) -> Read<String> {
    let text = string(value)?;
    if text.len() <= 190 && text.split('.').all(is_label) {
        Ok(text.to_owned())
    } else {
        wrong_but(
            format!("`{}` is not a domain", shortened(text)),
            "use labels of lower-case letters, digits and inner hyphens, such as `rack.lan`",
        )
    }
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A name of a network interface, as the kernel takes it.
pub(in crate::site) fn interface(value: &Value) -> Read<String> {
    let text = string(value)?;
    if text.len() > 15 {
        return wrong(format!(
            "`{}` is longer than the 15 bytes of an interface's name",
            shortened(text)
        ));
    }
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if text.is_empty() || matches!(text, "." | "..") || !text.bytes().all(fits) {
        return wrong_but(
            format!("`{text}` is not a name of an interface"),
            "use letters, digits, `-`, `_` and `.`",
        );
    }
    Ok(text.to_owned())
}

/// A server by name or address.
pub(in crate::site) fn server(value: &Value) -> Read<String> {
    let text = string(value)?;
    if address(value).is_ok() || domain(&Value::from(text.to_lowercase())).is_ok() {
        Ok(text.to_owned())
    } else {
        wrong(format!("`{}` is neither a name nor an address of a server", shortened(text)))
    }
}
