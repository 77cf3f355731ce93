//! Parts of repositories, flat ones, and what is taken beside packages.

use super::*;

fn text_of(site: &Site, plan: &Plan, path: &str) -> String {
    let object = plan.have[&RelPath::new(path).expect("a path")];
    let bytes = site.transfer.store().read(&object.sha256).expect("object");
    let compression = crate::compression::Compression::of(path).expect("known");
    let bytes = compression.decompress(&bytes, 1 << 20).expect("whole");
    String::from_utf8(bytes).expect("text")
}

#[tokio::test]
async fn a_filter_leaves_the_newest_of_what_passes_in_a_new_index() {
    let site = Site::new();
    let files = site.repository("test", 1000, &["a 1", "a 2", "a 3", "b 1", "b-dbg 1"]);
    let url = serve(files).await;
    let mut source = site.source(vec![site.suite("test", &url)], &[]);
    let exclude = Patterns::new(&["*-dbg".to_owned()]).expect("a pattern");
    let filter = Filter { newest: std::num::NonZeroUsize::new(2), exclude, ..Filter::default() };
    source.selection = Selection::Subset(Subset { filter, ..site.everything() });
    let plan = site.survey(&source).await.expect("surveyed");
    assert_eq!(got(&plan), ["pool/a_2.deb", "pool/a_3.deb", "pool/b_1.deb"]);
    assert_eq!(listed(&site, &plan, "main/binary-amd64").matches("Package: ").count(), 3);
}

/// Adds files to the repository `test` and proves them in its `Release` file.
fn prove(site: &Site, files: &mut Files, added: &[(&str, String)]) {
    let mut lines = String::new();
    for (path, text) in added {
        let digest = Sha256::of(text.as_bytes());
        writeln!(lines, " {digest} {} {path}", text.len()).expect("written");
        files.insert(format!("dists/test/{path}"), text.clone().into_bytes());
        let (folder, _) = path.rsplit_once('/').unwrap_or_default();
        files.insert(format!("dists/test/{folder}/by-hash/SHA256/{digest}"), text.clone().into());
    }
    resign(files, &site.upstream.site_key, |release| release + &lines);
}

fn with_extras(site: &Site) -> Files {
    let described = "Description-md5: 11\nSource: src (7)";
    let mut files = site.repository("test", 1000, &[&format!("a 1 {described}"), "b 1"]);
    let archive = b"source of a".to_vec();
    let sources = format!(
        "Package: src\nVersion: 7\nDirectory: pool/src\nChecksums-Sha256:\n {} {} src.tar\n\nPackage: b\nVersion: 0\n\n",
        Sha256::of(&archive),
        archive.len()
    );
    files.insert("pool/src/src.tar".to_owned(), archive);
    let translation = "Package: a\nDescription-md5: 11\nDescription-en: one\n\nPackage: a\nDescription-md5: 12\nDescription-en: two\n\n";
    prove(
        site,
        &mut files,
        &[
            ("main/source/Sources", sources),
            ("main/i18n/Translation-en", translation.to_owned()),
            ("main/i18n/Translation-de", translation.to_owned()),
            ("main/Contents-amd64", "usr/bin/a a\n".to_owned()),
        ],
    );
    files
}

#[tokio::test]
async fn sources_and_descriptions_of_what_was_taken_come_along() {
    let site = Site::new();
    let url = serve(with_extras(&site)).await;
    let mut source = site.source(vec![site.suite("test", &url)], &["a", "b"]);
    source.extras = Extras { languages: vec!["en".into()], contents: false, sources: true };
    let warned = Warned::default();
    let plan = survey(&source, None, &site.transfer, &warned).await.expect("surveyed");
    assert_eq!(got(&plan), ["pool/a_1.deb", "pool/b_1.deb", "pool/src/src.tar"]);
    let told = warned.0.into_inner().expect("unpoisoned");
    assert_eq!(told, ["`test` goes without sources that its upstream does not list (1): b 1"]);
    let translation = text_of(&site, &plan, "dists/test/main/i18n/Translation-en.xz");
    assert_eq!(translation, "Package: a\nDescription-md5: 11\nDescription-en: one\n\n");
    let sources = text_of(&site, &plan, "dists/test/main/source/Sources.xz");
    assert_eq!(sources.matches("Package: ").count(), 1);
    plan.fetch(&site.transfer, &Silent).await.expect("fetched");
}

