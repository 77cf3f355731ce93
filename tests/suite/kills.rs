//! kill -9 at 200 moments of feed data: dnf and apt install from what is served after each, and nothing that was fetched is
//! fetched again. `SUITE_KILLS` sets how many are tried.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sha2::Digest as _;
use suite::mirrored::Mirrored;
use suite::repositories;
use suite::{Site, run};

use crate::packages::{apt, apt_root, dnf};
use crate::store::{FIRST, SECOND};

/// How many feeds are killed, unless `SUITE_KILLS` says it.
const KILLS: usize = 200;
/// How many other files there are to be fetched whenever all before came whole, and how long each is.
const FILES: usize = 24;
const LENGTH: usize = 320 << 10;

/// Feeds one state of the upstream after the other, for ever.
const AGAIN: &str = r#"while :; do for state in $2; do
    cp "$1/$state" "$1/next" && mv "$1/next" "$1/etc/booddies/data.toml"
    "$0" --root "$1" --progress none feed data >"$1/feed.log" 2>&1
    # The one that was killed may hold its lock for a moment longer.
    code=$?; [ $code = 0 ] || [ $code = 75 ] || cat "$1/feed.log" >>"$1/failed.log"
done; done"#;

#[test]
fn two_hundred_kills_leave_a_whole_generation() {
    let told = std::env::var("SUITE_KILLS").ok();
    let kills = told.map_or(KILLS, |told| told.parse().expect("SUITE_KILLS is a number"));
    let mirrored = Mirrored::new(Site::new(), &FIRST);
    let site = &mirrored.site;
    site.runctl(&["feed", "data"]).ok();
    let states = two_states(&mirrored);
    let published = site.state("store/published");
    let mut fetched = Fetched::of(&mirrored);
    let (mut generations, mut halfway, mut whole) = (BTreeSet::new(), 0, FILES);
    for kill in 0..kills {
        if whole == FILES {
            let files = fetched.offer(&mirrored, kill);
            for (name, text) in &states {
                fs_err::write(site.path(name), format!("{text}{files}")).expect("it is written");
            }
        }
        feed_and_kill(site, kill);
        generations.insert(assert_whole(&published));
        whole = fetched.assert_not_again(&mirrored);
        halfway += usize::from((1..FILES).contains(&whole));
        if kill % 2 == 0 { dnf_installs(&published) } else { apt_installs(&published) }
    }
    println!("{} generations were served between {kills} kills", generations.len());
    println!(
        "{halfway} of these came when some of {FILES} files were fetched, and others were not"
    );
    println!("of {} files that were whole, none was asked for again", fetched.finished.len());
    assert!(generations.len() > kills / 20, "hardly anything was published: {generations:?}");
    let failed = fs_err::read_to_string(site.path("failed.log")).unwrap_or_default();
    assert_eq!(failed, "", "a feed failed, and was not killed");
    site.runctl(&["feed", "data"]).ok();
    assert_whole(&published);
    let unfinished = run(Command::new("find").arg(&published).args(["-name", ".unfinished*"]));
    assert_eq!(unfinished.ok(), "", "something half-built is left");
    assert!(site.runctl(&["scrub"]).ok().contains(" 0 damaged"));
}

