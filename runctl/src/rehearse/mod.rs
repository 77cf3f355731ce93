//! Boots a virtual machine as one of the rack's, with no way out, and follows it by what the services write.
//!
//! [`stages`] reads the lines and [`report`] tells the outcome, both pure; the rest is QEMU.

mod accelerator;
mod firmware;
mod qmp;
mod report;
mod stages;
mod vm;

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use jiff::Timestamp;
use rack::{Firmware, Machine, Way};

pub use accelerator::{Accelerator, Verdict};
pub use report::{Report, Stopped};
pub use stages::{Journey, Line, Reached, Stage};

use crate::engine::LogLine;
use crate::failure::{Class, Failure, Outcome};
use crate::service::Service;
use vm::{Hardware, Vm};

/// How often the serial console is looked at.
const GLANCE: Duration = Duration::from_millis(300);

/// What is rehearsed.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// The machine.
    pub machine: Machine,
    /// What it reads on its way.
    pub way: Way,
    /// How it starts.
    pub firmware: Firmware,
    /// Memory in MiB.
    pub memory: u32,
    /// The site's bridge.
    pub bridge: String,
    /// The profile's kernel on this host, to try the accelerator with.
    pub kernel: PathBuf,
    /// Where the verdict on the accelerator is kept until the host restarts.
    pub volatile: PathBuf,
    /// Whether it is followed until it has booted what was installed on its disk.
    pub install: bool,
    /// Whether it stays on at the end, until somebody interrupts.
    pub hold: bool,
    /// How long the whole way may take.
    pub patience: Duration,
    /// Where the screen is saved at the end; absolute.
    pub screenshot: Option<PathBuf>,
    /// A medium that it starts from, in place of the network; absolute.
    pub medium: Option<PathBuf>,
    /// The stage with which it has arrived, where that is not the last.
    pub until: Option<Stage>,
    /// What its serial console must say before it has arrived.
    pub awaited: Option<String>,
}

/// Why nobody waits any longer.
enum End {
    Arrived,
    Refused(String),
    Failed,
    SwitchedOff,
    OutOfPatience,
}

/// Rehearses: `logs` follows what boot, data and rack write from now on, `tell` hears of each step.
pub async fn rehearse<L>(
    rehearsal: &Rehearsal,
    logs: impl FnOnce(Timestamp) -> L,
    tell: impl Fn(&str),
) -> Outcome<Report>
where
    L: Stream<Item = Outcome<(Service, LogLine)>> + Unpin,
{
    let name = &rehearsal.machine.name;
    let (hardware, verdict) = hardware(rehearsal).await?;
    let mac = hardware.mac;
    tell(&format!("{}: {}", verdict.accelerator, verdict.reason));
    let (mut vm, power_on) = Vm::power_on(&hardware).await?;
    tell(&format!("{name} is on ({}, {mac}, on {})", rehearsal.firmware, rehearsal.bridge));
    let mut journey = Journey::new(mac, rehearsal.machine.address, &rehearsal.way);
    if rehearsal.install {
        journey = journey.into_its_disk();
    }
    if let Some(stage) = rehearsal.until {
        journey.end_at(stage);
    }
    let lines = logs(power_on).map(|line| Ok(line_since(power_on, line?)));
    let console = vm.console();
    let ends = async {
        tokio::select! {
            () = vm.ended() => End::SwitchedOff,
            () = says(&console, rehearsal.awaited.as_deref()) => End::Arrived,
            () = tokio::time::sleep(rehearsal.patience) => End::OutOfPatience,
        }
    };
    let by_stages = rehearsal.awaited.is_none();
    let end = follow(&mut journey, lines, ends, by_stages, &tell).await?;
    if let Some(path) = &rehearsal.screenshot
        && !matches!(end, End::SwitchedOff)
    {
        vm.screenshot(path).await?;
        tell(&format!("the screen is in {}", path.display()));
    }
    let report = Report {
        machine: name.clone(),
        firmware: rehearsal.firmware,
        accelerator: verdict,
        reached: journey.reached().to_vec(),
        stopped: stopped(&journey, &end, rehearsal.patience, &vm.serial()),
    };
    if rehearsal.hold && !matches!(end, End::SwitchedOff) {
        tell(&format!("{report}{name} stays on until you interrupt this"));
        vm.ended().await;
    }
    vm.power_off().await;
    Ok(report)
}

/// What it boots on, and why by that accelerator.
async fn hardware(rehearsal: &Rehearsal) -> Outcome<(Hardware, Verdict)> {
    let firmware = rehearsal.firmware;
    let emulator = firmware::emulator(firmware)?;
    let uefi = firmware::uefi(firmware)?;
    let mac = rehearsal.machine.macs.first().copied();
    let mac = mac.ok_or_else(|| {
        let name = &rehearsal.machine.name;
        Failure::say(Class::Configuration, format!("machine `{name}` has no MAC"))
    })?;
    let (architecture, kernel) = (firmware.architecture(), &rehearsal.kernel);
    let verdict = accelerator::choose(&emulator, architecture, kernel, &rehearsal.volatile).await?;
    let hardware = Hardware {
        emulator,
        accelerator: verdict.accelerator,
        firmware,
        uefi,
        memory: rehearsal.memory,
        mac,
        bridge: rehearsal.bridge.clone(),
        restarts: rehearsal.install,
        medium: rehearsal.medium.clone(),
    };
    Ok((hardware, verdict))
}

