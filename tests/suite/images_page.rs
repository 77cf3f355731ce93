//! The page of regi's images in a real browser: it tells what was fed, search finds, and it stays when data is fed.

use std::process::Command;

use suite::site::engine_answers;
use suite::upstream::Upstream;
use suite::{Site, skip};

use crate::pages::chromium;
use crate::regi::{layout, table};

#[test]
fn a_person_finds_an_image_in_a_browser() {
    if !engine_answers("the page of images") {
        return;
    }
    if Command::new("chromium").arg("--version").output().is_err() {
        skip("the page of images in a browser", "chromium is not installed");
        return;
    }
    let site = Site::built();
    let folder = tempfile::tempdir().expect("a folder");
    let (both, single) = (folder.path().join("both"), folder.path().join("single"));
    layout(&both, "box", &["amd64", "arm64"]);
    layout(&single, "one", &["amd64"]);
    let from = |name: &str, place: &std::path::Path| {
        table(name, &format!("layout = \"{}\"", place.display()))
    };
    let listed = from("laid/box:1.0", &both);
    site.configure("regi.toml", &format!("{listed}{}", from("laid/one:2", &single)));
    site.runctl(&["up", "regi"]).ok();
    site.runctl(&["feed", "regi"]).ok();

    let dump = |page: &str| {
        let served = fs_err::canonicalize(site.state("store/published/current/data"));
        let data = Upstream::serving(&served.expect("a generation is served"));
        chromium(folder.path(), &["--dump-dom", &data.url(page)]).ok()
    };
    let page = "pages/regi/index.html";
    let whole = dump(page);
    assert!(whole.contains("laid/box") && whole.contains("linux/amd64, linux/arm64"), "{whole}");
    assert!(whole.contains("laid/one") && whole.contains(">2 images<"), "{whole}");
    let found = dump(&format!("{page}#q=BOX%20arm64"));
    assert!(found.contains("laid/box") && found.contains(">1 of 2 images<"), "{found}");
    assert!(!found.contains("laid/one"), "{found}");
    assert!(dump("pages/front/index.html").contains("href=\"/pages/regi/\""));

    // Nothing new, no generation; what is listed no more is told.
    let generation = || fs_err::read_link(site.state("store/published/current")).expect("served");
    let before = generation();
    site.runctl(&["feed", "regi"]).ok();
    assert_eq!(generation(), before);
    site.configure("regi.toml", &listed);
    let told = site.runctl(&["feed", "regi"]);
    assert!(told.stderr.contains("no longer listed: laid/one:2"), "{}", told.stderr);
    assert!(dump(page).contains("no longer listed"));
    site.runctl(&["feed", "data"]).ok();
    assert!(dump(page).contains("laid/box"), "the page went with a feed of data");
    assert!(dump("pages/front/index.html").contains("href=\"/pages/regi/\""));

    let served = fs_err::canonicalize(site.state("store/published/current/data"));
    let data = Upstream::serving(&served.expect("a generation is served"));
    for size in ["390,844", "1280,900"] {
        let shot = folder.path().join(format!("{size}.png"));
        let (to, window) =
            (format!("--screenshot={}", shot.display()), format!("--window-size={size}"));
        chromium(folder.path(), &[&to, &window, &data.url(page)]).ok();
        assert!(fs_err::metadata(&shot).expect("a screenshot").len() > 1000);
    }
}
