//! The program as it is, over its sockets: what machines and the operator get, and what is left when it is killed.

mod book;
mod fixture;

use fixture::{Rack, SECRET, machine};
use serde_json::json;

/// Every script ends at the local disk; one without an installer goes there at once.
fn boots_its_disk(script: &str) -> bool {
    script.contains("Booting from the local disk") && !script.contains("/install/")
}

#[test]
fn an_install_is_armed_happens_once_and_the_machine_boots_its_disk_thereafter() {
    let rack = Rack::start(2);
    let (machine, other) = (machine(1), machine(2));
    assert!(boots_its_disk(&rack.script(&machine)), "nothing is armed");

    let armed = rack.control("POST", "/arm", &json!({ "machine": machine.name })).json(200);
    assert_eq!(armed["state"], "armed");
    assert!(armed["token"].as_str().is_some_and(|token| token.ends_with("...")), "{armed}");
    let token = rack.token(&machine);
    let file = format!("/install/{token}/preseed.cfg");
    assert_eq!(rack.get(other.address, &file).status, 403, "another machine has the token");
    let given = rack.get(machine.address, &file);
    assert!(given.status == 200 && given.body.contains(SECRET), "{given:?}");
    assert_eq!(rack.get(machine.address, &file).status, 410, "a secret is served once");
    let plain = format!("/install/{token}/baseline.sh");
    for _ in 0..2 {
        assert_eq!(rack.get(machine.address, &plain).status, 200);
    }
    assert_eq!(rack.get(machine.address, &format!("/install/{token}/passwd")).status, 404);

    for stage in ["started", "partitioned", "unpacking", "finished", "booted"] {
        assert_eq!(rack.tell(&machine, &token, stage, "").status, 204, "{stage}");
        assert!(boots_its_disk(&rack.script(&machine)), "after {stage} it boots its disk");
    }
    assert_eq!(rack.tell(&machine, &token, "started", "").status, 409, "it does not go back");
    assert_eq!(rack.get(machine.address, &plain).status, 410, "the install is over");

    let told = rack.told(&machine);
    assert_eq!(told["install"]["state"], "finished");
    assert_eq!(told["install"]["stage"], "booted");
    let events = told["install"]["events"].as_array().expect("events");
    let stages: Vec<_> = events.iter().filter_map(|event| event["stage"].as_str()).collect();
    let expected =
        ["armed", "script", "refused", "file", "file", "started", "restarted", "partitioned"];
    assert_eq!(stages[..8], expected);
    assert_eq!(stages.last(), Some(&"booted"));
    let log = rack.log();
    assert!(!log.contains(&token) && !log.contains(SECRET), "{log}");
    let line = format!(
        "{} \"GET /install/{}.../preseed.cfg HTTP/1.1\" 200 ",
        machine.address,
        &token[..6]
    );
    assert!(log.contains(&line), "{line} is not in\n{log}");
}

#[test]
fn what_was_answered_survives_kill_9() {
    let mut rack = Rack::start(2);
    let (armed, running) = (machine(1), machine(2));
    for machine in [&armed, &running] {
        rack.control("POST", "/arm", &json!({ "machine": machine.name })).json(200);
    }
    let token = rack.token(&running);
    assert_eq!(rack.tell(&running, &token, "started", "").status, 204);
    let before = [rack.told(&armed), rack.told(&running)];
    rack.kill_and_start();
    assert_eq!([rack.told(&armed), rack.told(&running)], before);
    assert!(rack.script(&armed).contains("/install/"), "it is still armed");
    assert!(boots_its_disk(&rack.script(&running)), "it still runs");
    assert_eq!(rack.tell(&running, &token, "finished", "").status, 204);
    rack.kill_and_start();
    assert_eq!(rack.told(&running)["install"]["state"], "finished");
}

#[test]
fn an_installer_that_never_calls_back_is_sent_three_times() {
    let rack = Rack::start(1);
    let machine = machine(1);
    rack.control("POST", "/arm", &json!({ "machine": machine.name })).json(200);
    for _ in 0..3 {
        assert!(rack.script(&machine).contains("/install/"));
    }
    assert!(boots_its_disk(&rack.script(&machine)));
    let install = &rack.told(&machine)["install"];
    assert_eq!(install["state"], "failed");
    assert_eq!(install["why"], "it never called back; its script was served 3 times");
}

