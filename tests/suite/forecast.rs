//! A feed tells before it begins what it takes, tells programs how far it is, and costs nothing where nothing changed.

use serde_json::Value;
use suite::mirrored::{Mirrored, PACKAGES};
use suite::{Site, run};

fn planned(mirrored: &Mirrored) -> Value {
    let said = mirrored.site.runctl(&["--json", "feed", "data", "--plan"]).ok();
    serde_json::from_str(&said).expect("one JSON object")
}

/// The events of a feed, as a program reads them.
fn events(mirrored: &Mirrored) -> Vec<Value> {
    let said = mirrored.site.runctl(&["--progress", "json", "feed", "data"]);
    let events = said.stderr.lines().map(serde_json::from_str).collect::<Result<_, _>>();
    said.ok();
    events.expect("every line is JSON")
}

#[test]
fn a_plan_tells_exactly_what_the_feed_then_fetches() {
    let mirrored = Mirrored::new(Site::new(), &PACKAGES);
    let plan = planned(&mirrored);
    assert!(mirrored.current().is_none(), "a plan publishes nothing");
    let need = &plan["need"];
    // Two of three from APT with their index to be made, all three from YUM.
    assert_eq!((&need["objects"], &need["unsized_objects"]), (&5.into(), &0.into()), "{plan}");
    assert!(plan["free"].as_u64().is_some_and(|free| free > 0), "{plan}");

    let events = events(&mirrored);
    assert!(events.iter().all(|event| event["schema"] == 1), "{events:?}");
    let total =
        events.iter().find(|event| event["label"] == "all of data").expect("one bar over all");
    assert_eq!(total["total"], need["bytes"]);
    let steps =
        events.iter().filter(|event| event["event"] == "advanced" && event["id"] == total["id"]);
    let advanced: u64 = steps.filter_map(|event| event["by"].as_u64()).sum();
    assert_eq!(Value::from(advanced), need["bytes"], "the steps add up");

    let again = planned(&mirrored);
    assert_eq!(again["need"]["objects"], 0, "{again}");
}

#[test]
fn an_unchanged_upstream_costs_two_requests_a_repository() {
    let mirrored = Mirrored::new(Site::new(), &PACKAGES);
    mirrored.site.runctl(&["feed", "data"]).ok();
    let (before, served) = (mirrored.upstream.asked(""), mirrored.served_now());
    mirrored.site.runctl(&["feed", "data"]).ok();
    // repomd.xml with its signature; InRelease.
    assert_eq!(mirrored.upstream.asked("") - before, 3);
    assert_eq!(mirrored.served_now(), served);
}

#[test]
fn a_plan_refuses_what_cannot_fit() {
    let mirrored = Mirrored::new(Site::new(), &PACKAGES);
    let store = mirrored.site.state("store");
    fs_err::create_dir_all(&store).expect("a mount point");
    let mount = ["-t", "tmpfs", "-o", "size=80m", "tmpfs"];
    run(std::process::Command::new("mount").args(mount).arg(&store)).ok();
    let fits = mirrored.site.runctl(&["feed", "data", "--plan"]);
    fs_err::write(store.join("filler"), vec![1; 30 << 20]).expect("less room than before");
    let said = mirrored.site.runctl(&["feed", "data", "--plan"]);
    run(std::process::Command::new("umount").arg(&store)).ok();
    fits.ok();
    let told = said.fails_with(12);
    assert!(told.contains("in all: ") && told.contains("hint: "), "{told}");
}
