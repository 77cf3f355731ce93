//! How far a machine has come, read from what boot, data and rack wrote: pure, no clock, no I/O.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use rack::Way;

use crate::service::Service;

/// What every machine asks for first; refused once, it goes on to its disk.
const FIRST_SCRIPT: &str = "/boot.ipxe";
/// Below these paths rack serves what belongs to one install, its token first.
const INSTALL: &str = "/install/";
const CALLBACK: &str = "/callback/";
/// So many refusals of another file and the machine is not going to get it.
const REFUSALS: u32 = 3;
/// The loader of a machine that was sent none.
const OWN_LOADER: &str = "iPXE of its own";
/// Below this path data serves loaders to firmware that boots by HTTP.
const LOADERS: &str = "/built/loaders/";
/// How many of the lines about the machine are kept as evidence.
const KEPT_LINES: usize = 40;

/// What a machine does on its way into the installer, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// boot offers an address.
    Offer,
    /// The loader is there: sent by boot, or in the card's own memory.
    Loader,
    /// The machine's own boot script was read.
    Script,
    /// The kernel was read.
    Kernel,
    /// The last initrd was read.
    Initrd,
    /// The installer runs and has read its answer file.
    AnswerFile,
    /// The installer called back.
    Callback,
    /// The installer is done.
    Finished,
    /// What it installed has booted from the disk, and called back.
    Booted,
}

impl Stage {
    const ALL: [Self; 9] = [
        Self::Offer,
        Self::Loader,
        Self::Script,
        Self::Kernel,
        Self::Initrd,
        Self::AnswerFile,
        Self::Callback,
        Self::Finished,
        Self::Booted,
    ];

    /// What to look at when a machine does not get here.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Offer => {
                "is the machine's MAC in machines.toml, and is boot up (`runctl status`)?"
            }
            Self::Loader => {
                "is its `firmware` in machines.toml right, and does boot answer TFTP (`runctl status`)?"
            }
            Self::Script => {
                "does rack answer (`runctl status`), and is no other DHCP server on the bridge?"
            }
            Self::Kernel | Self::Initrd => {
                "has `runctl feed boot` published what the profile names in profiles.toml?"
            }
            Self::AnswerFile => {
                "does the kernel start (see the screen with --shot, or give --memory more), and do the profile's \
                 `arguments` name {{ answer }}?"
            }
            Self::Callback => {
                "does the answer file do its first callback ({{ callback }}/started)?"
            }
            Self::Finished => {
                "which step stopped (`runctl machine show`)? with --hold the machine stays on, its log is /run/install.log"
            }
            Self::Booted => {
                "does the machine start from its disk (see the screen with --shot), and does it call {{ callback }}/booted?"
            }
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Offer => "offer",
            Self::Loader => "loader",
            Self::Script => "script",
            Self::Kernel => "kernel",
            Self::Initrd => "initrd",
            Self::AnswerFile => "answer file",
            Self::Callback => "callback",
            Self::Finished => "finished",
            Self::Booted => "booted",
        })
    }
}

/// One line that a service wrote.
#[derive(Clone, Debug)]
pub struct Line {
    /// Seconds since power on.
    pub seconds: f64,
    /// Who wrote it.
    pub service: Service,
    /// What it says.
    pub text: String,
}

/// A stage that the machine has reached.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Reached {
    /// Which.
    pub stage: Stage,
    /// When, in seconds since power on.
    pub seconds: f64,
    /// What was seen: the address, the file.
    pub detail: String,
}

/// One machine on its way.
#[derive(Debug)]
pub struct Journey {
    mac: rack::Mac,
    /// What it was given; firmware, loader and system ask DHCPv6 each for themselves.
    addresses: Vec<IpAddr>,
    /// Paths that data is asked for, and the stage that each means.
    paths: BTreeMap<String, Stage>,
    expected: Vec<Stage>,
    reached: Vec<Reached>,
    refused: BTreeMap<String, u32>,
    failed: bool,
    evidence: Vec<Line>,
}

