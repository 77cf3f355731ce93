//! What feed data makes of APT repositories, asked by the real apt with its signature checks on: parts by version and name,
//! sources, an index that expires, flat repositories, and folders of packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use suite::repositories::{self, Package, SigningKey};
use suite::upstream::Upstream;
use suite::{Finished, Site, run};

use crate::packages::{apt, apt_root};

const HELLO: Package = Package { needs: &["suite-words"], ..Package::plain("suite-hello") };
const NEWER: Package = Package { version: "2.0", ..HELLO };
const WORDS: Package = Package::plain("suite-words");
const OTHER: Package = Package::plain("suite-unrelated");

/// A site, an upstream with one repository, and who signs there; what the site publishes is served on loopback.
pub(crate) struct Mirror {
    pub(crate) site: Site,
    pub(crate) key: SigningKey,
    pub(crate) upstream: Upstream,
    pub(crate) folder: tempfile::TempDir,
}

impl Mirror {
    pub(crate) fn of(make: impl FnOnce(&Path, &SigningKey)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = SigningKey::made_in(folder.path());
        key.export(&folder.path().join("key.asc"));
        let served = folder.path().join("upstream");
        make(&served, &key);
        Self { site: Site::new(), key, upstream: Upstream::serving(&served), folder }
    }

    /// Feeds the repository, described by these lines.
    pub(crate) fn feed(&self, lines: &str) -> Finished {
        self.feed_all(&[("proof", lines)])
    }

    /// Makes several of the repository, each by its name and what is said of it.
    pub(crate) fn feed_all(&self, all: &[(&str, &str)]) -> Finished {
        let (key, url) = (self.folder.path().join("key.asc"), self.upstream.url(""));
        let told = all.iter().map(|(name, lines)| {
            let key = key.display();
            format!("[[apt]]\nname = \"{name}\"\nurls = [\"{url}\"]\nkeys = [\"{key}\"]\n{lines}\n")
        });
        self.site.configure("data.toml", &told.collect::<String>());
        self.site.runctl(&["feed", "data"])
    }

    fn published(&self) -> PathBuf {
        self.published_as("proof")
    }

    pub(crate) fn published_as(&self, name: &str) -> PathBuf {
        self.site.state("store/published/current/data/apt").join(name)
    }

    /// What was published, served on loopback.
    pub(crate) fn serve(&self, name: &str) -> Upstream {
        Upstream::serving(&fs_err::canonicalize(self.published_as(name)).expect("published"))
    }

    /// A machine whose only source is what was published, in these words, and whose only key is the given one.
    pub(crate) fn machine(&self, name: &str, key: &Path, words: &str) -> Machine {
        let served = self.serve("proof");
        let line = |kind: &str| {
            format!("{kind} [signed-by={}] {} {words}\n", key.display(), served.url(""))
        };
        let sources = if words == "./" { String::new() } else { line("deb-src") };
        let sources = format!("{}{sources}", line("deb"));
        self.machine_of(name, &sources, vec![served])
    }

    /// A machine with these sources.
    pub(crate) fn machine_of(&self, name: &str, sources: &str, served: Vec<Upstream>) -> Machine {
        let root = self.folder.path().join(name);
        apt_root(&root, sources);
        Machine { root, _served: served }
    }

    pub(crate) fn site_key(&self) -> PathBuf {
        self.published().join("booddies-archive-keyring.asc")
    }
}

pub(crate) struct Machine {
    pub(crate) root: PathBuf,
    _served: Vec<Upstream>,
}

impl Machine {
    pub(crate) fn update(&self) -> Finished {
        // Whatever this host's own configuration says of that.
        let strict = ["-oAcquire::Check-Valid-Until=true", "-oAcquire::Check-Date=true"];
        apt(&self.root, "apt-get", &[&["update", "--error-on=any"], &strict[..]].concat())
    }

    /// `name version` of all that can be had.
    pub(crate) fn known(&self) -> Vec<String> {
        let told = apt(&self.root, "apt-cache", &["dumpavail"]).ok();
        let value = |line: &str, field: &str| line.strip_prefix(field).map(str::to_owned);
        let (mut known, mut name) = (Vec::new(), String::new());
        for line in told.lines() {
            if let Some(found) = value(line, "Package: ") {
                name = found;
            } else if let Some(version) = value(line, "Version: ") {
                known.push(format!("{name} {version}"));
            }
        }
        known.sort();
        known
    }
}

