//! Files with their signatures, in folders that stand for mirrors.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::{Source, survey};
use super::*;
use crate::error::{Class, Classified as _};
use crate::events::Silent;
use crate::plan::Plan;
use crate::store::{RelPath, Store};
use crate::transfer::Options;
use crate::trust::SiteKey;

const TEXT: &[u8] = b"VERSION=4711\n";

struct World {
    folder: tempfile::TempDir,
    key: SiteKey,
    transfer: Transfer,
}

fn key(folder: &Path, name: &str) -> SiteKey {
    let key = SiteKey::open_or_create(&folder.join(name), name).expect("a key");
    let public = key.public_key_binary().expect("its public half");
    fs_err::write(folder.join(format!("{name}.gpg")), public).expect("written");
    key
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path().join("store")).expect("a store");
        let options = Options { retries: 0, ..Options::default() };
        let transfer = Transfer::new(store, options).expect("a client");
        let key = key(folder.path(), "vendor");
        Self { folder, key, transfer }
    }

    fn signature(&self) -> String {
        self.key.sign_detached_armored(TEXT, 1).expect("signed")
    }

    /// Puts files onto a mirror, and tells where `version.txt` would lie there.
    fn put(&self, mirror: &str, files: &[(&str, &[u8])]) -> Url {
        let mirror = self.folder.path().join(mirror);
        fs_err::create_dir_all(&mirror).expect("a folder");
        for (name, bytes) in files {
            fs_err::write(mirror.join(name), bytes).expect("written");
        }
        Url::from_file_path(mirror.join("version.txt")).expect("an absolute path")
    }

    fn file(&self, urls: impl Into<Bases>) -> Signed {
        Signed {
            path: "os/version.txt".to_owned(),
            urls: urls.into(),
            keys: vec![self.folder.path().join("vendor.gpg")],
            signature: None,
        }
    }

    async fn survey(&self, file: Signed) -> Result<Plan, Error> {
        let source = Source {
            name: "vendor".to_owned(),
            files: Vec::new(),
            signed: vec![file],
            sums: Vec::new(),
            images: Vec::new(),
        };
        survey(&source, None, &self.transfer, &Silent).await
    }
}

fn have(plan: &Plan) -> Vec<&str> {
    plan.have.keys().map(RelPath::as_str).collect()
}

/// The bytes that armour holds.
fn bare(armoured: &str) -> Vec<u8> {
    let lines = armoured.lines().skip_while(|line| !line.is_empty());
    let lines = lines.filter(|line| !line.starts_with(['-', '=']));
    STANDARD.decode(lines.collect::<String>()).expect("base64")
}

#[tokio::test]
async fn a_signature_beside_a_file_proves_it_armoured_or_not_and_is_served_beside_it() {
    let world = World::new();
    let signature = world.signature();
    for (mirror, end, bytes) in
        [("a", ".asc", signature.clone().into_bytes()), ("b", ".sig", bare(&signature))]
    {
        let name = format!("version.txt{end}");
        let url = world.put(mirror, &[("version.txt", TEXT), (&name, &bytes)]);
        let plan = world.survey(world.file([url])).await.expect("signed");
        assert_eq!(have(&plan), ["os/version.txt", &format!("os/{name}")]);
        assert_eq!((plan.trust.as_str(), plan.get.len()), (world.key.fingerprint().as_str(), 0));
        let served = plan.have[&RelPath::new("os/version.txt").expect("a path")];
        assert_eq!(world.transfer.store().read(&served.sha256).expect("it is there"), TEXT);
    }
}

#[tokio::test]
async fn a_signature_that_lies_elsewhere_keeps_its_name() {
    let world = World::new();
    let url = world.put("a", &[("version.txt", TEXT), ("KEYS.p7", world.signature().as_bytes())]);
    let signature = url.join("KEYS.p7").ok();
    let plan = world.survey(Signed { signature, ..world.file([url]) }).await.expect("signed");
    assert_eq!(have(&plan), ["os/KEYS.p7", "os/version.txt"]);
}

#[tokio::test]
async fn what_another_key_signed_or_somebody_changed_is_refused() {
    let world = World::new();
    let signature = world.signature();
    let files =
        [("version.txt", &b"VERSION=4712\n"[..]), ("version.txt.asc", signature.as_bytes())];
    let changed = world.put("changed", &files);
    let refused = world.survey(world.file([changed.clone()])).await.expect_err("changed");
    assert_eq!(refused.class(), Class::Verification);
    assert!(refused.to_string().ends_with("/changed/version.txt"), "{refused}");

    let files = [("version.txt", TEXT), ("version.txt.asc", signature.as_bytes())];
    let good = world.put("good", &files);
    key(world.folder.path(), "stranger");
    let strangers = vec![world.folder.path().join("stranger.gpg")];
    let by_stranger = Signed { keys: strangers, ..world.file([good.clone()]) };
    let refused = world.survey(by_stranger).await.expect_err("another key");
    assert_eq!(refused.class(), Class::Verification);

    let both = world.file([changed, good]);
    world.survey(both).await.expect("the second mirror has it as it was signed");
}

#[tokio::test]
async fn a_file_without_a_signature_is_not_taken() {
    let world = World::new();
    let url = world.put("a", &[("version.txt", TEXT)]);
    let refused = world.survey(world.file([url])).await.expect_err("nothing proves it");
    assert!(
        matches!(&refused, Error::Ask { url, .. } if url.ends_with("/version.txt.asc")),
        "{refused:?}"
    );
}
