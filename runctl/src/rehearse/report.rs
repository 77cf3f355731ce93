//! What a rehearsal showed: the stages with their times and, where it stopped, the evidence. Pure.

use std::fmt;

use rack::Firmware;
use serde::Serialize;

use super::accelerator::Verdict;
use super::stages::{Reached, Stage};
use crate::ui::table::Table;

/// How many lines of each kind of evidence are shown.
const SHOWN: usize = 12;
/// How wide they are shown.
const WIDTH: usize = 160;

/// The outcome of one rehearsal.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The machine's name.
    pub machine: String,
    /// How it started.
    pub firmware: Firmware,
    /// How it computed, and why so.
    pub accelerator: Verdict,
    /// The stages reached, with their times since power on.
    pub reached: Vec<Reached>,
    /// Where and why it stopped; none when the machine has arrived.
    pub stopped: Option<Stopped>,
}

/// Where a rehearsal stopped.
#[derive(Clone, Debug, Serialize)]
pub struct Stopped {
    /// The stage that was not reached.
    pub stage: Stage,
    /// Why nobody waited any longer.
    pub why: String,
    /// The last lines of boot and data about the machine.
    pub log: Vec<String>,
    /// The last lines of its serial port.
    pub serial: Vec<String>,
}

impl Stopped {
    /// Keeps the last lines of the evidence.
    pub(super) fn new(stage: Stage, why: String, log: Vec<String>, serial: &str) -> Self {
        Self { stage, why, log: last(log), serial: last(printable(serial)) }
    }
}

fn last(mut lines: Vec<String>) -> Vec<String> {
    lines.drain(..lines.len().saturating_sub(SHOWN));
    lines
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["stage", "seconds", "seen"]);
        for Reached { stage, seconds, detail } in &self.reached {
            table.row([stage.to_string(), format!("{seconds:.1}"), detail.clone()]);
        }
        write!(f, "{table}")?;
        let Some(stopped) = &self.stopped else {
            let last = self.reached.last().map_or(0.0, |reached| reached.seconds);
            let Self { machine, firmware, accelerator, .. } = self;
            let with = accelerator.accelerator;
            return writeln!(f, "{machine} arrived after {last:.1} s ({firmware}, {with})");
        };
        evidence(f, "What boot and data wrote about it", &stopped.log)?;
        evidence(f, "What it wrote on its serial port", &stopped.serial)
    }
}

fn evidence(f: &mut fmt::Formatter<'_>, heading: &str, lines: &[String]) -> fmt::Result {
    if lines.is_empty() {
        return writeln!(f, "{heading}: nothing");
    }
    writeln!(f, "{heading}:")?;
    lines.iter().try_for_each(|line| {
        let shown: String = line.chars().take(WIDTH).collect();
        writeln!(f, "  | {shown}")
    })
}

/// The lines of a serial port as text: no escape sequences, no control characters, no empty lines.
fn printable(serial: &str) -> Vec<String> {
    let mut text = String::with_capacity(serial.len());
    let mut characters = serial.chars();
    while let Some(character) = characters.next() {
        match character {
            // Moving the cursor starts a line as well as a line feed does.
            '\n' | '\r' => text.push('\n'),
            '\x1b' => {
                if let Some(end) = skip_sequence(&mut characters)
                    && matches!(end, 'H' | 'f' | 'J')
                {
                    text.push('\n');
                }
            }
            other if other.is_control() => {}
            other => text.push(other),
        }
    }
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Passes over an escape sequence; returns the letter that ends it.
fn skip_sequence(characters: &mut std::str::Chars<'_>) -> Option<char> {
    match characters.next()? {
        '[' => characters.find(|next| ('@'..='~').contains(next)),
        // A character set is chosen by two characters.
        '(' | ')' => characters.next(),
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearse::accelerator::Accelerator;

    fn report(stopped: Option<Stopped>) -> Report {
        let reached =
            |stage, seconds, detail: &str| Reached { stage, seconds, detail: detail.into() };
        Report {
            machine: "kvm-1".into(),
            firmware: Firmware::Uefi,
            accelerator: Verdict { accelerator: Accelerator::Tcg, reason: "no KVM".into() },
            reached: vec![
                reached(Stage::Offer, 20.04, "10.77.0.101"),
                reached(Stage::Loader, 22.9, "snponly.efi"),
            ],
            stopped,
        }
    }

    #[test]
    fn an_arrival_is_told_in_a_line() {
        insta::assert_snapshot!(report(None), @r"
        stage   seconds  seen
        offer   20.0     10.77.0.101
        loader  22.9     snponly.efi
        kvm-1 arrived after 22.9 s (UEFI, TCG)
        ");
    }

    #[test]
    fn a_stop_shows_the_evidence() {
        let log = vec!["DHCPOFFER(eth0) 10.77.0.101".to_owned()];
        let serial = "\x1b[2J\x1b[01;01HBdsDxe: starting\r\n\0\x1b(0qq\n\n>>Start PXE\x1b[5;1Hdone";
        let stopped = Stopped::new(Stage::Script, "nothing for 300 s".into(), log, serial);
        insta::assert_snapshot!(report(Some(stopped)), @r"
        stage   seconds  seen
        offer   20.0     10.77.0.101
        loader  22.9     snponly.efi
        What boot and data wrote about it:
          | DHCPOFFER(eth0) 10.77.0.101
        What it wrote on its serial port:
          | BdsDxe: starting
          | qq
          | >>Start PXE
          | done
        ");
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let serial =
            (0..100).map(|number| format!("line {number}")).collect::<Vec<_>>().join("\r\n");
        let stopped = Stopped::new(Stage::Kernel, String::new(), Vec::new(), &serial);
        assert_eq!(stopped.serial.len(), SHOWN);
        assert_eq!(stopped.serial.last().map(String::as_str), Some("line 99"));
    }
}