#[tokio::test]
async fn a_whole_mirror_takes_what_was_asked_for_beside_packages() {
    let site = Site::new();
    let files = with_extras(&site);
    // A source that no digest proves would fail the mirror: there is one of those.
    let url = serve(files).await;
    let mut source = site.source(vec![site.suite("test", &url)], &[]);
    source.extras = Extras { languages: vec!["de".into()], contents: true, sources: false };
    let plan = site.survey(&source).await.expect("surveyed");
    let has = |path: &str| plan.get.keys().any(|one| one.as_str() == path);
    assert!(has("dists/test/main/Contents-amd64") && has("dists/test/main/i18n/Translation-de"));
    assert!(!has("dists/test/main/i18n/Translation-en"));
    source.extras.sources = true;
    let error = site.survey(&source).await.expect_err("an unproved source");
    let told = "the source `b` of the suite `test` has no usable `Checksums-Sha256`";
    assert_eq!(error.to_string(), told);
}

/// Lays a repository out as one folder.
fn flat(site: &Site, folder: &str) -> Files {
    let files = site.repository("test", 1000, &["a 1", "b 1"]);
    let index = files["dists/test/main/binary-amd64/Packages"].clone();
    let mut flat: Files = files.into_iter().filter(|(path, _)| path.starts_with("pool/")).collect();
    let release = format!(
        "Date: Thu, 01 Jan 1970 00:33:20 UTC\nSHA256:\n {} {} ./Packages\n",
        Sha256::of(&index),
        index.len()
    );
    let signed = site.upstream.site_key.sign_cleartext(&release, 0).expect("signed");
    flat.insert(format!("{folder}InRelease"), signed.into_bytes());
    flat.insert(format!("{folder}Packages"), index);
    flat
}

#[tokio::test]
async fn a_folder_without_components_is_mirrored_too() {
    for (name, folder) in [("./", ""), ("sub/", "sub/")] {
        let site = Site::new();
        let url = serve(flat(&site, folder)).await;
        let mut source = site.source(vec![site.suite(name, &url)], &[]);
        let plan = site.survey(&source).await.expect("surveyed");
        assert_eq!(got(&plan), ["pool/a_1.deb", "pool/b_1.deb"]);
        assert!(
            plan.have.contains_key(&RelPath::new(format!("{folder}InRelease")).expect("a path"))
        );
        let packages = Some(Wanted { names: vec!["a".to_owned()], ..Wanted::default() });
        source.selection = Selection::Subset(Subset { packages, ..site.everything() });
        let plan = site.survey(&source).await.expect("surveyed");
        assert_eq!(got(&plan), ["pool/a_1.deb"]);
        text_of(&site, &plan, "dists/test/main/binary-amd64/Packages.gz");
    }
}

#[tokio::test]
async fn weak_digests_prove_nothing_unless_nothing_has_to_be_proved() {
    let site = Site::new();
    let mut files = site.repository("test", 1000, &["a 1"]);
    let weaken = |release: String| {
        release.replace("SHA256:", "X:") + &format!("MD5Sum:\n {} 9 x\n", "a".repeat(32))
    };
    resign(&mut files, &site.upstream.site_key, weaken);
    let error = site.survey_files(files, &["a"]).await.expect_err("weak");
    assert_eq!(error.class(), Class::Upstream, "{error:?}");

    let index =
        "Package: a\nVersion: 1\nArchitecture: all\nFilename: a.deb\nSize: 1\nMD5sum: 7\n\n";
    let release = format!(
        "Date: Thu, 01 Jan 1970 00:33:20 UTC\nMD5Sum:\n {} {} Packages\n",
        "a".repeat(32),
        index.len()
    );
    let files = [("Packages", index.to_owned()), ("Release", release), ("a.deb", "x".to_owned())];
    let url = serve(files.map(|(path, text)| (path.to_owned(), text.into_bytes())).into()).await;
    let mut source = site.source(vec![site.suite("./", &url)], &[]);
    source.suites[0].trust = Trust::Unsigned;
    let plan = site.survey(&source).await.expect("the operator wrote it down");
    assert_eq!((got(&plan), plan.trust.as_str()), (vec!["a.deb"], "none"));
    plan.fetch(&site.transfer, &Silent).await.expect("fetched");
}

#[tokio::test]
async fn clients_find_an_index_under_the_strongest_digest_that_they_are_told() {
    use sha2::Digest as _;
    let site = Site::new();
    let mut files = site.repository("test", 1000, &["a 1"]);
    let path = "main/binary-amd64/Packages.xz";
    let bytes = files[&format!("dists/test/{path}")].clone();
    let mut hex = String::new();
    for byte in sha2::Sha512::digest(&bytes) {
        write!(hex, "{byte:02x}").expect("written");
    }
    let lines = format!("SHA512:\n {hex} {} {path}\n", bytes.len());
    resign(&mut files, &site.upstream.site_key, |release| release + &lines);
    let plan = site.survey_files(files, &[]).await.expect("surveyed");
    let hashed = format!("dists/test/main/binary-amd64/by-hash/SHA512/{hex}");
    assert!(plan.have.contains_key(&RelPath::new(hashed).expect("a path")));
}
