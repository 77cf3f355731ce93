//! regi on a disk that is full: the feed says so, what is served stays whole, and once there is room it goes on.

use suite::site::engine_answers;
use suite::{Site, SmallDisk, skip};

use crate::regi::{layout, table};
use crate::registry::{registry, skopeo};

#[test]
fn a_full_disk_is_named_and_what_is_served_stays_whole() {
    let subject = "a full disk under regi";
    if !engine_answers(subject) {
        return;
    }
    let site = Site::built();
    let folder = tempfile::tempdir().expect("a folder");
    let of = |name: &str| folder.path().join(name);
    let light = layout(&of("light"), "box", &["amd64", "arm64"]);
    // Its name is in its configurations and layers: 8 MB.
    let heavy = layout(&of("heavy"), &"box".repeat(700_000), &["amd64", "arm64"]);
    let from =
        |name: &str, place: &str| table(name, &format!("layout = \"{}\"", of(place).display()));
    let both = |grown: &str| [from("light/box:1", "light"), from("grown/box:1", grown)].concat();

    let kept = site.state("regi");
    fs_err::create_dir_all(&kept).expect("a folder");
    let Some(disk) = SmallDisk::at(kept, 4) else {
        skip(subject, "no tmpfs can be mounted");
        return;
    };
    site.configure("regi.toml", &both("light"));
    site.runctl(&["up", "regi"]).ok();
    site.runctl(&["feed", "regi"]).ok();

    let remote = |name: &str| format!("docker://{}/{name}", registry(&site));
    let raw = |name: &str| skopeo(&site, &["inspect", "--raw", &remote(name)]).ok();
    let is_whole = |name: &str| {
        let copy = format!("dir:{}", of("copy").display());
        skopeo(&site, &["copy", "--quiet", "--all", &remote(name), &copy]).ok();
    };
    site.configure("regi.toml", &both("heavy"));
    let fed = site.runctl(&["feed", "regi"]);
    let told = format!("{}{}", fed.stdout, fed.stderr);
    assert_eq!(fed.code, 13, "{told}");
    assert!(fed.stderr.contains("no space left on device"), "{told}");
    assert!(fed.stderr.contains("hint: make room on the disk of"), "{told}");
    let failed = |line: &str| line.contains("grown/box:1") && line.contains("failed");
    assert!(fed.stdout.lines().any(failed), "{told}");
    for name in ["light/box:1", "grown/box:1"] {
        assert_eq!(raw(name), light);
        is_whole(name);
    }

    disk.grow(64);
    site.runctl(&["feed", "regi"]).ok();
    assert_eq!(raw("grown/box:1"), heavy);
    is_whole("grown/box:1");
}
