//! Repositories made here, on media: every compression, every digest, every type of metadata, and who is believed.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::*;
use crate::compression::{gzip, xz};
use crate::digest::{Digest, Hasher};
use crate::events::Silent;
use crate::transfer::Options;
use crate::trust::SiteKey;
use crate::yum::{InstallTree, Selection, Signed, Trust};
use crate::{Class, Classified as _};

const PACKAGES: [&str; 2] = ["Packages/one.rpm", "Packages/two.rpm"];

struct World {
    folder: tempfile::TempDir,
    transfer: Transfer,
}

fn digest(algorithm: &str, bytes: &[u8]) -> String {
    let length = match algorithm {
        "sha1" => 40,
        "sha384" => 96,
        _ => 128,
    };
    let other = Digest::parse(algorithm, &"0".repeat(length));
    let mut hasher = Hasher::new(other.as_ref());
    hasher.update(bytes);
    match hasher.finish() {
        (_, Some(other)) => other.to_string(),
        (sha256, None) => sha256.to_string(),
    }
}

fn world() -> World {
    let folder = tempfile::tempdir().expect("a folder");
    fs_err::create_dir_all(folder.path().join("os/repodata")).expect("a folder");
    let store = Store::open(folder.path().join("store")).expect("a store");
    let transfer = Transfer::new(store, Options::default()).expect("a client");
    World { folder, transfer }
}

impl World {
    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Writes a repository whose `primary` ends in `ending`, with digests of one algorithm.
    fn repository(&self, ending: &str, algorithm: &str, compress: impl Fn(&[u8]) -> Vec<u8>) {
        let mut primary = "<metadata>".to_owned();
        for path in PACKAGES {
            let checksum = digest(algorithm, path.as_bytes());
            write!(
                primary,
                "<package><name>{path}</name><arch>noarch</arch><version ver=\"1\" rel=\"1\"/><checksum type=\"{algorithm}\">{checksum}</checksum>\
                 <size package=\"{}\"/><location href=\"{path}\"/></package>",
                path.len()
            )
            .expect("a text grows");
        }
        let primary = compress((primary + "</metadata>").as_bytes());
        let others = ["primary_zck", "primary_db", "productid", "strange-own"];
        let mut repomd = "<repomd>".to_owned();
        let all = others.map(|kind| (kind, kind.to_owned(), kind.as_bytes().to_vec()));
        for (kind, name, bytes) in
            all.into_iter().chain([("primary", format!("primary.xml{ending}"), primary)])
        {
            let checksum = digest(algorithm, &bytes);
            write!(
                repomd,
                "<data type=\"{kind}\"><checksum type=\"{algorithm}\">{checksum}</checksum>\
                 <location href=\"repodata/{name}\"/></data>"
            )
            .expect("a text grows");
            fs_err::write(self.path("os/repodata").join(name), bytes).expect("written");
        }
        fs_err::write(self.path("os/repodata/repomd.xml"), repomd + "</repomd>").expect("written");
    }

    /// Signs `repomd.xml` by a new key, and returns the file of its public half.
    fn signed(&self) -> PathBuf {
        let key = SiteKey::open_or_create(&self.path("secret"), "Tester").expect("a key");
        let repomd = fs_err::read(self.path("os/repodata/repomd.xml")).expect("it is there");
        let signature = key.sign_detached_armored(&repomd, 1).expect("signed");
        fs_err::write(self.path("os/repodata/repomd.xml.asc"), signature).expect("written");
        let public = self.path("public.gpg");
        fs_err::write(&public, key.public_key_binary().expect("its public half")).expect("written");
        public
    }

    fn source(&self, trust: Trust) -> Source {
        let url = url::Url::from_file_path(self.path("os")).expect("an absolute path");
        Source {
            name: "proof".to_owned(),
            upstream: Upstream::Urls([url].into()),
            trust,
            signed: Signed { metadata: true, packages: false },
            weak_digests: false,
            accept_older: false,
            tree: None,
            architectures: Vec::new(),
            selection: Selection::Whole,
        }
    }

    fn survey(&self, source: &Source, served: Option<&Tree>) -> Result<Plan, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let survey = survey(source, served, &self.transfer, &Silent);
        runtime.expect("a runtime").block_on(survey)
    }
}

/// What a plan becomes once it is fetched, without its packages.
fn tree(plan: Plan) -> Tree {
    let Plan { tree, upstream, trust, recipe, evidence, have, .. } = plan;
    Tree { path: tree, upstream, trust, recipe, evidence, files: have }
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut compressed = Vec::new();
    let mut encoder = bzip2::read::BzEncoder::new(bytes, bzip2::Compression::best());
    encoder.read_to_end(&mut compressed).expect("compressed");
    compressed
}

