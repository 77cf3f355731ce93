//! Hardware reports of live systems.

use rack::Mac;
use rack::control::Report;
use rusqlite::{Connection, params};

/// Reports kept of one interface.
const KEPT: u32 = 4;
/// Reports kept of all.
const KEPT_IN_ALL: u32 = 4096;

/// Keeps a report, and forgets what is too old.
pub(crate) fn keep(database: &Connection, report: &Report) -> rusqlite::Result<()> {
    let mac = report.mac.to_string();
    database.execute(
        "INSERT INTO reports (mac, at, body) VALUES (?1, ?2, ?3)",
        params![mac, report.at, report.body.to_string()],
    )?;
    database.execute(
        "DELETE FROM reports WHERE mac = ?1 AND id NOT IN
         (SELECT id FROM reports WHERE mac = ?1 ORDER BY id DESC LIMIT ?2)",
        params![mac, KEPT],
    )?;
    database
        .execute(
            "DELETE FROM reports WHERE id <= (SELECT max(id) FROM reports) - ?1",
            params![KEPT_IN_ALL],
        )
        .map(drop)
}

/// All that is kept of an interface, newest first.
pub(crate) fn of(database: &Connection, mac: Mac) -> rusqlite::Result<Vec<Report>> {
    let mut found =
        database.prepare_cached("SELECT at, body FROM reports WHERE mac = ?1 ORDER BY id DESC")?;
    let reports = found.query_map(params![mac.to_string()], |row| {
        let body: String = row.get(1)?;
        Ok(Report { mac, at: row.get(0)?, body: serde_json::from_str(&body).unwrap_or_default() })
    })?;
    reports.collect()
}
