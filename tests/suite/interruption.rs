//! kill -9 at any moment: what was served is still served, whole, and the next run goes on from there.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use suite::mirrored::Mirrored;
use suite::repositories::{self, Package};
use suite::site::{IMAGES, engine_answers};
use suite::upstream::{Fault, Upstream};
use suite::{Site, run};

use crate::git::{git, site_and_origin};
use crate::registry::{registry, skopeo};

const BALLAST: usize = 3 << 20;

const FIRST: [Package; 1] = [Package::plain("suite-hello")];
const SECOND: [Package; 2] = [
    Package { needs: &["suite-heavy"], version: "2.0", ..Package::plain("suite-hello") },
    Package { ballast: BALLAST, ..Package::plain("suite-heavy") },
];

/// Makes the upstream newer than what the site has.
fn renew(mirrored: &Mirrored) {
    let served = mirrored.served();
    for folder in ["yum", "apt"] {
        fs_err::remove_dir_all(served.join(folder)).expect("the old repository goes");
    }
    repositories::yum(&served.join("yum"), &SECOND, &mirrored.key);
    repositories::apt(&served.join("apt"), &SECOND, &mirrored.key);
}

#[test]
fn a_killed_feed_leaves_the_old_generation_and_resumes() {
    let mirrored = Mirrored::new(Site::new(), &FIRST);
    mirrored.site.runctl(&["feed", "data"]).ok();
    let before = mirrored.served_now();
    assert!(!before.is_empty());

    renew(&mirrored);
    let heavy = ["suite-heavy-1.0-1.noarch.rpm", "suite-heavy_1.0_all.deb"];
    for file in heavy {
        // Both stall: what came whole before the kill would not be asked for again.
        for stalled in heavy {
            mirrored.upstream.break_file(stalled, Fault::Stalled);
        }
        let asked = mirrored.upstream.asked(file);
        let feed = mirrored.site.command(&["feed", "data"]).spawn().expect("runctl starts");
        kill_once_asked(feed, &mirrored.upstream, file, asked);
        assert_eq!(mirrored.served_now(), before, "what was served has changed");
        mirrored.upstream.heal();
    }

    mirrored.site.runctl(&["feed", "data"]).ok();
    let after = mirrored.served_now();
    assert!(after.iter().any(|line| line.contains("suite-heavy")), "{after:#?}");
    assert_eq!(
        fs_err::read_dir(mirrored.site.state("store/partial")).map_or(0, Iterator::count),
        0
    );
}

/// Kills a feed that hangs at a stalled file, once it has asked for it.
fn kill_once_asked(mut feed: Child, upstream: &Upstream, file: &str, before: usize) {
    let end = Instant::now() + Duration::from_mins(1);
    while upstream.asked(file) == before {
        assert!(Instant::now() < end, "{file} is never asked for");
        assert_eq!(feed.try_wait().expect("it can be waited for"), None, "it ended too early");
        std::thread::sleep(Duration::from_millis(20));
    }
    feed.kill().expect("kill -9");
    feed.wait().expect("it ends");
}

/// Starts a feed again and again, and kills it at another moment each time.
fn kill_at_many_moments(site: &Site, kind: &str, mut served: impl FnMut()) {
    for milliseconds in [20, 60, 120, 250, 500, 900] {
        let mut feed = site.command(&["feed", kind]).spawn().expect("runctl starts");
        std::thread::sleep(Duration::from_millis(milliseconds));
        // One that has ended by then has nothing left to be killed.
        drop(feed.kill());
        feed.wait().expect("it ends");
        served();
    }
}

