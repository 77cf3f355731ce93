//! Installs as the operator has them: armed, called off, looked at; and what ends by the clock.

use std::time::Duration;

use rack::control::{InstallStatus, MachineStatus, Sighting};
use rack::{InstallState, Mac};
use rusqlite::{Connection, params};

use super::record::Record;
use super::{reports, sightings};
use crate::token;

/// Installs of one machine that are kept.
const KEPT: u32 = 8;
/// Installs of machines that nobody described; those go by their MACs, which anybody can make up.
const STRANGERS: u32 = 4096;

/// What is to be installed.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// The machine.
    pub(crate) machine: String,
    /// The profile.
    pub(crate) profile: String,
    /// Its token.
    pub(crate) token: String,
    /// How long that lives.
    pub(crate) lifetime: Duration,
}

/// A machine as the book has it, as far as it is looked up here.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Its name.
    pub(crate) name: String,
    /// Its interfaces.
    pub(crate) macs: Vec<Mac>,
}

/// Arms an install in place of one that nobody came for; none if one runs.
pub(crate) fn arm(
    database: &Connection,
    order: &Order,
    now: u64,
) -> rusqlite::Result<Option<InstallStatus>> {
    settle(database, now / 1000)?;
    if let Some(mut latest) = Record::latest(database, &order.machine)? {
        match latest.state {
            InstallState::Running => return Ok(None),
            InstallState::Armed => {
                let why = "it was armed anew".to_owned();
                latest.end(InstallState::Disarmed, Some(why), now / 1000);
                latest.keep(database)?;
            }
            _ => {}
        }
    }
    database.execute(
        "INSERT INTO installs (machine, profile, token, token_hash, armed_at, expires_at, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'armed')",
        params![
            order.machine,
            order.profile,
            order.token,
            token::hash(&order.token),
            now / 1000,
            (now / 1000).saturating_add(order.lifetime.as_secs()),
        ],
    )?;
    database.execute(
        "DELETE FROM installs WHERE machine = ?1 AND id NOT IN
         (SELECT id FROM installs WHERE machine = ?1 ORDER BY id DESC LIMIT ?2)",
        params![order.machine, KEPT],
    )?;
    database.execute(
        "DELETE FROM installs WHERE machine LIKE '%:%' AND id NOT IN
         (SELECT id FROM installs WHERE machine LIKE '%:%' ORDER BY id DESC LIMIT ?1)",
        [STRANGERS],
    )?;
    let Some(armed) = Record::latest(database, &order.machine)? else {
        return Ok(None);
    };
    armed.happened(database, now, "armed", &format!("profile {}", order.profile))?;
    Ok(Some(armed.as_status(armed.events(database)?)))
}

/// Calls off what is armed or runs; none if nothing does.
pub(crate) fn disarm(
    database: &Connection,
    machine: &str,
    now: u64,
) -> rusqlite::Result<Option<InstallStatus>> {
    settle(database, now / 1000)?;
    let latest = Record::latest(database, machine)?;
    let Some(mut latest) = latest.filter(|latest| is_open(latest.state)) else {
        return Ok(None);
    };
    latest.end(InstallState::Disarmed, Some("it was called off".to_owned()), now / 1000);
    latest.keep(database)?;
    latest.happened(database, now, "disarmed", "")?;
    Ok(Some(latest.as_status(latest.events(database)?)))
}

/// Looks at machines, briefly.
pub(crate) fn all(
    database: &Connection,
    machines: Vec<Known>,
    now: u64,
) -> rusqlite::Result<Vec<MachineStatus>> {
    settle(database, now)?;
    let brief = |known: Known| {
        let install = Record::latest(database, &known.name)?;
        Ok(MachineStatus {
            seen: seen(database, &known.macs)?,
            name: known.name,
            install: install.map(|install| install.as_status(Vec::new())),
            earlier: Vec::new(),
            reports: Vec::new(),
        })
    };
    machines.into_iter().map(brief).collect()
}

/// Looks at one machine, with all that is known.
pub(crate) fn one(
    database: &Connection,
    known: Known,
    now: u64,
) -> rusqlite::Result<MachineStatus> {
    settle(database, now)?;
    let told = |record: Record| Ok(record.as_status(record.events(database)?));
    let installs = Record::of_machine(database, &known.name, KEPT)?;
    let mut installs: Vec<_> = installs.into_iter().map(told).collect::<rusqlite::Result<_>>()?;
    let earlier = installs.split_off(installs.len().min(1));
    let mut found = Vec::new();
    for mac in &known.macs {
        found.extend(reports::of(database, *mac)?);
    }
    found.sort_by_key(|report| std::cmp::Reverse(report.at));
    Ok(MachineStatus {
        seen: seen(database, &known.macs)?,
        name: known.name,
        install: installs.pop(),
        earlier,
        reports: found,
    })
}

fn seen(database: &Connection, macs: &[Mac]) -> rusqlite::Result<Vec<Sighting>> {
    let found = macs.iter().map(|mac| sightings::of(database, *mac));
    found.filter_map(Result::transpose).collect()
}

pub(super) fn is_open(state: InstallState) -> bool {
    matches!(state, InstallState::Armed | InstallState::Running)
}

/// Ends what is over by the clock.
pub(super) fn settle(database: &Connection, now: u64) -> rusqlite::Result<()> {
    for (state, end, why) in [
        ("armed", "expired", "nobody came for it in time"),
        ("running", "failed", "it did not finish before its token expired"),
    ] {
        database
            .prepare_cached(
                "UPDATE installs SET state = ?2, why = ?3, ended_at = expires_at
                 WHERE state IN ('armed', 'running') AND state = ?1 AND expires_at <= ?4",
            )?
            .execute(params![state, end, why, now])?;
    }
    Ok(())
}
