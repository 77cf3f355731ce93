//! An installer asks for its files and tells its stages; its token says which it is.

use std::net::Ipv4Addr;

use rack::{Asking, InstallState};
use rusqlite::{Connection, params};

use super::asking::asking;
use super::installs::{is_open, settle};
use super::record::{Record, beginning};
use super::stages::{Next, follow};

/// Bytes of a reason for failing that are kept.
const WHY: usize = 64 << 10;

/// Why an installer gets nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no such token.
    Unknown,
    /// The token is another machine's.
    Elsewhere,
    /// It is over.
    Over(&'static str),
    /// It cannot be.
    Conflict(&'static str),
}

/// A token that holds, and whose it is.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    /// The install.
    pub(crate) install: i64,
    /// The machine's name.
    pub(crate) machine: String,
    /// The profile that it becomes.
    pub(crate) profile: String,
    /// The machine as the book is asked.
    pub(crate) asking: Asking,
}

/// A stage that was told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The token it was told with.
    pub(crate) token: String,
    /// From where.
    pub(crate) peer: Ipv4Addr,
    /// Which.
    pub(crate) stage: String,
    /// The rest of it.
    pub(crate) detail: String,
    /// When, in milliseconds since 1970.
    pub(crate) at: u64,
}

/// Whether a token opens the files of its install to who asks.
pub(crate) fn admit(
    database: &Connection,
    token: &str,
    peer: Ipv4Addr,
    at: u64,
) -> rusqlite::Result<Result<Ticket, Refusal>> {
    settle(database, at / 1000)?;
    let Some(install) = Record::by_token(database, token)? else {
        return Ok(Err(Refusal::Unknown));
    };
    let (Some(mac), true) = (install.mac, install.address == Some(peer)) else {
        return refuse_elsewhere(database, &install, peer, at).map(Err);
    };
    if !is_open(install.state) {
        return Ok(Err(Refusal::Over("the install that this token was for is over")));
    }
    Ok(Ok(Ticket {
        install: install.id,
        asking: asking(mac, peer, &install.said),
        machine: install.machine,
        profile: install.profile,
    }))
}

/// Refuses whoever has the token and not the address, and keeps that for whoever looks why an install stands still.
fn refuse_elsewhere(
    database: &Connection,
    install: &Record,
    peer: Ipv4Addr,
    at: u64,
) -> rusqlite::Result<Refusal> {
    let home = install.address.map_or_else(|| "nowhere yet".to_owned(), |home| home.to_string());
    let detail = format!("{peer} has its token; its script went to {home}");
    install.happened(database, at, "refused", &detail)?;
    Ok(Refusal::Elsewhere)
}

/// Notes that a file is about to be given; tells whether it is the first time.
pub(crate) fn give(
    database: &Connection,
    install: i64,
    name: &str,
    at: u64,
) -> rusqlite::Result<bool> {
    let first = database
        .prepare_cached("INSERT OR IGNORE INTO given (install, name) VALUES (?1, ?2)")?
        .execute(params![install, name])?
        == 1;
    if first {
        database
            .prepare_cached(
                "INSERT INTO events (install, at, stage, detail) VALUES (?1, ?2, 'file', ?3)",
            )?
            .execute(params![install, at, name])?;
    }
    Ok(first)
}

/// Follows an install by a stage that its installer, or the installed system, tells.
pub(crate) fn follow_up(
    database: &Connection,
    told: &Told,
) -> rusqlite::Result<Result<String, Refusal>> {
    let now = told.at / 1000;
    settle(database, now)?;
    let Some(mut install) = Record::by_token(database, &told.token)? else {
        return Ok(Err(Refusal::Unknown));
    };
    // What boots from its disk for the first time may well be given another address of the pool.
    let moved = install.state == InstallState::Finished;
    if install.address != Some(told.peer) && !moved {
        return refuse_elsewhere(database, &install, told.peer, told.at).map(Err);
    }
    match follow(install.state, install.reached, &told.stage) {
        Next::Again => {}
        Next::Refused(why) => return Ok(Err(Refusal::Conflict(why))),
        Next::Taken(state, reached) => {
            match state {
                InstallState::Failed => {
                    let why = beginning(told.detail.trim(), WHY);
                    install.end(state, Some(why.to_owned()), now);
                }
                InstallState::Finished if install.state != state => install.end(state, None, now),
                _ => install.state = state,
            }
            if state != InstallState::Failed {
                install.stage.clone_from(&told.stage);
            }
            install.reached = reached;
            install.keep(database)?;
            install.happened(database, told.at, &told.stage, told.detail.trim())?;
        }
    }
    Ok(Ok(install.machine))
}