#[test]
fn a_killed_feed_of_kernels_leaves_the_old_kernel() {
    let site = Site::new();
    let folder = tempfile::tempdir().expect("a folder");
    let upstream = Upstream::serving(folder.path());
    let offer = |contents: &str| {
        fs_err::write(folder.path().join("linux"), contents).expect("a kernel is written");
        let sum = run(Command::new("sha256sum").arg(folder.path().join("linux"))).ok();
        let sha256 = sum.split_whitespace().next().expect("a digest").to_owned();
        let url = upstream.url("linux");
        let kernel = "[[kernel]]\nname = \"live\"\n[[kernel.file]]\nname = \"linux\"\n";
        let file = format!("{kernel}urls = [\"{url}\"]\nsha256 = \"{sha256}\"\n");
        site.configure("boot.toml", &file);
    };
    let served = || fs_err::read_to_string(site.state("store/published/current/boot/live/linux"));
    offer("the old kernel");
    site.runctl(&["feed", "boot"]).ok();
    offer("the new kernel");
    upstream.break_file("linux", Fault::Stalled);
    let asked = upstream.asked("linux");
    let feed = site.command(&["feed", "boot"]).spawn().expect("runctl starts");
    kill_once_asked(feed, &upstream, "linux", asked);
    assert_eq!(served().expect("it is served"), "the old kernel");
    upstream.heal();
    site.runctl(&["feed", "boot"]).ok();
    assert_eq!(served().expect("it is served"), "the new kernel");
}

#[test]
fn a_killed_feed_of_git_leaves_a_whole_repository() {
    if !engine_answers("a killed feed of git") {
        return;
    }
    let (site, _folder, origin) = site_and_origin();
    let url = origin.display();
    site.configure("gito.toml", &format!("[[git]]\nname = \"words\"\nurl = \"{url}\"\n"));
    site.runctl(&["up", "gito"]).ok();
    site.runctl(&["feed", "gito"]).ok();

    let tip = |repository: &Path| git(repository, &["rev-parse", "main"]).ok();
    let old = tip(&origin);
    let ballast = "head -c 24000000 /dev/urandom > ballast";
    run(Command::new("sh").args(["-c", ballast]).current_dir(&origin)).ok();
    git(&origin, &["add", "."]).ok();
    git(&origin, &["commit", "-q", "-m", "Weigh more"]).ok();
    let new = tip(&origin);
    let mirror = site.state("gito/repositories/words.git");
    kill_at_many_moments(&site, "gito", || {
        let at = git(&mirror, &["-c", "safe.directory=*", "rev-parse", "main"]).ok();
        assert!([&old, &new].contains(&&at), "main is at {at}");
        git(&mirror, &["-c", "safe.directory=*", "fsck", "--full", "--connectivity-only"]).ok();
    });
    site.runctl(&["feed", "gito"]).ok();
    assert_eq!(git(&mirror, &["-c", "safe.directory=*", "rev-parse", "main"]).ok(), new);
}

#[test]
fn a_killed_feed_of_images_leaves_the_old_ones() {
    if !engine_answers("a killed feed of images") {
        return;
    }
    let site = Site::built();
    let image = |name: &str| {
        format!("[[image]]\nname = \"proof/{name}:1\"\nengine = \"{IMAGES}/{name}:latest\"\n")
    };
    site.configure("regi.toml", &image("ntpd"));
    site.runctl(&["up", "regi"]).ok();
    site.runctl(&["feed", "regi"]).ok();
    let manifest = |name: &str| {
        let remote = format!("docker://{}/proof/{name}:1", registry(&site));
        skopeo(&site, &["inspect", "--raw", &remote])
    };
    let before = manifest("ntpd").ok();
    site.configure("regi.toml", &format!("{}{}", image("ntpd"), image("gito")));
    kill_at_many_moments(&site, "regi", || assert_eq!(manifest("ntpd").ok(), before));
    site.runctl(&["feed", "regi"]).ok();
    // Every byte of it is there: skopeo reads and verifies all blobs.
    let remote = format!("docker://{}/proof/gito:1", registry(&site));
    let folder = tempfile::tempdir().expect("a folder");
    let copy = format!("dir:{}", folder.path().join("copy").display());
    skopeo(&site, &["copy", "--quiet", &remote, &copy]).ok();
}
