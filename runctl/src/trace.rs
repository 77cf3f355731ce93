//! One machine's way as one timeline, out of what all services wrote: pure, no clock, no I/O.

use std::fmt;
use std::net::Ipv4Addr;

use rack::{Machine, Way};

use crate::rehearse::{Journey, Line, Stage};
use crate::service::Service;

/// A question for an address after so many seconds of silence is another boot.
const ANOTHER_BOOT: f64 = 15.0;

/// One thing that a machine did.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Entry {
    /// Seconds since the first entry.
    pub seconds: f64,
    /// Seconds since the entry before.
    pub after: f64,
    /// Which service saw it.
    pub service: Service,
    /// What was seen.
    pub what: String,
    /// Whether a boot begins with it.
    pub boots: bool,
}

/// A machine's way.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Trace {
    /// The machine.
    pub machine: String,
    /// What it did, oldest first.
    pub entries: Vec<Entry>,
    /// The first stage that its last boot did not reach; none when it arrived, or has nowhere to go.
    pub missing: Option<Stage>,
    /// How its install stands, as rack tells it.
    pub install: Option<String>,
}

/// Puts the lines of all services, with their seconds since 1970, in one order, and keeps what is about the machine.
pub fn trace(machine: &Machine, way: Option<&Way>, mut lines: Vec<Line>) -> Trace {
    lines.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let mut addresses: Vec<Ipv4Addr> = machine.address.into_iter().collect();
    let mut entries: Vec<Entry> = Vec::new();
    let mut journey = None;
    let (mut first, mut last) = (None, None);
    for line in lines {
        if !is_about(machine, &addresses, &line.text) {
            continue;
        }
        addresses.extend(lent(&line.text).filter(|address| !addresses.contains(address)));
        let Some(what) = told(line.service, &line.text) else {
            continue;
        };
        let begin = *first.get_or_insert(line.seconds);
        let after = line.seconds - last.replace(line.seconds).unwrap_or(line.seconds);
        let asks = what.starts_with("DHCPDISCOVER");
        let boots = asks && (entries.is_empty() || after >= ANOTHER_BOOT);
        if boots || journey.is_none() {
            let mac = machine.macs.first().copied();
            journey = way.zip(mac).map(|(way, mac)| Journey::new(mac, machine.address, way));
        }
        if let Some(journey) = &mut journey {
            journey.take(&line);
        }
        let (seconds, service) = (line.seconds - begin, line.service);
        entries.push(Entry { seconds, after, service, what, boots });
    }
    let missing = journey.and_then(|journey| journey.missing());
    Trace { machine: machine.name.clone(), entries, missing, install: None }
}

fn is_about(machine: &Machine, addresses: &[Ipv4Addr], text: &str) -> bool {
    let by_mac = machine
        .macs
        .iter()
        .any(|mac| text.contains(&mac.to_string()) || text.contains(&mac.hyphens()));
    let is_address = |word: &str| word.parse().is_ok_and(|address| addresses.contains(&address));
    by_mac || text.split(|c: char| c.is_whitespace() || "[],()".contains(c)).any(is_address)
}

