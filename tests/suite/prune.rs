//! What regi.toml lists no more goes from a real registry, and its room on the disk is free again; what people pushed stays.

use std::path::Path;
use std::process::Command;

use suite::site::engine_answers;
use suite::{Site, run};

use crate::regi::{json, layout, table};
use crate::registry::{registry, skopeo};

/// The layer that goes, at least so large.
const LARGE: usize = 8 << 20;

/// Bytes that regi takes up on the disk.
fn taken_up(site: &Site) -> usize {
    let told =
        run(Command::new("du").args(["--summarize", "--bytes"]).arg(site.state("regi"))).ok();
    told.split_whitespace().next().and_then(|bytes| bytes.parse().ok()).expect("du tells bytes")
}

/// Asks regi over HTTP as the one who may push; returns the status.
fn ask(site: &Site, operator: &str, method: &str, path: &str) -> String {
    let authority = site.state("secrets/ca.pem");
    let curl = |arguments: &[&str]| {
        run(Command::new("curl").args(["-sS", "--cacert"]).arg(&authority).args(arguments)).ok()
    };
    let base = format!("https://{}", registry(site));
    let token = json(&curl(&["-u", operator, &format!("{base}/token")]));
    let shown = format!("Authorization: Bearer {}", token["token"].as_str().expect("a token"));
    let status = ["-o", "/dev/null", "-w", "%{http_code}", "-X", method, "-H", &shown];
    curl(&[&status[..], &[&format!("{base}{path}")]].concat())
}

#[test]
fn what_is_no_longer_listed_goes_and_what_people_pushed_stays() {
    if !engine_answers("pruning regi") {
        return;
    }
    let site = Site::built();
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    layout(&place("kept"), "kept", &["amd64", "arm64"]);
    layout(&place("large"), &"large".repeat(LARGE / 5 + 1), &["amd64"]);
    layout(&place("shared"), "shared", &["amd64", "arm64"]);
    let from = |name: &str, place: &Path| table(name, &format!("layout = \"{}\"", place.display()));
    let kept = from("kept/box:1", &place("kept"));
    let dropped = [from("large/box:1", &place("large")), from("shared/box:1", &place("shared"))];
    site.configure("regi.toml", &format!("{kept}{}", dropped.concat()));
    site.runctl(&["up", "regi"]).ok();
    site.runctl(&["feed", "regi"]).ok();

    // Somebody pushes into both: an image of another repository, and another name for the very one.
    let remote = |name: &str| format!("docker://{}/{name}", registry(&site));
    let password = fs_err::read_to_string(site.state("secrets/regi-password")).expect("a password");
    let operator = format!("booddies:{}", password.trim());
    let push = |from: &str, to: &str| {
        let copy = ["copy", "--quiet", "--all", "--dest-creds", &operator];
        skopeo(&site, &[&copy[..], &[&remote(from), &remote(to)]].concat()).ok()
    };
    push("kept/box:1", "large/box:own");
    push("shared/box:1", "shared/box:mine");

    site.configure("regi.toml", &kept);
    let told = site.runctl(&["feed", "regi"]);
    assert!(told.stderr.contains("large/box:1, shared/box:1"), "{}", told.stderr);
    let before = taken_up(&site);
    let would = json(&site.runctl(&["--json", "regi", "prune", "--dry-run"]).ok());
    assert_eq!(would["gone"].as_array().map(Vec::len), Some(2), "{would}");
    let raw = |name: &str| skopeo(&site, &["inspect", "--raw", &remote(name)]);
    raw("large/box:1").ok();

    let gone = json(&site.runctl(&["--json", "regi", "prune"]).ok());
    assert_eq!(gone["gone"], would["gone"]);
    raw("large/box:1").fails();
    raw("shared/box:1").fails();
    let freed = before.saturating_sub(taken_up(&site));
    assert!(freed >= LARGE, "only {freed} bytes are free again");
    for name in ["kept/box:1", "large/box:own", "shared/box:mine"] {
        let copy = format!("dir:{}", place("copies").join(name.replace(['/', ':'], "-")).display());
        fs_err::create_dir_all(place("copies")).expect("a folder");
        skopeo(&site, &["copy", "--quiet", "--all", &remote(name), &copy]).ok();
    }
    let again = json(&site.runctl(&["--json", "regi", "prune"]).ok());
    assert_eq!(again["gone"], serde_json::json!([]), "{again}");

    // Nobody deletes blobs, which may be another image's, too.
    let index = json(&raw("kept/box:1").ok());
    let child = index["manifests"][0]["digest"].as_str().expect("a digest");
    let child = json(&raw(&format!("kept/box@{child}")).ok());
    let layer = child["layers"][0]["digest"].as_str().expect("a digest");
    let path = format!("/v2/kept/box/blobs/{layer}");
    assert_eq!(ask(&site, &operator, "DELETE", &path), "405");
    assert_eq!(ask(&site, &operator, "GET", &path), "200");
}
