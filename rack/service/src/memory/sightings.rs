//! Who asked for a boot script, when, from where, and what it said of itself.

use std::net::Ipv4Addr;

use rack::Mac;
use rack::control::{Said, Sighting};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// Interfaces that are remembered; those seen longest ago are forgotten.
const KEPT: u32 = 8192;

/// Remembers one, in place of what was known of the same interface.
pub(crate) fn note(database: &Connection, sighting: &Sighting) -> rusqlite::Result<()> {
    let known = database
        .prepare_cached("UPDATE sightings SET address = ?2, at = ?3, said = ?4 WHERE mac = ?1")?
        .execute(values(sighting))?;
    if known > 0 {
        return Ok(());
    }
    database
        .prepare_cached(
            "DELETE FROM sightings WHERE (SELECT count(*) FROM sightings) >= ?1
             AND mac = (SELECT mac FROM sightings ORDER BY at LIMIT 1)",
        )?
        .execute([KEPT])?;
    database
        .prepare_cached("INSERT INTO sightings (mac, address, at, said) VALUES (?1, ?2, ?3, ?4)")?
        .execute(values(sighting))
        .map(drop)
}

/// The last sighting of an interface.
pub(crate) fn of(database: &Connection, mac: Mac) -> rusqlite::Result<Option<Sighting>> {
    database
        .prepare_cached("SELECT mac, address, at, said FROM sightings WHERE mac = ?1")?
        .query_row(params![mac.to_string()], sighting)
        .optional()
}

/// All, latest first.
pub(crate) fn all(database: &Connection) -> rusqlite::Result<Vec<Sighting>> {
    let mut found =
        database.prepare_cached("SELECT mac, address, at, said FROM sightings ORDER BY at DESC")?;
    found.query_map([], sighting)?.collect()
}

fn values(sighting: &Sighting) -> (String, String, u64, String) {
    let said = serde_json::to_string(&sighting.said).unwrap_or_default();
    (sighting.mac.to_string(), sighting.address.to_string(), sighting.at, said)
}

fn sighting(row: &Row<'_>) -> rusqlite::Result<Sighting> {
    Ok(Sighting {
        mac: super::parsed(row, 0)?,
        address: super::parsed::<Ipv4Addr>(row, 1)?,
        at: row.get(2)?,
        said: serde_json::from_str::<Said>(&row.get::<_, String>(3)?).unwrap_or_default(),
    })
}