/// The address that a line of dnsmasq lends.
fn lent(text: &str) -> Option<Ipv4Addr> {
    let (_, rest) = text.split_once("DHCPACK(")?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// A line in few words; nothing where it only repeats another.
fn told(service: Service, text: &str) -> Option<String> {
    match service {
        Service::Boot => dnsmasq(text),
        Service::Gito => Some(text.to_owned()),
        _ => http(text),
    }
}

/// `… DHCPOFFER(eth0) ADDRESS MAC`, `… sent FILE to ADDRESS`, and what went wrong.
fn dnsmasq(text: &str) -> Option<String> {
    let words: Vec<_> = text.split_whitespace().collect();
    if let Some(at) = words.iter().position(|word| word.starts_with("DHCP") && word.contains('(')) {
        let verb = words[at].split('(').next().unwrap_or_default();
        let rest = words.get(at + 1).filter(|word| word.parse::<Ipv4Addr>().is_ok());
        return Some(rest.map_or_else(|| verb.to_owned(), |address| format!("{verb} {address}")));
    }
    match words.as_slice() {
        [.., "sent", file, "to", _] => Some(format!("TFTP {file}")),
        [.., "file", file, "not", "found", "for", _] => Some(format!("TFTP {file}: not found")),
        _ => text.contains("error").then(|| text.to_owned()),
    }
}

/// `… "GET PATH HTTP/1.1" STATUS BYTES …`.
fn http(text: &str) -> Option<String> {
    let mut quoted = text.splitn(3, '"').skip(1);
    let request = quoted.next()?;
    let request = request.rsplit_once(" HTTP/").map_or(request, |(request, _)| request);
    let mut rest = quoted.next()?.split_whitespace();
    let (status, bytes) = (rest.next()?, rest.next().and_then(|bytes| bytes.parse().ok()));
    let size = bytes.filter(|bytes| *bytes > 0).map(|bytes: u64| indicatif::HumanBytes(bytes));
    Some(match size {
        Some(size) => format!("{request} {status}, {size}"),
        None => format!("{request} {status}"),
    })
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entries.is_empty() {
            return writeln!(f, "{} has asked for nothing in this time", self.machine);
        }
        for entry in &self.entries {
            if entry.boots {
                writeln!(f, "{} asks for an address", self.machine)?;
            }
            let Entry { seconds, after, service, what, .. } = entry;
            writeln!(f, "{seconds:8.1} s  {:>8}  {service:<4}  {what}", format!("+{after:.1}"))?;
        }
        if let Some(install) = &self.install {
            writeln!(f, "install: {install}")?;
        }
        if let Some(stage) = self.missing {
            writeln!(f, "stopped before: {stage}")?;
            writeln!(f, "to check: {}", stage.advice())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &[(f64, Service, &str)] = &[
        (100.0, Service::Boot, "dnsmasq-dhcp[7]: 13 DHCPDISCOVER(eth0) 52:54:00:90:06:11"),
        (100.0, Service::Boot, "dnsmasq-dhcp[7]: 14 DHCPDISCOVER(eth0) 52:54:00:90:06:99"),
        (100.1, Service::Boot, "dnsmasq-dhcp[7]: 13 DHCPOFFER(eth0) 10.90.6.17 52:54:00:90:06:11"),
        (100.1, Service::Boot, "dnsmasq-dhcp[7]: 13 sent size: 36 option: 67 bootfile-name x"),
        (
            101.0,
            Service::Boot,
            "dnsmasq-dhcp[7]: 13 DHCPACK(eth0) 10.90.6.17 52:54:00:90:06:11 kvm-1",
        ),
        (102.0, Service::Boot, "dnsmasq-tftp[7]: sent /srv/tftp/snponly.efi to 10.90.6.17"),
        (104.5, Service::Rack, r#"T 10.90.6.17 "GET /boot.ipxe HTTP/1.1" 200 555 "iPXE""#),
        (
            104.6,
            Service::Rack,
            r#"T 10.90.6.17 "GET /boot/52-54-00-90-06-11?arch=x86_64 HTTP/1.1" 200 596 "iPXE""#,
        ),
        (104.7, Service::Rack, r#"T 10.90.6.18 "GET /boot.ipxe HTTP/1.1" 200 555 "iPXE""#),
        (105.0, Service::Data, r#"T 10.90.6.17 "GET /boot/debian-12/linux HTTP/1.1" 404 0 "iPXE""#),
        (130.0, Service::Gito, "Accepted publickey for git from 10.90.6.17 port 4711 ssh2"),
    ];

    fn machine() -> Machine {
        Machine {
            name: "kvm-1".into(),
            macs: vec!["52:54:00:90:06:11".parse().expect("a MAC")],
            address: None,
            profile: None,
            firmware: rack::Firmware::Uefi,
            serial: None,
            parameters: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn one_timeline_of_one_machine_and_where_it_stopped() {
        let lines = LINES.iter().map(|(seconds, service, text)| Line {
            seconds: *seconds,
            service: *service,
            text: (*text).to_owned(),
        });
        let way = Way {
            kernel: Some("boot/debian-12/linux".into()),
            initrds: Vec::new(),
            answered: false,
        };
        // Services tell in no order.
        let trace = trace(&machine(), Some(&way), lines.rev().collect());
        insta::assert_snapshot!(trace, @r"
        kvm-1 asks for an address
             0.0 s      +0.0  boot  DHCPDISCOVER
             0.1 s      +0.1  boot  DHCPOFFER 10.90.6.17
             1.0 s      +0.9  boot  DHCPACK 10.90.6.17
             2.0 s      +1.0  boot  TFTP /srv/tftp/snponly.efi
             4.5 s      +2.5  rack  GET /boot.ipxe 200, 555 B
             4.6 s      +0.1  rack  GET /boot/52-54-00-90-06-11?arch=x86_64 200, 596 B
             5.0 s      +0.4  data  GET /boot/debian-12/linux 404
            30.0 s     +25.0  gito  Accepted publickey for git from 10.90.6.17 port 4711 ssh2
        stopped before: kernel
        to check: has `runctl feed boot` published what the profile names in profiles.toml?
        ");
    }

    #[test]
    fn a_machine_that_asked_for_nothing_is_told_so() {
        let trace = trace(&machine(), None, Vec::new());
        assert_eq!(trace.to_string(), "kvm-1 has asked for nothing in this time\n");
    }
}