#[test]
fn a_failed_install_keeps_its_stage_and_its_reason() {
    let rack = Rack::start(1);
    let machine = machine(1);
    rack.control("POST", "/arm", &json!({ "machine": machine.name })).json(200);
    let token = rack.token(&machine);
    assert_eq!(rack.tell(&machine, &token, "partitioned", "").status, 204);
    assert_eq!(rack.tell(&machine, &token, "failed", "the disk is too small\n").status, 204);
    let install = &rack.told(&machine)["install"];
    assert_eq!(install["state"], "failed");
    assert_eq!(install["stage"], "partitioned");
    assert_eq!(install["why"], "the disk is too small");
    let again = rack.control("POST", "/arm", &json!({ "machine": machine.name })).json(200);
    assert_eq!(again["state"], "armed");
    assert_eq!(rack.told(&machine)["earlier"][0]["why"], "the disk is too small");
}

#[test]
fn tokens_expire_and_are_called_off() {
    let rack = Rack::start(2);
    let (expiring, disarmed) = (machine(1), machine(2));
    let arm = json!({ "machine": expiring.name, "lifetime": 0 });
    let refused = rack.control("POST", "/arm", &arm);
    assert_eq!(refused.status, 409, "what has expired is not armed: {refused:?}");
    rack.control("POST", "/arm", &json!({ "machine": disarmed.name })).json(200);
    let token = rack.token(&disarmed);
    let off = rack.control("POST", "/disarm", &json!({ "machine": disarmed.name })).json(200);
    assert_eq!(off["state"], "disarmed");
    assert!(boots_its_disk(&rack.script(&disarmed)));
    assert_eq!(rack.get(disarmed.address, &format!("/install/{token}/baseline.sh")).status, 410);
    assert_eq!(rack.tell(&disarmed, &token, "started", "").status, 409);
    let twice = rack.control("POST", "/disarm", &json!({ "machine": disarmed.name })).json(409);
    assert!(twice["hint"].is_string(), "{twice}");
}

#[test]
fn who_asks_from_another_address_is_refused_and_told_of() {
    let rack = Rack::start(1);
    let machine = machine(1);
    rack.control("POST", "/arm", &json!({ "machine": machine.name })).json(200);
    let rogue = [127, 0, 0, 9].into();
    let script = rack.get(rogue, &format!("/boot/{}", machine.mac)).body;
    assert!(!script.contains("/install/"), "a token for a stranger: {script}");
    let events = rack.told(&machine)["install"]["events"].to_string();
    assert!(events.contains("refused to 127.0.0.9"), "{events}");
    assert!(rack.script(&machine).contains("/install/"), "its own address still gets it");
}

#[test]
fn a_thousand_machines_may_ask_at_once() {
    let rack = Rack::start(1000);
    let machines: Vec<_> = (1..=1000).map(machine).collect();
    for machine in machines.iter().step_by(10) {
        rack.control("POST", "/arm", &json!({ "machine": machine.name })).json(200);
    }
    let scripts = rack.scripts_at_once(&machines);
    let installs = scripts.iter().filter(|script| script.contains("/install/")).count();
    let disks = scripts.iter().filter(|script| boots_its_disk(script)).count();
    assert_eq!((installs, disks), (100, 900));
    let told = rack.control("GET", "/machines", &json!(null)).json(200);
    let told = told.as_array().expect("a list");
    assert_eq!(told.len(), 1000);
    assert!(
        told.iter().all(|machine| machine["seen"].as_array().is_some_and(|seen| seen.len() == 1))
    );
    assert!(rack.get(machines[0].address, "/healthz").status == 200);
}