/// Waits until the machine has said something on its serial console; for ever where nothing is awaited.
async fn says(console: &Path, awaited: Option<&str>) {
    let Some(awaited) = awaited else {
        return std::future::pending().await;
    };
    loop {
        let said = fs_err::tokio::read(console).await.unwrap_or_default();
        if String::from_utf8_lossy(&said).contains(awaited) {
            return;
        }
        tokio::time::sleep(GLANCE).await;
    }
}

/// Reads lines until the machine has arrived, which by its stages it does or does not, or cannot arrive any more.
async fn follow(
    journey: &mut Journey,
    mut lines: impl Stream<Item = Outcome<Line>> + Unpin,
    ends: impl Future<Output = End>,
    by_stages: bool,
    tell: &impl Fn(&str),
) -> Outcome<End> {
    tokio::pin!(ends);
    loop {
        let line = tokio::select! {
            line = lines.next() => line,
            end = &mut ends => return Ok(end),
        };
        let Some(line) = line.transpose()? else {
            return Err(Failure::say(Class::Engine, "a service ended during the rehearsal")
                .hint("see `runctl status` and `runctl logs boot data rack`"));
        };
        // Written before this machine was switched on, and so about another.
        if line.seconds < 0.0 {
            continue;
        }
        for Reached { stage, seconds, detail } in journey.take(&line) {
            tell(&format!("{seconds:6.1} s  {stage:<12} {detail}"));
        }
        if by_stages && journey.missing().is_none() {
            return Ok(End::Arrived);
        }
        if journey.failed() {
            return Ok(End::Failed);
        }
        if let Some(path) = journey.refused() {
            return Ok(End::Refused(path.to_owned()));
        }
    }
}

fn line_since(power_on: Timestamp, (service, line): (Service, LogLine)) -> Line {
    // A time that cannot be read is taken as now.
    let time = line.time.parse().unwrap_or_else(|_| Timestamp::now());
    let seconds = time.duration_since(power_on).as_secs_f64();
    Line { seconds, service, text: line.text }
}

fn stopped(journey: &Journey, end: &End, patience: Duration, serial: &str) -> Option<Stopped> {
    let why = match end {
        End::Arrived => return None,
        End::Refused(path) => format!("it was refused {path}"),
        End::Failed => "its installer says that it failed".to_owned(),
        End::SwitchedOff => "it restarted or switched itself off".to_owned(),
        End::OutOfPatience => format!("it did not arrive within {} s", patience.as_secs()),
    };
    let log = journey.evidence().iter();
    let log = log.map(|line| format!("{:6.1} s {:<4} {}", line.seconds, line.service, line.text));
    let stage = journey.missing().unwrap_or(journey.last());
    Some(Stopped::new(stage, why, log.collect(), serial))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: rack::Mac = rack::Mac([0x52, 0x54, 0, 0x77, 0, 1]);

    fn journey() -> Journey {
        let kernel = Some("boot/live/linux".into());
        Journey::new(MAC, None, &Way { kernel, initrds: Vec::new(), answered: true })
    }

    fn offer(seconds: f64) -> Line {
        let text = "dnsmasq-dhcp[7]: 1 DHCPOFFER(eth0) 10.77.0.101 52:54:00:77:00:01".to_owned();
        Line { seconds, service: Service::Boot, text }
    }

    #[tokio::test]
    async fn what_was_written_before_power_on_does_not_count() {
        for (seconds, reached) in [(-0.5, 0), (2.0, 1)] {
            let mut journey = journey();
            let lines = futures_util::stream::iter([Ok(offer(seconds))]);
            let end = follow(&mut journey, lines, std::future::pending(), true, &|_| {}).await;
            assert!(end.is_err(), "the services ended");
            assert_eq!(journey.reached().len(), reached);
        }
    }

    #[tokio::test]
    async fn a_machine_that_ends_is_not_waited_for() {
        let lines = futures_util::stream::pending();
        let switched_off = std::future::ready(End::SwitchedOff);
        let mut journey = journey();
        let hour = Duration::from_hours(1);
        let end = follow(&mut journey, lines, switched_off, true, &|_| {}).await;
        assert!(matches!(end, Ok(End::SwitchedOff)));
        let stopped = stopped(&journey, &End::SwitchedOff, hour, "Linux\n").expect("a stop");
        assert_eq!(stopped.stage, Stage::Offer);
        assert_eq!(stopped.serial, ["Linux"]);
    }

    #[test]
    fn times_count_from_power_on() {
        let power_on: Timestamp = "2026-11-22T12:30:40Z".parse().expect("a time");
        let line = LogLine { time: "2026-11-22T12:30:41.500000000Z".into(), text: "a".into() };
        assert!((line_since(power_on, (Service::Data, line)).seconds - 1.5).abs() < 1e-9);
    }
}