#[test]
fn reads_every_compression_and_keeps_every_type() {
    let compressed = |ending: &str, bytes: &[u8]| match ending {
        ".gz" => gzip(bytes).expect("compressed"),
        ".xz" => xz(bytes).expect("compressed"),
        ".zst" => zstd::encode_all(bytes, 3).expect("compressed"),
        ".bz2" => bzip2(bytes),
        _ => bytes.to_vec(),
    };
    for ending in [".gz", ".xz", ".zst", ".bz2", ""] {
        let world = world();
        world.repository(ending, "sha256", |bytes| compressed(ending, bytes));
        let plan = world.survey(&world.source(Trust::None), None).expect("surveyed");
        assert!(plan.get.keys().map(RelPath::as_str).eq(PACKAGES), "{ending}");
        let primary = format!("repodata/primary.xml{ending}");
        let listed = ["primary_db", "primary_zck", "productid", "repomd.xml", "strange-own"];
        let listed = listed.map(|name| format!("repodata/{name}"));
        let have: Vec<_> = plan.have.keys().map(RelPath::as_str).collect();
        assert!(have.contains(&primary.as_str()), "{have:?}");
        assert!(listed.iter().all(|path| have.contains(&path.as_str())), "{have:?}");
        assert_eq!((have.len(), plan.trust.as_str()), (6, "none"));
    }
}

