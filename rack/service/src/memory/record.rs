//! One install as the database has it.

use std::net::Ipv4Addr;

use rack::control::{Event, InstallStatus, Said};
use rack::{Install, InstallState, Mac};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::parsed;
use crate::token;

/// Events that are remembered of one install; the rest is as good as told.
const EVENTS: u32 = 128;
/// Bytes of an event's detail that are remembered.
const DETAIL: usize = 4096;

/// The words by which the database knows the states.
const STATES: [(InstallState, &str); 6] = [
    (InstallState::Armed, "armed"),
    (InstallState::Running, "running"),
    (InstallState::Finished, "finished"),
    (InstallState::Failed, "failed"),
    (InstallState::Disarmed, "disarmed"),
    (InstallState::Expired, "expired"),
];

/// One install.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) id: i64,
    pub(crate) machine: String,
    pub(crate) profile: String,
    pub(crate) token: String,
    pub(crate) armed_at: u64,
    pub(crate) expires_at: u64,
    pub(crate) ended_at: Option<u64>,
    pub(crate) state: InstallState,
    /// The last stage that was told.
    pub(crate) stage: String,
    /// The place of the furthest of the known stages.
    pub(crate) reached: u32,
    pub(crate) why: Option<String>,
    pub(crate) served: u32,
    /// The interface that fetched the script last; the answer files are for it.
    pub(crate) mac: Option<Mac>,
    /// Where that was; nobody else gets the answer files.
    pub(crate) address: Option<Ipv4Addr>,
    pub(crate) said: Said,
}

const COLUMNS: &str = "id, machine, profile, token, armed_at, expires_at, ended_at, state, stage, \
                       reached, why, served, mac, address, said";

impl Record {
    /// The latest install of a machine.
    pub(super) fn latest(database: &Connection, machine: &str) -> rusqlite::Result<Option<Self>> {
        Ok(Self::of_machine(database, machine, 1)?.pop())
    }

    /// The installs of a machine, newest first.
    pub(super) fn of_machine(
        database: &Connection,
        machine: &str,
        most: u32,
    ) -> rusqlite::Result<Vec<Self>> {
        let query =
            format!("SELECT {COLUMNS} FROM installs WHERE machine = ?1 ORDER BY id DESC LIMIT ?2");
        let mut found = database.prepare_cached(&query)?;
        found.query_map(params![machine, most], Self::read)?.collect()
    }

    /// The install that a token is for.
    pub(super) fn by_token(database: &Connection, token: &str) -> rusqlite::Result<Option<Self>> {
        let query = format!("SELECT {COLUMNS} FROM installs WHERE token_hash = ?1");
        let mut found = database.prepare_cached(&query)?;
        found.query_row([token::hash(token)], Self::read).optional()
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let said: String = row.get(14)?;
        Ok(Self {
            id: row.get(0)?,
            machine: row.get(1)?,
            profile: row.get(2)?,
            token: row.get(3)?,
            armed_at: row.get(4)?,
            expires_at: row.get(5)?,
            ended_at: row.get(6)?,
            state: state(row, 7)?,
            stage: row.get(8)?,
            reached: row.get(9)?,
            why: row.get(10)?,
            served: row.get(11)?,
            mac: optional(row, 12)?,
            address: optional(row, 13)?,
            said: serde_json::from_str(&said).unwrap_or_default(),
        })
    }

    /// Keeps what changed.
    pub(super) fn keep(&self, database: &Connection) -> rusqlite::Result<()> {
        database
            .prepare_cached(
                "UPDATE installs SET ended_at = ?2, state = ?3, stage = ?4, reached = ?5, why = ?6,
                 served = ?7, mac = ?8, address = ?9, said = ?10 WHERE id = ?1",
            )?
            .execute(params![
                self.id,
                self.ended_at,
                word(self.state),
                self.stage,
                self.reached,
                self.why,
                self.served,
                self.mac.map(|mac| mac.to_string()),
                self.address.map(|address| address.to_string()),
                serde_json::to_string(&self.said).unwrap_or_default(),
            ])
            .map(drop)
    }

    /// Ends it.
    pub(super) fn end(&mut self, state: InstallState, why: Option<String>, now: u64) {
        self.state = state;
        self.why = why;
        self.ended_at = Some(now);
    }

    /// Remembers an event, as long as there is room.
    pub(super) fn happened(
        &self,
        database: &Connection,
        at: u64,
        stage: &str,
        detail: &str,
    ) -> rusqlite::Result<()> {
        database
            .prepare_cached(
                "INSERT INTO events (install, at, stage, detail) SELECT ?1, ?2, ?3, ?4
                 WHERE (SELECT count(*) FROM events WHERE install = ?1) < ?5",
            )?
            .execute(params![self.id, at, stage, beginning(detail, DETAIL), EVENTS])
            .map(drop)
    }

    /// All that is remembered of it, oldest first.
    pub(super) fn events(&self, database: &Connection) -> rusqlite::Result<Vec<Event>> {
        let mut found = database.prepare_cached(
            "SELECT at, stage, detail FROM events WHERE install = ?1 ORDER BY id",
        )?;
        let events = found.query_map([self.id], |row| {
            Ok(Event { at: row.get(0)?, stage: row.get(1)?, detail: row.get(2)? })
        })?;
        events.collect()
    }

    /// As the book knows it.
    pub(super) fn as_install(&self) -> Install {
        Install {
            machine: self.machine.clone(),
            profile: self.profile.clone(),
            token: self.token.clone(),
            armed_at: self.armed_at,
            expires_at: self.expires_at,
            stage: self.stage.clone(),
            detail: self.why.clone().unwrap_or_default(),
            served: self.served,
            state: self.state,
        }
    }

    /// As the operator is told.
    pub(super) fn as_status(&self, events: Vec<Event>) -> InstallStatus {
        InstallStatus {
            machine: self.machine.clone(),
            profile: self.profile.clone(),
            state: self.state,
            stage: self.stage.clone(),
            why: self.why.clone(),
            token: token::masked(&self.token),
            armed_at: self.armed_at,
            expires_at: self.expires_at,
            ended_at: self.ended_at,
            served: self.served,
            address: self.address,
            events,
        }
    }
}

/// The word for a state.
pub(super) fn word(state: InstallState) -> &'static str {
    STATES.iter().find(|(known, _)| *known == state).map_or("", |(_, word)| word)
}

/// The first bytes of a text, up to a whole character.
pub(super) fn beginning(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<InstallState> {
    let text: String = row.get(column)?;
    let known = STATES.iter().find(|(_, word)| *word == text).map(|(state, _)| *state);
    known.ok_or(rusqlite::Error::InvalidColumnType(column, text, rusqlite::types::Type::Text))
}

fn optional<T: std::str::FromStr>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    let there = row.get::<_, Option<String>>(column)?.is_some();
    if there { parsed(row, column).map(Some) } else { Ok(None) }
}