/// The source of a package of its own version, as `dpkg-source` would leave it in the pool.
fn source(pool: &Path, package: &Package) {
    let Package { name, version, .. } = package;
    let archive = format!("{name}_{version}.tar.gz");
    run(Command::new("tar").args(["czf", &archive, "/dev/null"]).current_dir(pool)).ok();
    let size = fs_err::metadata(pool.join(&archive)).expect("it is there").len();
    let sum = |program: &str| {
        let told = run(Command::new(program).arg(pool.join(&archive))).ok();
        told.split_whitespace().next().expect("a digest").to_owned()
    };
    let (sha256, md5) = (sum("sha256sum"), sum("md5sum"));
    let text = format!(
        "Format: 1.0\nSource: {name}\nBinary: {name}\nArchitecture: all\nVersion: {version}\n\
         Maintainer: Suite <suite@example>\nChecksums-Sha256:\n {sha256} {size} {archive}\n\
         Files:\n {md5} {size} {archive}\n"
    );
    fs_err::write(pool.join(format!("{name}_{version}.dsc")), text).expect("written");
}

#[test]
fn apt_reads_parts_with_their_sources_until_they_expire() {
    let mirror = Mirror::of(|folder, key| {
        repositories::apt(folder, &[HELLO, NEWER, WORDS, OTHER], key);
        source(&folder.join("pool/main"), &NEWER);
        repositories::index_apt(folder, key, None);
    });
    mirror
        .feed("suites = [\"stable\"]\nnewest = 1\nexclude = [\"suite-un*\"]\nsources = true\n")
        .ok();
    let machine = mirror.machine("newest", &mirror.site_key(), "stable main");
    machine.update().ok();
    assert_eq!(machine.known(), ["suite-hello 2.0", "suite-words 1.0"]);
    apt(&machine.root, "apt-get", &["install", "-y", "suite-hello"]).ok();
    assert!(machine.root.join(NEWER.installed_file()).exists());
    let into = mirror.folder.path().join("sources");
    fs_err::create_dir(&into).expect("a folder");
    let script = "cd \"$0\" && exec apt-get \"$@\"";
    let dir = format!("-oDir={}", machine.root.display());
    let words = ["-c", script, &into.display().to_string(), &dir, "-oAPT::Sandbox::User=root"];
    run(Command::new("sh").args(words).args(["source", "--download-only", "suite-hello"])).ok();
    assert!(into.join("suite-hello_2.0.tar.gz").exists());

    // The upstream's own key is none of the part's.
    let distrusting =
        mirror.machine("distrusting", &mirror.folder.path().join("key.asc"), "stable main");
    distrusting.update().fails();

    let old = Some("Wed, 01 Jan 2025 00:00:00 UTC");
    repositories::index_apt(&mirror.folder.path().join("upstream"), &mirror.key, old);
    let part = "suites = [\"stable\"]\npackages = [\"suite-hello\"]\nvalid_until = \"30d\"\n";
    let refused = mirror.feed(part).fails_with(16);
    assert!(refused.contains("older than what is served"), "{refused}");
    mirror.feed(&format!("{part}accept_older = true\n")).ok();
    let late = mirror.machine("late", &mirror.site_key(), "stable main");
    let refused = late.update().fails();
    assert!(refused.contains("expired"), "{refused}");
    mirror.feed("suites = [\"stable\"]\npackages = [\"suite-hello\"]\n").ok();
    let machine = mirror.machine("closure", &mirror.site_key(), "stable main");
    machine.update().ok();
    assert_eq!(machine.known(), ["suite-hello 2.0", "suite-words 1.0"]);
}

#[test]
fn apt_reads_flat_repositories_and_folders_of_packages() {
    let mirror = Mirror::of(|folder, key| repositories::flat_apt(folder, &[HELLO, WORDS], key));
    let feed = mirror.feed("suites = [\"./\"]\n");
    feed.ok();
    let machine = mirror.machine("flat", &mirror.folder.path().join("key.asc"), "./");
    machine.update().ok();
    apt(&machine.root, "apt-get", &["install", "-y", "suite-hello"]).ok();
    assert!(machine.root.join(WORDS.installed_file()).exists());

    let loose = mirror.folder.path().join("upstream");
    mirror.site.configure(
        "data.toml",
        &format!("[[apt]]\nname = \"proof\"\nfrom = \"dir:{}\"\n", loose.display()),
    );
    mirror.site.runctl(&["feed", "data"]).ok();
    let machine = mirror.machine("loose", &mirror.site_key(), "proof main");
    machine.update().ok();
    assert_eq!(machine.known(), ["suite-hello 1.0", "suite-words 1.0"]);
    apt(&machine.root, "apt-get", &["install", "-y", "suite-hello"]).ok();
    assert!(machine.root.join(HELLO.installed_file()).exists());
}
