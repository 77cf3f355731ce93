//! kill -9 at any moment: what was served is still served, whole, and the next run goes on from there.

use std::time::{Duration, Instant};

use suite::Site;
use suite::mirrored::Mirrored;
use suite::repositories::{self, Package};
use suite::upstream::Fault;

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
    for heavy in ["suite-heavy-1.0-1.noarch.rpm", "suite-heavy_1.0_all.deb"] {
        mirrored.upstream.break_file(heavy, Fault::Stalled);
        let mut feed = mirrored.site.command(&["feed", "data"]).spawn().expect("runctl starts");
        let asked = mirrored.upstream.asked(heavy);
        let end = Instant::now() + Duration::from_mins(1);
        while mirrored.upstream.asked(heavy) == asked {
            assert!(Instant::now() < end, "{heavy} is never asked for");
            assert_eq!(feed.try_wait().expect("it can be waited for"), None, "it ended too early");
            std::thread::sleep(Duration::from_millis(20));
        }
        feed.kill().expect("kill -9");
        feed.wait().expect("it ends");
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
