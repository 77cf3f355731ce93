//! The memory, with no network around it.

use std::time::Duration;

use rack::InstallState;
use rack::control::Sighting;
use rusqlite::Connection;

use super::installs::{self, Order};
use super::record::Record;
use super::telling::{Refusal, Told, admit, follow_up};
use super::*;

/// Milliseconds since 1970, at which these tests take place.
const NOW: u64 = 1_795_000_000_000;

fn memory() -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().expect("a folder");
    let database = schema::open(&folder.path().join("rack.db")).expect("a database");
    (folder, database)
}

fn order(token: &str) -> Order {
    Order {
        machine: "kvm-1".into(),
        profile: "debian".into(),
        token: token.into(),
        lifetime: Duration::from_hours(1),
    }
}

/// An install whose script was fetched.
fn served(database: &Connection, token: &str) -> Record {
    installs::arm(database, &order(token), NOW).expect("it works").expect("it is armed");
    let mut install = Record::latest(database, "kvm-1").expect("it works").expect("it is there");
    install.served = 1;
    install.mac = Some(rack::Mac([2, 0, 0, 0, 0, 1]));
    install.address = Some([10, 0, 0, 1].into());
    install.keep(database).expect("it works");
    install
}

fn told(token: &str, stage: &str, at: u64) -> Told {
    Told {
        token: token.into(),
        peer: [10, 0, 0, 1].into(),
        stage: stage.into(),
        detail: String::new(),
        at,
    }
}

fn state(database: &Connection) -> (InstallState, Option<String>) {
    let install = Record::latest(database, "kvm-1").expect("it works").expect("it is there");
    (install.state, install.why)
}

#[test]
fn the_clock_ends_what_nobody_came_for_and_what_never_finished() {
    let (_folder, database) = memory();
    served(&database, "one");
    let end = NOW / 1000 + 3600;
    installs::settle(&database, end - 1).expect("it works");
    assert_eq!(state(&database).0, InstallState::Armed);
    installs::settle(&database, end).expect("it works");
    let why = "nobody came for it in time".to_owned();
    assert_eq!(state(&database), (InstallState::Expired, Some(why)));

    served(&database, "two");
    follow_up(&database, &told("two", "started", NOW)).expect("it works").expect("it is taken");
    let late = follow_up(&database, &told("two", "finished", end * 1000)).expect("it works");
    assert_eq!(late, Err(Refusal::Conflict("it has failed")));
    let why = "it did not finish before its token expired".to_owned();
    assert_eq!(state(&database), (InstallState::Failed, Some(why)));
}

#[test]
fn arming_anew_calls_off_what_was_armed_and_refuses_while_one_runs() {
    let (_folder, database) = memory();
    served(&database, "one");
    served(&database, "two");
    let over = admit(&database, "one", [10, 0, 0, 1].into(), NOW).expect("it works");
    assert!(matches!(over, Err(Refusal::Over(_))), "{over:?}");
    follow_up(&database, &told("two", "started", NOW)).expect("it works").expect("it is taken");
    assert!(installs::arm(&database, &order("three"), NOW).expect("it works").is_none());
}

#[test]
fn an_installer_cannot_fill_the_disk() {
    let (_folder, database) = memory();
    let install = served(&database, "one");
    for n in 0..1000 {
        let told = Told { detail: "x".repeat(10_000), ..told("one", &format!("word-{n}"), NOW) };
        follow_up(&database, &told).expect("it works").expect("it is taken");
    }
    let events = install.events(&database).expect("it works");
    assert_eq!(events.len(), 128);
    assert_eq!(events.iter().map(|event| event.detail.len()).max(), Some(4096));
}

#[test]
fn the_interfaces_seen_longest_ago_are_forgotten() {
    let (_folder, database) = memory();
    let sighting = |n: u32| {
        let [a, b, c, d] = n.to_be_bytes();
        Sighting {
            mac: rack::Mac([2, 0, a, b, c, d]),
            address: [10, 0, 0, 1].into(),
            at: u64::from(n),
            said: rack::control::Said::default(),
        }
    };
    for n in 0..8200 {
        sightings::note(&database, &sighting(n)).expect("it works");
    }
    assert_eq!(sightings::of(&database, sighting(7).mac).expect("it works"), None);
    let last = sighting(8199);
    assert_eq!(sightings::of(&database, last.mac).expect("it works"), Some(last));
    let kept: u32 = database
        .query_row("SELECT count(*) FROM sightings", [], |row| row.get(0))
        .expect("it works");
    assert_eq!(kept, 8192);
}

#[test]
fn one_piece_of_work_that_fails_does_not_undo_the_others() {
    let (_folder, database) = memory();
    database.execute_batch("BEGIN").expect("it works");
    whole(&database, |db| db.execute("UPDATE beat SET at = 7", [])).expect("it works");
    whole(&database, |db| {
        db.execute("UPDATE beat SET at = 8", [])?;
        db.execute("UPDATE no_such_table SET at = 9", [])
    })
    .expect_err("it fails");
    database.execute_batch("COMMIT").expect("it works");
    let at: u64 = database.query_row("SELECT at FROM beat", [], |row| row.get(0)).expect("a row");
    assert_eq!(at, 7);
}

#[test]
fn a_database_of_a_newer_program_is_left_alone() {
    let (folder, database) = memory();
    database.execute_batch("PRAGMA user_version = 99").expect("it works");
    drop(database);
    let refused = schema::open(&folder.path().join("rack.db")).expect_err("it is newer");
    assert!(refused.to_string().ends_with("has version 99, and this program knows 1"), "{refused}");
}