/// Puts two states of the upstream side by side, and tells how both are configured: each feed publishes the other one, and
/// collects.
fn two_states(mirrored: &Mirrored) -> [(&'static str, String); 2] {
    let site = &mirrored.site;
    let one = fs_err::read_to_string(site.path("etc/booddies/data.toml")).expect("it is there");
    let served = mirrored.served();
    repositories::yum(&served.join("second/yum"), &SECOND, &mirrored.key);
    repositories::apt(&served.join("second/apt"), &SECOND, &mirrored.key);
    let two = one.replace(&mirrored.upstream.url(""), &mirrored.upstream.url("second/"));
    assert_ne!(one, two);
    [("one", one), ("two", two)].map(|(name, text)| (name, format!("keep = 2\n{text}")))
}

/// Starts feeds, and kills whatever runs by then.
fn feed_and_kill(site: &Site, kill: usize) {
    let mut child = Command::new("sh")
        .args(["-c", AGAIN])
        .arg(suite::site::program())
        .arg(site.path(""))
        .arg(if kill.is_multiple_of(2) { "two one" } else { "one two" })
        .process_group(0)
        .stdin(Stdio::null())
        .spawn()
        .expect("a shell starts");
    // Spread over all that a feed does, by a step that meets none of its rhythms.
    std::thread::sleep(Duration::from_millis((kill as u64 * 97) % 397));
    let group = format!("-{}", child.id());
    run(Command::new("kill").args(["-KILL", "--", &group])).ok();
    child.wait().expect("it ends");
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

/// What feeds fetch: name and length by digest, and how often what is there had been asked for when it was first seen there.
struct Fetched {
    store: PathBuf,
    packages: BTreeMap<String, (String, u64)>,
    files: BTreeMap<String, (String, u64)>,
    finished: BTreeMap<String, usize>,
}

impl Fetched {
    /// Looks up what the packages are.
    fn of(mirrored: &Mirrored) -> Self {
        let store = mirrored.site.state("store");
        let mut packages = named(&mirrored.served());
        packages.retain(|_, (name, _)| name.starts_with("suite-"));
        Self { store, packages, files: BTreeMap::new(), finished: BTreeMap::new() }
    }

    /// Has new files to be fetched in place of those before, and tells how they are configured.
    fn offer(&mut self, mirrored: &Mirrored, round: usize) -> String {
        let folder = mirrored.served().join(round.to_string());
        fs_err::create_dir(&folder).expect("a folder");
        for file in 0..FILES {
            let name = format!("{round}-{file}.bin");
            fs_err::write(folder.join(&name), name.repeat(LENGTH / name.len())).expect("written");
        }
        self.files = named(&folder);
        let mut told = "[[files]]\nname = \"many\"\n".to_owned();
        for (digest, (name, _)) in &self.files {
            let url = mirrored.upstream.url(&format!("{round}/{name}"));
            write!(
                told,
                "[[files.file]]\nname = \"{name}\"\nurls = [\"{url}\"]\nsha256 = \"{digest}\"\n"
            )
            .expect("a text grows");
        }
        told
    }

    /// What came whole stays, as an object or on its way to be one, and nobody asks for it again; tells how many of the files
    /// did.
    fn assert_not_again(&mut self, mirrored: &Mirrored) -> usize {
        for (digest, (name, length)) in self.packages.iter().chain(&self.files) {
            let object = self.store.join("objects").join(&digest[..2]).join(digest);
            let came = fs_err::metadata(self.store.join("partial").join(digest));
            if object.exists() || came.is_ok_and(|came| came.len() == *length) {
                let asked = mirrored.upstream.asked(&format!("/{name}"));
                let before = *self.finished.entry(name.clone()).or_insert(asked);
                assert_eq!(asked, before, "{name} was there, and asked for again");
            } else {
                assert!(!self.finished.contains_key(name), "{name} is gone");
            }
        }
        self.files.values().filter(|(name, _)| self.finished.contains_key(name)).count()
    }
}

/// The files below a folder, name and length by digest.
fn named(folder: &Path) -> BTreeMap<String, (String, u64)> {
    let lines = suite::mirrored::digests(folder).into_iter();
    let files = lines.map(|line| {
        let (digest, path) = line.split_once("  ").expect("a digest and a path");
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let length = fs_err::metadata(folder.join(path)).expect("it is there").len();
        (digest.to_owned(), (name, length))
    });
    files.collect()
}

/// Both states have packages of the same names.
fn assert_installed(root: &Path) {
    for package in &FIRST {
        assert!(root.join(package.installed_file()).exists(), "{} is not there", package.name);
    }
}

fn dnf_installs(published: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file://{}/current/data/yum/proof/", published.display());
    dnf(folder.path(), &url, &["install", "suite-hello"]).ok();
    assert_installed(&folder.path().join("machine"));
}

fn apt_installs(published: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    let at = published.join("current/data/apt/proof");
    let key = at.join("booddies-archive-keyring.asc");
    let source = format!("deb [signed-by={}] file:{} stable main\n", key.display(), at.display());
    apt_root(folder.path(), &source);
    apt(folder.path(), "apt-get", &["update", "--error-on=any"]).ok();
    apt(folder.path(), "apt-get", &["install", "-y", "suite-hello"]).ok();
    assert_installed(folder.path());
}
