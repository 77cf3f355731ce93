//! The page of regi's images in a real browser: it tells what was fed, search finds, and it stays when data is fed.

use std::path::{Path, PathBuf};
use std::process::Command;

use suite::site::engine_answers;
use suite::upstream::Upstream;
use suite::{Site, run, skip};

use crate::pages::chromium;
use crate::regi::{blob, image, layout, table};

/// Lays an image with the tag 1, and beside it the signature that cosign would make; returns the public key.
fn signed(folder: &Path) -> PathBuf {
    fs_err::create_dir_all(folder.join("blobs/sha256")).expect("a folder");
    let sealed = image(folder, "signed", "amd64");
    let digest = sealed.split('"').find(|word| word.starts_with("sha256:")).expect("a digest");
    let payload = format!(
        r#"{{"critical":{{"identity":{{"docker-reference":""}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
    );
    fs_err::write(folder.join("payload"), &payload).expect("a payload");
    let sign = "openssl ecparam -genkey -name prime256v1 -noout -out key \
        && openssl ec -in key -pubout -out builders.pub \
        && openssl dgst -sha256 -sign key payload | base64 -w0";
    let signature = run(Command::new("sh").args(["-c", sign]).current_dir(folder)).ok();

    let kind = "application/vnd.oci.image.manifest.v1+json";
    let (config, layer) = (blob(folder, b"{}"), blob(folder, payload.as_bytes()));
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{kind}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json",{config}}},"layers":[{{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json",{layer},"annotations":{{"dev.cosignproject.cosign/signature":"{signature}"}}}}]}}"#
    );
    let beside = format!(r#""mediaType":"{kind}",{}"#, blob(folder, manifest.as_bytes()));
    let named = |described: &str, name: &str| {
        format!(r#"{{{described},"annotations":{{"org.opencontainers.image.ref.name":"{name}"}}}}"#)
    };
    let tag = format!("{}.sig", digest.replace(':', "-"));
    let listed = [named(&sealed, "1"), named(&beside, &tag)].join(",");
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{listed}]}}"#);
    fs_err::write(folder.join("index.json"), index).expect("an index");
    folder.join("builders.pub")
}

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
    let sealed = folder.path().join("sealed");
    let key = signed(&sealed);
    let proved = format!("tag = \"1\"\nverify = [\"{}\"]\n", key.display());
    let listed =
        format!("{}{}{proved}", from("laid/box:1.0", &both), from("sealed/one:1", &sealed));
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
    assert!(whole.contains("laid/one") && whole.contains(">3 images<"), "{whole}");
    let row = whole.lines().find(|line| line.contains("sealed/one")).expect("a row");
    assert!(row.contains("<td>builders.pub</td>"), "who signed it is not told: {row}");
    assert_eq!(whole.matches("builders.pub").count(), 1, "others are not signed: {whole}");
    let found = dump(&format!("{page}#q=BOX%20arm64"));
    assert!(found.contains("laid/box") && found.contains(">1 of 3 images<"), "{found}");
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
