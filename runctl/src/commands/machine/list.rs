//! `runctl machine list|show`: machines.toml, and what rack remembers of them.

use std::collections::BTreeMap;

use clap::Args;
use jiff::Timestamp;
use rack::InstallState;
use rack::control::{InstallStatus, MachineStatus};

use super::find;
use crate::commands::Context;
use crate::failure::Outcome;
use crate::host::rack::Control;
use crate::site::Site;
use crate::ui::table::Table;

/// Arguments of `machine show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Its host name.
    name: String,
}

/// Lists all machines.
pub(super) async fn list(context: &Context) -> Outcome {
    let site = context.site()?;
    let known: BTreeMap<_, _> = match remembered(&site).await {
        Ok(machines) => machines.into_iter().map(|it| (it.name.clone(), it)).collect(),
        Err(failure) => {
            context
                .console
                .note(&format!("rack does not tell how installs stand: {}", failure.error));
            BTreeMap::new()
        }
    };
    let mut table =
        Table::new(["machine", "mac", "address", "firmware", "profile", "install", "seen"]);
    for machine in &site.machines {
        let status = known.get(&machine.name);
        let macs: Vec<_> = machine.macs.iter().map(ToString::to_string).collect();
        table.row([
            machine.name.clone(),
            macs.join(" "),
            machine.address.map_or_else(|| "pool".to_owned(), |address| address.to_string()),
            machine.firmware.word().to_owned(),
            machine.profile.clone().unwrap_or_else(|| "local disk".to_owned()),
            status.and_then(|it| it.install.as_ref()).map_or_else(String::new, standing),
            status
                .and_then(|it| it.seen.iter().map(|seen| seen.at).max())
                .map_or_else(String::new, when),
        ]);
    }
    context.console.report(|| table.to_json(), || table.to_string());
    Ok(())
}

async fn remembered(site: &Site) -> Outcome<Vec<MachineStatus>> {
    Control::of(site)?.machines().await
}

/// Shows one machine with its history.
pub(super) async fn show(context: &Context, show: &Show) -> Outcome {
    let site = context.site()?;
    let machine = find(&site, &show.name)?;
    let status = Control::of(&site)?.machine(&show.name).await?;
    context.console.report(
        || serde_json::json!({ "machine": machine, "status": status }),
        || described(machine, &status),
    );
    Ok(())
}

fn described(machine: &rack::Machine, status: &MachineStatus) -> String {
    let mut lines = vec![machine.name.clone()];
    for mac in &machine.macs {
        let seen = status.seen.iter().find(|seen| seen.mac == *mac);
        let seen = seen.map_or_else(String::new, |it| {
            format!(", asked from {} at {}", it.address, when(it.at))
        });
        lines.push(format!("  interface {mac}{seen}"));
    }
    for install in status.install.iter().chain(&status.earlier) {
        lines.push(format!("  becomes {}: {}", install.profile, standing(install)));
        for event in &install.events {
            lines.push(format!("    {}  {:<12} {}", when(event.at), event.stage, event.detail));
        }
    }
    if let Some(report) = status.reports.first() {
        lines.push(format!("  hardware as of {}", when(report.at)));
        let text = serde_json::to_string_pretty(&report.body).unwrap_or_default();
        lines.extend(text.lines().map(|line| format!("    {line}")));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// How an install stands, in a few words.
pub(super) fn standing(install: &InstallStatus) -> String {
    let at =
        if install.stage.is_empty() { String::new() } else { format!(" at {}", install.stage) };
    match (&install.state, &install.why) {
        (InstallState::Armed, _) => "armed".to_owned(),
        (InstallState::Running, _) => format!("running{at}"),
        (InstallState::Finished, _) => format!("finished{at}"),
        (InstallState::Failed, Some(why)) => format!("failed{at}: {why}"),
        (InstallState::Failed, None) => format!("failed{at}"),
        (InstallState::Disarmed, _) => "taken back".to_owned(),
        (InstallState::Expired, _) => format!("expired{at}"),
    }
}

/// A moment, in milliseconds since 1970, as people read it.
fn when(milliseconds: u64) -> String {
    let moment =
        i64::try_from(milliseconds).ok().and_then(|it| Timestamp::from_millisecond(it).ok());
    moment.map_or_else(String::new, |moment| moment.strftime("%Y-%m-%d %H:%M:%S").to_string())
}