impl Journey {
    /// Begins the journey of a machine from its first MAC; its address, where it is fixed; and the files on its way.
    pub fn new(mac: rack::Mac, address: Option<Ipv4Addr>, way: &Way) -> Self {
        let mut paths = BTreeMap::from([
            (FIRST_SCRIPT.to_owned(), Stage::Loader),
            (format!("/boot/{}", mac.hyphens()), Stage::Script),
            // The same for GRUB and for PXELINUX.
            (format!("/grub/{mac}"), Stage::Script),
            (format!("/pxelinux/{}", mac.hyphens()), Stage::Script),
        ]);
        // The last initrd counts.
        let initrd = way.initrds.last().map(|path| (path, Stage::Initrd));
        let kernel = way.kernel.as_ref().map(|path| (path, Stage::Kernel));
        paths.extend(kernel.into_iter().chain(initrd).map(|(path, it)| (format!("/{path}"), it)));
        let mut expected = Stage::ALL.to_vec();
        expected.retain(|stage| match stage {
            Stage::Kernel | Stage::Initrd => paths.values().any(|other| other == stage),
            Stage::AnswerFile | Stage::Callback => way.answered,
            Stage::Finished | Stage::Booted => false,
            _ => true,
        });
        Self {
            mac,
            addresses: address.map(IpAddr::from).into_iter().collect(),
            paths,
            expected,
            reached: Vec::new(),
            refused: BTreeMap::new(),
            failed: false,
            evidence: Vec::new(),
        }
    }

    /// Makes it a journey that ends when the machine has booted what was installed.
    #[must_use]
    pub fn into_its_disk(mut self) -> Self {
        self.expected.extend([Stage::Finished, Stage::Booted]);
        self
    }

    /// Lets the journey end at an earlier stage than the last.
    pub fn end_at(&mut self, stage: Stage) {
        self.expected.retain(|expected| *expected <= stage);
    }

    /// Takes the next line; returns the stages that it proves, a loader that nobody had to send included.
    pub fn take(&mut self, line: &Line) -> Vec<Reached> {
        if !self.is_about_us(&line.text) {
            return Vec::new();
        }
        self.evidence.push(line.clone());
        let surplus = self.evidence.len().saturating_sub(KEPT_LINES);
        self.evidence.drain(..surplus);
        let seen = match line.service {
            Service::Boot => self.seen_by_boot(&line.text),
            Service::Data | Service::Rack => self.seen_over_http(&line.text),
            _ => None,
        };
        let Some((stage, detail)) = seen else {
            return Vec::new();
        };
        let mut new = Vec::new();
        if stage > Stage::Loader && !self.has(Stage::Loader) {
            new.push(self.reach(Stage::Loader, line.seconds, OWN_LOADER.into()));
        }
        // Each word of the installer's is worth a line; whatever else happens again is not.
        if !self.has(stage) || (stage == Stage::Callback && !self.told(&detail)) {
            new.push(self.reach(stage, line.seconds, detail));
        }
        new
    }

    /// What was reached, in the order in which it was seen.
    pub fn reached(&self) -> &[Reached] {
        &self.reached
    }

    /// The first stage that was not reached; none when the machine has arrived.
    pub fn missing(&self) -> Option<Stage> {
        let last = self.expected.last().copied();
        if last.is_none_or(|last| self.has(last)) {
            return None;
        }
        self.expected.iter().copied().find(|stage| !self.has(*stage))
    }

    /// The stage with which the machine has arrived.
    pub fn last(&self) -> Stage {
        self.expected.last().copied().unwrap_or(Stage::Script)
    }

    /// The file that data has refused so often that waiting on makes no sense.
    pub fn refused(&self) -> Option<&str> {
        let hopeless = self
            .refused
            .iter()
            .find(|(path, times)| path.as_str() == FIRST_SCRIPT || **times >= REFUSALS);
        hopeless.map(|(path, _)| path.as_str())
    }

