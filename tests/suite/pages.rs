//! Pages for people, in a real browser: search finds, nothing of an upstream runs.

use std::path::Path;
use std::process::Command;

use suite::mirrored::{Mirrored, PACKAGES};
use suite::upstream::Upstream;
use suite::{Finished, Site, run, skip};

/// A browser without a window and without a life of its own.
pub(crate) fn chromium(folder: &Path, arguments: &[&str]) -> Finished {
    run(Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        // Time for what the page loads, not for a clock.
        .arg("--virtual-time-budget=10000")
        .args(arguments))
}

#[test]
fn a_person_finds_a_package_in_a_browser() {
    if Command::new("chromium").arg("--version").output().is_err() {
        skip("pages in a browser", "chromium is not installed");
        return;
    }
    let mirrored = Mirrored::new(Site::new(), &PACKAGES);
    mirrored.site.runctl(&["feed", "data"]).ok();
    let served = fs_err::canonicalize(mirrored.site.state("store/published/current/data"));
    let data = Upstream::serving(&served.expect("a generation is served"));
    let folder = tempfile::tempdir().expect("a folder");
    let dump = |page: &str| chromium(folder.path(), &["--dump-dom", &data.url(page)]).ok();

    for page in ["pages/yum/proof/index.html", "pages/apt/proof/index.html"] {
        let whole = dump(page);
        assert!(
            whole.contains(">suite-hello</a>") && whole.contains(">suite-words</a>"),
            "{whole}"
        );
        let found = dump(&format!("{page}#q=words"));
        assert!(found.contains(">suite-words</a>"), "{found}");
        assert!(!found.contains(">suite-hello</a>") && found.contains("1 of "), "{found}");
        let none = dump(&format!("{page}#q=%3Cscript%3E"));
        assert!(none.contains(">0 of "), "{none}");
    }
    let front = dump("pages/front/index.html");
    assert!(front.contains("href=\"/pages/yum/proof/\""), "{front}");
    for size in ["390,844", "1280,900"] {
        let shot = folder.path().join(format!("{size}.png"));
        let to = format!("--screenshot={}", shot.display());
        let window = format!("--window-size={size}");
        chromium(folder.path(), &[&to, &window, &data.url("pages/yum/proof/index.html")]).ok();
        assert!(fs_err::metadata(&shot).expect("a screenshot").len() > 1000);
    }
}
