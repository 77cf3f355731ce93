//! ntpd, asked by a real client.

use std::process::Command;

use suite::site::engine_answers;
use suite::{Site, run};

#[test]
fn a_client_synchronises_with_it() {
    if !engine_answers("ntpd") {
        return;
    }
    let site = Site::built();
    site.runctl(&["up", "ntpd"]).ok();
    let server = format!("server {} iburst maxsamples 2", site.address("ntpd"));
    // -Q only tells what it would do to the clock.
    let asked = run(Command::new("chronyd").args(["-Q", "-t", "20", &server]));
    let said = asked.stderr.clone() + &asked.stdout;
    asked.ok();
    assert!(said.contains("System clock wrong by"), "{said}");
}