    /// Whether the installer said that it failed.
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// The last lines that name the machine's MAC or address.
    pub fn evidence(&self) -> &[Line] {
        &self.evidence
    }

    fn has(&self, stage: Stage) -> bool {
        self.reached.iter().any(|reached| reached.stage == stage)
    }

    fn told(&self, detail: &str) -> bool {
        self.reached.iter().any(|it| it.stage == Stage::Callback && it.detail == detail)
    }

    fn reach(&mut self, stage: Stage, seconds: f64, detail: String) -> Reached {
        let reached = Reached { stage, seconds, detail };
        self.reached.push(reached.clone());
        reached
    }

    fn is_about_us(&self, text: &str) -> bool {
        let (mac, hyphens) = (self.mac.to_string(), self.mac.hyphens());
        let addresses: Vec<_> = self.addresses.iter().map(ToString::to_string).collect();
        text.split_whitespace().any(|word| {
            // DHCPv6 knows clients by a DUID, which mostly ends with the MAC.
            word.to_ascii_lowercase().ends_with(&mac)
                || addresses.iter().any(|address| address == word)
                || word.contains(&hyphens)
        })
    }

    /// Reads dnsmasq: `… DHCPOFFER(eth0) ADDRESS MAC`, DHCPv6's `… DHCPREPLY(eth0) ADDRESS DUID`, `… sent FILE to ADDRESS`.
    fn seen_by_boot(&mut self, text: &str) -> Option<(Stage, String)> {
        let words: Vec<_> = text.split_whitespace().collect();
        let gives = |word: &&str| word.starts_with("DHCPOFFER(") || word.starts_with("DHCPREPLY(");
        if let Some(at) = words.iter().position(gives) {
            let address: IpAddr = words.get(at + 1)?.parse().ok()?;
            self.addresses.retain(|old| address.is_ipv6() || old.is_ipv6());
            self.addresses.push(address);
            return Some((Stage::Offer, address.to_string()));
        }
        match words.as_slice() {
            // As a proxy boot lends no address: whoever does is not ours.
            [.., card, _mac, "proxy"] if card.starts_with("PXE(") => {
                Some((Stage::Offer, "beside another DHCP server".to_owned()))
            }
            [.., "sent", file, "to", _] => {
                let name = file.rsplit('/').next().unwrap_or(file);
                Some((Stage::Loader, name.to_owned()))
            }
            _ => None,
        }
    }

    /// Reads what data and rack write alike: `… "GET PATH HTTP/1.1" STATUS …`.
    fn seen_over_http(&mut self, text: &str) -> Option<(Stage, String)> {
        let mut quoted = text.splitn(3, '"').skip(1);
        let path = quoted.next()?.split_whitespace().nth(1)?;
        let path = path.split('?').next().unwrap_or(path);
        let status: u16 = quoted.next()?.split_whitespace().next()?.parse().ok()?;
        if let Some(loader) = path.strip_prefix(LOADERS) {
            return (status < 300).then(|| (Stage::Loader, loader.to_owned()));
        }
        let stage = if let Some(word) = callback(path) {
            match word {
                "finished" => Stage::Finished,
                "booted" => Stage::Booted,
                _ => Stage::Callback,
            }
        } else if path.starts_with(INSTALL) {
            Stage::AnswerFile
        } else {
            *self.paths.get(path)?
        };
        if status >= 400 {
            *self.refused.entry(path.to_owned()).or_default() += 1;
        }
        if stage == Stage::Loader {
            // Whatever the answer, it is iPXE that asked.
            return Some((stage, OWN_LOADER.to_owned()));
        }
        if !(200..300).contains(&status) {
            return None;
        }
        self.refused.remove(path);
        let word = callback(path);
        self.failed |= word == Some("failed");
        Some((stage, word.unwrap_or(path).to_owned()))
    }
}

/// The word that a callback tells.
fn callback(path: &str) -> Option<&str> {
    path.strip_prefix(CALLBACK)?.rsplit('/').next()
}

#[cfg(test)]
mod tests;