#[test]
fn takes_strong_digests_and_weak_ones_where_that_is_written_down() {
    for algorithm in ["sha256", "sha384", "sha512"] {
        let world = world();
        world.repository("", algorithm, <[u8]>::to_vec);
        let source = world.source(Trust::Keys(vec![world.signed()]));
        let plan = world.survey(&source, None).expect("surveyed");
        assert_eq!(plan.get.len(), 2, "{algorithm}");
        assert!(plan.get.values().all(|want| want.sha256.is_some() || want.other.is_some()));
        let key = RelPath::new("RPM-GPG-KEY-public").expect("a path");
        let key = transferred(&world, &plan.have[&key]);
        assert!(key.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----"), "{key}");
    }
    let world = world();
    world.repository("", "sha1", <[u8]>::to_vec);
    let mut source = world.source(Trust::Keys(vec![world.signed()]));
    let refused = world.survey(&source, None).expect_err("weak");
    assert_eq!(refused.class(), Class::Verification);
    assert!(refused.hint().is_some_and(|hint| hint.contains("weak_digests")));
    source.weak_digests = true;
    assert!(world.survey(&source, None).expect("told").trust.ends_with(", weak digests"));
}

fn transferred(world: &World, object: &Object) -> String {
    let bytes = world.transfer.store().read(&object.sha256).expect("it is in the store");
    String::from_utf8(bytes).expect("text")
}

#[test]
fn an_unchanged_repository_is_planned_as_it_is_served() {
    let world = world();
    world.repository("", "sha256", <[u8]>::to_vec);
    let source = world.source(Trust::None);
    let served = tree(world.survey(&source, None).expect("surveyed"));
    let again = world.survey(&source, Some(&served)).expect("surveyed");
    assert!(again.get.is_empty(), "it was read again");
    let others = Source { architectures: vec!["x86_64".to_owned()], ..source };
    let other = world.survey(&others, Some(&served)).expect("surveyed");
    assert_eq!(other.get.len(), 2, "other settings were not looked at");
}

impl World {
    /// Dates what `repomd.xml` lists.
    fn dated(&self, seconds: i64) {
        self.repository("", "sha256", <[u8]>::to_vec);
        let repomd = self.path("os/repodata/repomd.xml");
        let text = fs_err::read_to_string(&repomd).expect("it is there");
        let dated = format!("<timestamp>{seconds}</timestamp></data>");
        fs_err::write(repomd, text.replace("</data>", &dated)).expect("written");
    }
}

#[test]
fn what_is_served_gives_way_to_nothing_older_unless_told() {
    let world = world();
    let source = world.source(Trust::None);
    world.dated(1_700_000_000);
    let served = tree(world.survey(&source, None).expect("surveyed"));
    for as_new in [1_700_000_000, 1_700_000_001] {
        world.dated(as_new);
        world.survey(&source, Some(&served)).expect("it is no older");
    }
    world.dated(1_699_999_999);
    let refused = world.survey(&source, Some(&served)).expect_err("older");
    assert!(matches!(refused, Error::Older { .. }), "{refused:?}");
    assert_eq!(refused.class(), Class::Verification);
    assert!(refused.hint().is_some_and(|hint| hint.contains("accept_older")));
    let told = Source { accept_older: true, ..source.clone() };
    world.survey(&told, Some(&served)).expect("it was written down");
    let elsewhere = Tree { upstream: "http://elsewhere.example/".to_owned(), ..served };
    world.survey(&source, Some(&elsewhere)).expect("another upstream has times of its own");
    world.repository("", "sha256", <[u8]>::to_vec);
    world.survey(&source, Some(&elsewhere)).expect("it tells nothing of its age");
}

#[test]
fn an_upstream_whose_clock_was_ahead_once_is_not_locked_out() {
    let world = world();
    let source = world.source(Trust::None);
    world.dated(4_000_000_000);
    let served = tree(world.survey(&source, None).expect("surveyed"));
    world.dated(1_700_000_000);
    world.survey(&source, Some(&served)).expect("its clock is right now");
}

#[test]
fn a_part_gives_way_to_nothing_older_than_what_it_was_cut_from() {
    let world = world();
    let site_key = SiteKey::open_or_create(&world.path("site"), "Site").expect("a key");
    let filter = crate::yum::Filter { newest: Some(1), ..crate::yum::Filter::default() };
    let neighbours = Arc::default();
    let selection = Selection::Part { filter, site_key: Arc::new(site_key), neighbours };
    let source = Source { selection, ..world.source(Trust::None) };
    world.dated(1_700_000_000);
    let served = tree(world.survey(&source, None).expect("surveyed"));
    world.dated(1_699_999_999);
    let refused = world.survey(&source, Some(&served)).expect_err("older");
    assert!(matches!(refused, Error::Older { .. }), "{refused:?}");
}

#[test]
fn a_signature_of_another_text_or_key_is_refused() {
    let world = world();
    world.repository("", "sha256", <[u8]>::to_vec);
    let key = world.signed();
    world.repository(".gz", "sha256", |bytes| gzip(bytes).expect("compressed"));
    let source = world.source(Trust::Keys(vec![key]));
    let refused = world.survey(&source, None).expect_err("another text");
    assert!(matches!(refused, Error::Trust { .. }), "{refused:?}");
    assert_eq!(refused.class(), Class::Verification);
}

#[test]
fn an_image_without_a_checksum_fails_the_tree_and_a_pinned_treeinfo_must_be_that() {
    let world = world();
    world.repository("", "sha256", <[u8]>::to_vec);
    let text = "[images-x86_64]\nkernel = k\n[checksums]\n";
    fs_err::write(world.path("os/treeinfo"), text).expect("written");
    let mut source = world.source(Trust::None);
    source.tree = Some(InstallTree { media: false, treeinfo: None });
    let refused = world.survey(&source, None).expect_err("no checksum");
    assert!(matches!(refused, Error::NoChecksum { .. }), "{refused:?}");
    let whole = format!("{text}k = sha256:{}\n", digest("sha256", b"kernel"));
    fs_err::write(world.path("os/treeinfo"), &whole).expect("written");
    let plan = world.survey(&source, None).expect("surveyed");
    assert!(plan.get.keys().any(|path| path.as_str() == "k"));
    assert!(plan.have.keys().any(|path| path.as_str() == "treeinfo"));
    source.tree = Some(InstallTree { media: false, treeinfo: Some(Sha256::of(b"another")) });
    assert!(matches!(world.survey(&source, None), Err(Error::Fetch { .. })));
}

#[test]
fn what_is_listed_as_metadata_is_no_package_that_was_found_to_be_signed() {
    let world = world();
    world.repository("", "sha256", <[u8]>::to_vec);
    let repomd = world.path("os/repodata/repomd.xml");
    let smuggled = fs_err::read_to_string(&repomd).expect("it is there");
    let smuggled = smuggled.replace("repodata/strange-own", "Packages/evil.rpm");
    fs_err::write(repomd, smuggled).expect("written");
    fs_err::create_dir_all(world.path("os/Packages")).expect("a folder");
    fs_err::rename(world.path("os/repodata/strange-own"), world.path("os/Packages/evil.rpm"))
        .expect("moved");
    let mut source = world.source(Trust::Keys(vec![world.signed()]));
    source.signed = Signed { metadata: false, packages: true };
    let plan = world.survey(&source, None).expect("surveyed");
    let keys = plan.signed_by.clone().expect("packages must be signed");
    let evil = RelPath::new("Packages/evil.rpm").expect("a path");
    assert!(plan.have.contains_key(&evil) && !keys.beside.contains(&evil), "nobody looks at it");
    assert!(keys.beside.iter().all(|path| !plan.get.contains_key(path)));
    let served = Tree { recipe: None, ..tree(plan) };
    let metadata = served.files.iter().filter(|(path, _)| **path != evil);
    let plan = world.survey(&source, Some(&served)).expect("surveyed");
    let proven = plan.signed_by.expect("packages must be signed").proven;
    assert!(metadata.into_iter().all(|(_, object)| !proven.contains(&object.sha256)));
}
