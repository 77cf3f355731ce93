//! The tables, and how an older database becomes one of today.

use fs_err::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rusqlite::Connection;

use super::Error;

/// What was done to the database, in its order; its `user_version` counts what it has. Never change one: add another.
const MIGRATIONS: [&str; 1] = ["
CREATE TABLE beat (at INTEGER NOT NULL);
INSERT INTO beat VALUES (0);

CREATE TABLE installs (
    id INTEGER PRIMARY KEY,
    machine TEXT NOT NULL,
    profile TEXT NOT NULL,
    token TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    armed_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    state TEXT NOT NULL,
    stage TEXT NOT NULL DEFAULT '',
    reached INTEGER NOT NULL DEFAULT 0,
    why TEXT,
    served INTEGER NOT NULL DEFAULT 0,
    mac TEXT,
    address TEXT,
    said TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX installs_of ON installs (machine, id);
CREATE INDEX installs_open ON installs (expires_at) WHERE state IN ('armed', 'running');

CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    install INTEGER NOT NULL REFERENCES installs ON DELETE CASCADE,
    at INTEGER NOT NULL,
    stage TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX events_of ON events (install, id);

CREATE TABLE given (
    install INTEGER NOT NULL REFERENCES installs ON DELETE CASCADE,
    name TEXT NOT NULL,
    PRIMARY KEY (install, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE sightings (
    mac TEXT PRIMARY KEY,
    address TEXT NOT NULL,
    at INTEGER NOT NULL,
    said TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sightings_at ON sightings (at);

CREATE TABLE reports (
    id INTEGER PRIMARY KEY,
    mac TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX reports_of ON reports (mac, id);
"];

/// Opens the database, making it if there is none; it holds tokens, so nobody else may read it.
pub(super) fn open(path: &Path) -> Result<Connection, Error> {
    // SQLite gives the files that it makes beside this one the same permissions.
    fs_err::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::Make)?;
    let failed = |source| Error::Open { path: path.to_owned(), source };
    let database = Connection::open(path).map_err(failed)?;
    database
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8000; PRAGMA journal_size_limit = 16000000;",
        )
        .map_err(failed)?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    let found: u32 =
        database.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    if found > known {
        return Err(Error::Newer { path: path.to_owned(), found, known });
    }
    for (version, migration) in (1..=known).zip(MIGRATIONS).skip(found as usize) {
        let whole = format!("BEGIN; {migration} PRAGMA user_version = {version}; COMMIT;");
        database.execute_batch(&whole).map_err(failed)?;
    }
    Ok(database)
}
