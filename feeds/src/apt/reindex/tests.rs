//! A made index: the same bytes every time, whole, and signed.

use std::sync::Arc;

use super::*;
use crate::apt::deb822::paragraphs;
use crate::apt::package::Origin;
use crate::apt::release::Release;
use crate::compression::Compression;
use crate::trust::Keyring;

fn key(folder: &std::path::Path) -> Arc<SiteKey> {
    Arc::new(SiteKey::open_or_create(&folder.join("site.asc"), "booddies test").expect("key"))
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

fn make(text: &str, key: &SiteKey) -> BTreeMap<String, Vec<u8>> {
    let packages = paragraphs(text)
        .map(|one| Package::read(one, Origin::default()).expect("complete"))
        .collect();
    let packages = BTreeMap::from([("amd64".to_owned(), packages)]);
    let listed = Listed { packages, ..Listed::default() };
    let date = Timestamp::from_second(1_783_764_997).expect("a time");
    reindex(&Title { name: "site", suite: "test", date }, &listed, key).expect("made")
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = tempfile::tempdir().expect("folder");
    let text = upstream();
    let first = make(&text, &key(folder.path()));
    assert_eq!(first, make(&text, &key(folder.path())));
}

#[test]
fn every_index_is_proved_by_a_release_that_the_site_signed() {
    let folder = tempfile::tempdir().expect("folder");
    let files = make(&upstream(), &key(folder.path()));
    let ring = Keyring::parse("site", &files["booddies-archive-keyring.gpg"]).expect("ring");
    let (signed, _) = ring.verify_cleartext(&files["dists/test/InRelease"]).expect("signed");
    assert_eq!(signed.as_bytes(), files["dists/test/Release"]);
    ring.verify_detached(&files["dists/test/Release"], &files["dists/test/Release.gpg"])
        .expect("signed");

    let release = Release::parse(&signed).expect("readable");
    assert_eq!(release.codename.as_deref(), Some("test"));
    assert_eq!((release.valid_until, release.by_hash, release.separate_all), (None, true, false));
    assert_eq!(release.indexes.len(), 4);
    for (path, index) in &release.indexes {
        let bytes = &files[&format!("dists/test/{path}")];
        assert_eq!((bytes.len() as u64, Sha256::of(bytes)), (index.size, index.sha256), "{path}");
        let hashed = format!("dists/test/main/binary-amd64/by-hash/SHA256/{}", index.sha256);
        assert_eq!(&files[&hashed], bytes);
    }
}

#[test]
fn paragraphs_are_kept_and_the_last_one_ends_with_an_empty_line() {
    let folder = tempfile::tempdir().expect("folder");
    let files = make(&upstream(), &key(folder.path()));
    let plain = &files["dists/test/main/binary-amd64/Packages"];
    assert_eq!(String::from_utf8_lossy(plain), upstream() + "\n");
    for end in ["gz", "xz"] {
        let name = format!("dists/test/main/binary-amd64/Packages.{end}");
        let compression = Compression::of(&name).expect("known");
        assert_eq!(&compression.decompress(&files[&name], 10_000).expect("whole"), plain);
    }
}
