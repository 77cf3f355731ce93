//! A made index: the same bytes every time, whole, and signed.

use std::sync::Arc;

use jiff::SignedDuration;

use super::*;
use crate::apt::deb822::paragraphs;
use crate::apt::release::Release;
use crate::compression::Compression;
use crate::digest::Sha256;
use crate::trust::{Keyring, SiteKey};

pub(in crate::apt) type Files = BTreeMap<String, Vec<u8>>;

/// Makes a repository of the packages of each component (parts of the installer end with `-udeb`), and reads it back.
pub(in crate::apt) fn make(
    title: &Title<'_>,
    components: &[(&str, &str)],
    signing: &Signing,
) -> Files {
    let folder = tempfile::tempdir().expect("folder");
    let store = Store::open(folder.path()).expect("store");
    let mut reindex = Reindex::new(title.clone(), &store);
    for (component, text) in components {
        let all = paragraphs(text).map(|one| (one.get("Package").expect("a name"), one.text()));
        let (udebs, packages): (Vec<_>, Vec<_>) =
            all.partition(|(name, _)| name.ends_with("-udeb"));
        reindex.packages(component, "amd64", &texts(&packages)).expect("listed");
        if !udebs.is_empty() {
            reindex.udebs(component, "amd64", &texts(&udebs)).expect("listed");
        }
    }
    let files = reindex.finish(signing).expect("made");
    let read = |(path, object): (RelPath, Object)| {
        (path.to_string(), store.read(&object.sha256).expect("object"))
    };
    files.into_iter().map(read).collect()
}

fn texts<'a>(packages: &[(&str, &'a str)]) -> Vec<&'a str> {
    packages.iter().map(|(_, text)| *text).collect()
}

/// Signs with a key of that name in a folder.
pub(in crate::apt) fn signing(folder: &std::path::Path, name: &str) -> Signing {
    let key = SiteKey::open_or_create(&folder.join(name), "booddies test").expect("key");
    Signing { site_key: Arc::new(key), valid_for: None }
}

fn upstream() -> String {
    let one = |name: &str, digest: u8| {
        format!(
            "Package: {name}\nVersion: 1\nArchitecture: amd64\nFilename: pool/{name}.deb\nSize: 1\nSHA256: {}\nTag: a,\n b",
            Sha256([digest; 32])
        )
    };
    one("a", 1) + "\n\n" + &one("b", 2) + "\n"
}

fn title() -> Title<'static> {
    let date = Timestamp::from_second(1_783_764_997).expect("a time");
    Title { name: "site", suite: "test", date }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = tempfile::tempdir().expect("folder");
    let signing = signing(folder.path(), "key");
    let first = make(&title(), &[("main", &upstream())], &signing);
    assert_eq!(first, make(&title(), &[("main", &upstream())], &signing));
}

#[test]
fn every_index_is_proved_by_a_release_that_the_site_signed() {
    let folder = tempfile::tempdir().expect("folder");
    let signing = signing(folder.path(), "key");
    let files = make(&title(), &[("main", &upstream()), ("contrib", "")], &signing);
    let ring = Keyring::parse("site", &files["booddies-archive-keyring.gpg"]).expect("ring");
    let (signed, _) = ring.verify_cleartext(&files["dists/test/InRelease"]).expect("signed");
    assert_eq!(signed.as_bytes(), files["dists/test/Release"]);
    ring.verify_detached(&files["dists/test/Release"], &files["dists/test/Release.gpg"])
        .expect("signed");
    assert!(signed.contains("Components: contrib main\n"), "{signed}");

    let release = Release::parse(&signed).expect("readable");
    assert_eq!(release.codename.as_deref(), Some("test"));
    assert_eq!((release.valid_until, release.by_hash, release.separate_all), (None, true, false));
    assert_eq!(release.indexes.len(), 8);
    for (path, index) in &release.indexes {
        let bytes = &files[&format!("dists/test/{path}")];
        let digest = index.checksums.sha256.expect("a digest");
        assert_eq!((bytes.len() as u64, Sha256::of(bytes)), (index.size, digest), "{path}");
        let folder = path.rsplit_once('/').expect("a folder").0;
        assert_eq!(&files[&format!("dists/test/{folder}/by-hash/SHA256/{digest}")], bytes);
    }
}

#[test]
fn it_holds_for_as_long_as_the_operator_says() {
    let folder = tempfile::tempdir().expect("folder");
    let mut signing = signing(folder.path(), "key");
    signing.valid_for = Some(SignedDuration::from_hours(48));
    let files = make(&title(), &[("main", &upstream())], &signing);
    let release = String::from_utf8(files["dists/test/Release"].clone()).expect("text");
    let release = Release::parse(&release).expect("readable");
    let until = release.valid_until.expect("it is told");
    assert_eq!(until.as_second() - title().date.as_second(), 2 * 86_400);
}

#[test]
fn paragraphs_are_kept_and_the_last_one_ends_with_an_empty_line() {
    let folder = tempfile::tempdir().expect("folder");
    let files = make(&title(), &[("main", &upstream())], &signing(folder.path(), "key"));
    let plain = &files["dists/test/main/binary-amd64/Packages"];
    assert_eq!(String::from_utf8_lossy(plain), upstream() + "\n");
    for end in ["gz", "xz"] {
        let name = format!("dists/test/main/binary-amd64/Packages.{end}");
        let compression = Compression::of(&name).expect("known");
        assert_eq!(&compression.decompress(&files[&name], 10_000).expect("whole"), plain);
    }
}