#[test]
fn reports_come_from_the_machine_itself_and_are_json_of_a_size() {
    let rack = Rack::start(1);
    let machine = machine(1);
    let path = format!("/report/{}", machine.mac);
    assert_eq!(rack.send("POST", [127, 0, 0, 9].into(), &path, "{}").status, 403);
    assert_eq!(rack.send("POST", machine.address, &path, "no JSON").status, 400);
    let large = format!("\"{}\"", "x".repeat(256 << 10));
    assert_eq!(rack.send("POST", machine.address, &path, &large).status, 413);
    for n in 0..6 {
        let report = format!("{{\"cpus\":{n}}}");
        assert_eq!(rack.send("POST", machine.address, &path, &report).status, 204);
    }
    let reports = rack.told(&machine)["reports"].clone();
    let cpus: Vec<_> =
        reports.as_array().expect("a list").iter().map(|r| &r["body"]["cpus"]).collect();
    assert_eq!(cpus, [5, 4, 3, 2]);
}

#[test]
fn a_bad_book_leaves_the_last_good_one() {
    let rack = Rack::start(1);
    let machine = machine(1);
    rack.write_book("{ no book");
    rack.until("it complains", || rack.log().contains("warning: cannot understand the book"));
    assert_eq!(rack.get(machine.address, "/boot.ipxe").status, 200);
    rack.write_book(&book::text(3));
    rack.until("it has read the new one", || {
        rack.control("GET", "/machines", &json!(null)).json(200).as_array().map(Vec::len) == Some(3)
    });
}

#[test]
fn nobody_else_reads_the_database_or_the_control_socket() {
    use std::os::unix::fs::PermissionsExt as _;
    let rack = Rack::start(1);
    rack.control("POST", "/arm", &json!({ "machine": "m1" })).json(200);
    for path in ["state/rack.db", "state/rack.db-wal", "run/control.sock"] {
        let found = fs_err::metadata(rack.path(path)).expect("it is there");
        assert_eq!(found.permissions().mode() & 0o777, 0o600, "{path}");
    }
}

#[test]
fn what_is_not_there_is_404_and_nothing_is_spent_on_head() {
    let rack = Rack::start(1);
    let machine = machine(1);
    for path in ["/", "/nothing", "/boot/none", "/install/abc/x", "/menu/none", "/arm", "/machines"]
    {
        assert_eq!(rack.get(machine.address, path).status, 404, "{path}");
    }
    rack.control("POST", "/arm", &json!({ "machine": machine.name })).json(200);
    let token = rack.token(&machine);
    let file = format!("/install/{token}/preseed.cfg");
    assert_eq!(rack.send("HEAD", machine.address, &file, "").status, 405);
    assert_eq!(rack.get(machine.address, &file).status, 200);
    assert_eq!(rack.tell(&machine, &token, "No-Stage!", "").status, 400);
    let large = "x".repeat((64 << 10) + 1);
    assert_eq!(rack.tell(&machine, &token, "failed", &large).status, 413);
}

#[test]
fn a_stranger_becomes_what_is_chosen_at_its_console_and_only_once() {
    let rack = Rack::start(1);
    let stranger = fixture::machine(999);
    let asks = |query: &str| rack.get(stranger.address, &format!("/boot/{}{query}", stranger.mac));
    let menu = asks("").body;
    assert!(menu.contains("item become-web"), "{menu}");
    let script = asks("?arch=x86_64&become=web").body;
    let (_, token) = script.split_once("/install/").expect("it is installed");
    let token = token.split('/').next().expect("a token");
    assert_eq!(rack.get(stranger.address, &format!("/install/{token}/preseed.cfg")).status, 200);
    assert_eq!(rack.tell(&stranger, token, "started", "").status, 204);
    assert!(boots_its_disk(&asks("?become=web").body), "it would be installed twice");
    let seen = rack.control("GET", "/strangers", &json!(null)).json(200);
    assert_eq!(seen[0]["said"]["arch"], serde_json::Value::Null, "the last question told nothing");
    assert_eq!(seen[0]["address"], stranger.address.to_string());
    let told = rack.control("GET", &format!("/machines/{}", stranger.mac), &json!(null)).json(200);
    assert_eq!(told["install"]["state"], "running");
}
