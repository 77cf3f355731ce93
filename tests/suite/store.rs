//! The store: verbs on generations, clients that finish in the generation they began in, and kill -9 at 200 moments.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sha2::Digest as _;
use suite::mirrored::Mirrored;
use suite::repositories::{self, Package};
use suite::site::engine_answers;
use suite::{Site, run};

use crate::packages::{apt, apt_root, dnf, fetch};

const FIRST: [Package; 2] = [
    Package { needs: &["suite-words"], ..Package::plain("suite-hello") },
    Package::plain("suite-words"),
];
const SECOND: [Package; 2] = [
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

/// Reads the served generation by its lock: every file is there, of the right size and bytes.
fn assert_whole(published: &Path) -> u64 {
    let current = published.join("current");
    let lock = fs_err::read(current.join("booddies.lock")).expect("a generation is served");
    let lock: Value = serde_json::from_slice(&lock).expect("its lock is whole");
    for tree in lock["trees"].as_array().expect("trees") {
        let folder = current.join(tree["path"].as_str().expect("a path"));
        for (file, object) in tree["files"].as_object().expect("files") {
            let bytes = fs_err::read(folder.join(file)).expect("each file of the lock is there");
            assert_eq!(bytes.len() as u64, object["size"].as_u64().expect("a size"), "{file}");
            let told = object["sha256"].as_str().expect("a digest");
            let told: Vec<_> = (0..told.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&told[at..at + 2], 16).expect("hexadecimal"))
                .collect();
            assert_eq!(sha2::Sha256::digest(&bytes).as_slice(), told, "{file}");
        }
    }
    lock["generation"].as_u64().expect("a number")
}

#[test]
fn two_hundred_kills_leave_a_whole_generation() {
    const KILLS: usize = 200;
    let mirrored = Mirrored::new(Site::new(), &FIRST);
    let site = &mirrored.site;
    site.runctl(&["feed", "data"]).ok();
    // Two states of the upstream, side by side: each feed publishes the other one, and collects.
    let one = fs_err::read_to_string(site.path("etc/booddies/data.toml")).expect("it is there");
    let served = mirrored.served();
    repositories::yum(&served.join("second/yum"), &SECOND, &mirrored.key);
    repositories::apt(&served.join("second/apt"), &SECOND, &mirrored.key);
    let two = one.replace(&mirrored.upstream.url(""), &mirrored.upstream.url("second/"));
    assert_ne!(one, two);
    for (name, text) in [("one", &one), ("two", &two)] {
        fs_err::write(site.path(name), format!("keep = 2\n{text}")).expect("it is written");
    }
    let again = r#"while :; do for state in $2; do
        cp "$1/$state" "$1/next" && mv "$1/next" "$1/etc/booddies/data.toml"
        "$0" --root "$1" --progress none feed data >"$1/feed.log" 2>&1
        # The one that was killed may hold its lock for a moment longer.
        code=$?; [ $code = 0 ] || [ $code = 75 ] || cat "$1/feed.log" >>"$1/failed.log"
    done; done"#;
    let published = site.state("store/published");
    let mut generations = std::collections::BTreeSet::new();
    for kill in 0..KILLS {
        let mut child = Command::new("sh")
            .args(["-c", again])
            .arg(suite::site::program())
            .arg(site.path(""))
            .arg(if kill % 2 == 0 { "two one" } else { "one two" })
            .process_group(0)
            .stdin(Stdio::null())
            .spawn()
            .expect("a shell starts");
        // Spread over all that a feed does, by a step that meets none of its rhythms.
        std::thread::sleep(Duration::from_millis((kill as u64 * 97) % 397));
        let group = format!("-{}", child.id());
        run(Command::new("kill").args(["-KILL", "--", &group])).ok();
        child.wait().expect("it ends");
        generations.insert(assert_whole(&published));
        if kill % 20 == 19 {
            let folder = tempfile::tempdir().expect("a folder");
            let url = format!("file://{}/current/data/yum/proof/", published.display());
            dnf(folder.path(), &url, &["install", "suite-hello"]).ok();
        }
    }
    println!("{} generations were served between {KILLS} kills", generations.len());
    assert!(generations.len() > 10, "hardly anything was published: {generations:?}");
    let failed = fs_err::read_to_string(site.path("failed.log")).unwrap_or_default();
    assert_eq!(failed, "", "a feed failed, and was not killed");
    site.runctl(&["feed", "data"]).ok();
    assert_whole(&published);
    let unfinished = run(Command::new("find").arg(&published).args(["-name", ".unfinished*"]));
    assert_eq!(unfinished.ok(), "", "something half-built is left");
    assert!(site.runctl(&["scrub"]).ok().contains(" 0 damaged"));
}
