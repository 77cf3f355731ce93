//! The store: verbs on generations, and clients that finish in the generation they began in.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use suite::mirrored::Mirrored;
use suite::repositories::{self, Package};
use suite::site::engine_answers;
use suite::{Site, run};

use crate::packages::{apt, apt_root, dnf, fetch};

pub(crate) const FIRST: [Package; 2] = [
    Package { needs: &["suite-words"], ..Package::plain("suite-hello") },
    Package::plain("suite-words"),
];
pub(crate) const SECOND: [Package; 2] = [
    Package { needs: &["suite-words"], version: "2.0", ..Package::plain("suite-hello") },
    Package { version: "2.0", ..Package::plain("suite-words") },
];

/// Puts other packages into the upstream's repositories.
fn offer(mirrored: &Mirrored, packages: &[Package]) {
    let served = mirrored.served();
    for folder in ["yum", "apt"] {
        fs_err::remove_dir_all(served.join(folder)).expect("the old repository goes");
    }
    repositories::yum(&served.join("yum"), packages, &mirrored.key);
    repositories::apt(&served.join("apt"), packages, &mirrored.key);
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("a report is JSON")
}

#[test]
fn generations_are_listed_rolled_back_and_collected() {
    let mirrored = Mirrored::new(Site::new(), &FIRST);
    let site = &mirrored.site;
    assert!(site.runctl(&["generations"]).ok().contains("nothing fed yet"));
    site.runctl(&["feed", "data"]).ok();
    let first = mirrored.served_now();
    offer(&mirrored, &SECOND);
    site.runctl(&["feed", "data"]).ok();
    let second = mirrored.served_now();
    assert_ne!(first, second);

    let listed = json(&site.runctl(&["generations", "--json"]).ok());
    let lines = listed["generations"].as_array().expect("a list");
    let served: Vec<_> = lines.iter().map(|line| line["served"] == true).collect();
    assert_eq!(served, [false, true]);
    assert!(lines[1]["difference"]["added"].as_u64() > Some(0), "{listed}");
    let shown = site.runctl(&["generations", "2"]).ok();
    assert!(shown.contains("data/yum/proof") && shown.contains(&mirrored.upstream.url("yum/")));
    site.runctl(&["generations", "7"]).fails_with(11);

    site.runctl(&["rollback", "--dry-run"]).ok();
    assert_eq!(mirrored.served_now(), second, "a dry run switches");
    site.runctl(&["rollback"]).ok();
    assert_eq!(mirrored.served_now(), first);
    site.runctl(&["rollback"]).fails_with(2);
    site.runctl(&["rollback", "2"]).ok();
    assert_eq!(mirrored.served_now(), second);

    let data = fs_err::read_to_string(site.path("etc/booddies/data.toml")).expect("it is there");
    site.configure("data.toml", &format!("keep = 1\n{data}"));
    let foreseen = json(&site.runctl(&["gc", "--dry-run", "--json"]).ok());
    let removed = json(&site.runctl(&["gc", "--json"]).ok());
    assert_eq!(foreseen["removed"], removed["removed"]);
    assert_eq!(removed["removed"]["generations"], serde_json::json!([1]));
    assert_eq!(mirrored.served_now(), second);
}

#[test]
fn scrub_names_what_is_corrupt_and_has_it_repaired() {
    let mirrored = Mirrored::new(Site::new(), &FIRST);
    let site = &mirrored.site;
    site.runctl(&["feed", "data"]).ok();
    let before = mirrored.served_now();
    site.runctl(&["scrub"]).ok();
    let rpm =
        site.state("store/published/current/data/yum/proof/noarch/suite-words-1.0-1.noarch.rpm");
    let good = fs_err::read(&rpm).expect("it is served");
    // In place, as a disk does: the object and each of its links are one file.
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    fs_err::write(&rpm, &bad).expect("root may");

    let foreseen = site.runctl(&["scrub", "--dry-run"]).fails_with(16);
    assert!(rpm.exists(), "a dry run changes nothing: {foreseen}");
    let scrubbed = site.runctl(&["scrub"]);
    assert_eq!(scrubbed.code, 16, "{}", scrubbed.stderr);
    assert!(scrubbed.stdout.contains("data/yum/proof: noarch/suite-words-1.0-1.noarch.rpm"));
    assert!(!rpm.exists(), "wrong bytes are served");
    let repaired = site.runctl(&["scrub", "--repair", "--json"]).ok();
    // The feed reports on a line of its own, before.
    let report = json(repaired.lines().last().expect("a report"));
    assert_eq!(report["damaged"][0]["mended"], true, "{report}");
    assert_eq!(mirrored.served_now(), before);
    assert!(site.runctl(&["scrub"]).ok().contains(" 0 damaged"));
}

#[test]
fn clients_finish_in_the_generation_they_began_in() {
    if !engine_answers("clients across a switch") {
        return;
    }
    let mirrored = Mirrored::new(Site::built(), &FIRST);
    let site = &mirrored.site;
    site.runctl(&["up", "data"]).ok();
    site.runctl(&["feed", "data"]).ok();
    let folder = tempfile::tempdir().expect("a folder");
    let (rpm_root, deb_root) = (folder.path().join("dnf"), folder.path().join("apt"));
    let url = mirrored.url("apt/proof/");
    let key = folder.path().join("site.asc");
    fetch(&format!("{url}booddies-archive-keyring.asc"), &key);
    apt_root(&deb_root, &format!("deb [signed-by={}] {url} stable main\n", key.display()));
    apt(&deb_root, "apt-get", &["update", "--error-on=any"]).ok();
    let yum = mirrored.url("yum/proof/");
    dnf(&rpm_root, &yum, &["makecache"]).ok();

    // Both have read their indexes; now every package that these name is replaced.
    offer(&mirrored, &SECOND);
    site.runctl(&["feed", "data"]).ok();
    assert!(!mirrored.served_now().concat().contains("suite-words-1.0-1"));
    apt(&deb_root, "apt-get", &["install", "-y", "suite-hello"]).ok();
    dnf(&rpm_root, &yum, &["--cacheonly", "repoquery", "suite-hello"]).ok();
    dnf(&rpm_root, &yum, &["--setopt=metadata_expire=never", "install", "suite-hello"]).ok();
    let has = |root: &Path, package: &Package| root.join(package.installed_file()).exists();
    assert!(has(&deb_root, &FIRST[1]) && has(&rpm_root.join("machine"), &FIRST[1]));

    // Who begins now gets the new one, and no index of the old one under its own name.
    let repomd = |at: &str| run(Command::new("curl").args(["-sf"]).arg(mirrored.url(at))).ok();
    assert_ne!(
        repomd("yum/proof/repodata/repomd.xml"),
        repomd("generations/1/yum/proof/repodata/repomd.xml")
    );
    apt(&deb_root, "apt-get", &["update", "--error-on=any"]).ok();
    assert!(apt(&deb_root, "apt-cache", &["policy", "suite-hello"]).ok().contains("2.0"));
}
