//! Surveys of repositories made here and served on loopback.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use axum::http::{StatusCode, Uri};
use url::Url;

use super::super::filter::Filter;
use super::super::reindex::Title;
use super::super::reindex::tests::{make, signing};
use super::super::select::Wanted;
use super::super::source::{Extras, Missing, Signing, Subset, Suite, Trust};
use super::*;
use crate::digest::Sha256;
use crate::error::{Class, Classified as _};
use crate::events::{Event, Silent};
use crate::patterns::Patterns;
use crate::store::Store;
use crate::transfer::{Options, Want};
use crate::trust::SiteKey;

type Files = BTreeMap<String, Vec<u8>>;

mod age;
mod parts;

/// A folder with the upstream's key, the site's key and a store.
struct Site {
    folder: tempfile::TempDir,
    upstream: Signing,
    transfer: Transfer,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let store = Store::open(folder.path().join("store")).expect("store");
        let options = Options { retries: 0, ..Options::default() };
        let transfer = Transfer::new(store, options).expect("client");
        let upstream = signing(folder.path(), "upstream");
        let public = upstream.site_key.public_key_binary().expect("key");
        fs_err::write(folder.path().join("ring.gpg"), public).expect("file");
        Self { folder, upstream, transfer }
    }

    /// Makes a repository of `name version field` lines (`…-udeb` is a part of an installer), as of so many seconds since 1970.
    fn repository(&self, suite: &str, date: i64, lines: &[&str]) -> Files {
        let mut text = String::new();
        let mut pool = Files::new();
        for line in lines {
            let mut words = line.splitn(3, ' ');
            let (name, version) = (words.next().expect("name"), words.next().expect("version"));
            let content = format!("package {line}").into_bytes();
            let path = format!("pool/{name}_{version}.deb");
            write!(
                text,
                "Package: {name}\nVersion: {version}\nArchitecture: amd64\nFilename: {path}\nSize: {}\nSHA256: {}\n",
                content.len(),
                Sha256::of(&content)
            )            .expect("written");
            text += &words.next().map(|field| format!("{field}\n")).unwrap_or_default();
            text.push('\n');
            pool.insert(path, content);
        }
        let date = Timestamp::from_second(date).expect("a time");
        let title = Title { name: "upstream", suite, date };
        let mut files = make(&title, &[("main", &text)], &self.upstream);
        files.append(&mut pool);
        files
    }

    fn suite(&self, name: &str, url: &Url) -> Suite {
        Suite {
            urls: [url.clone()].into(),
            name: name.to_owned(),
            components: vec!["main".to_owned()],
            trust: Trust::Files(vec![self.folder.path().join("ring.gpg")]),
        }
    }

    fn source(&self, suites: Vec<Suite>, names: &[&str]) -> Source {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let selection = if names.is_empty() {
            Selection::Whole
        } else {
            let packages = Some(Wanted { names, ..Wanted::default() });
            Selection::Subset(Subset { packages, ..self.everything() })
        };
        Source {
            name: "test".to_owned(),
            suites,
            architectures: vec!["amd64".to_owned()],
            selection,
            udebs: false,
            missing: Missing::Fail,
            check_valid_until: true,
            accept_older: false,
            extras: Extras::default(),
        }
    }

    /// All packages, told anew.
    fn everything(&self) -> Subset {
        let signing = signing(self.folder.path(), "site");
        Subset { packages: None, filter: Filter::default(), neighbours: Arc::default(), signing }
    }

    async fn survey(&self, source: &Source) -> Result<Plan, Error> {
        survey(source, None, &self.transfer, &Silent).await
    }

    /// Surveys one suite `test` that is served as these files.
    async fn survey_files(&self, files: Files, names: &[&str]) -> Result<Plan, Error> {
        let url = serve(files).await;
        self.survey(&self.source(vec![self.suite("test", &url)], names)).await
    }
}

/// Serves files until the test ends.
async fn serve(files: Files) -> Url {
    serve_changing(Arc::new(Mutex::new(files))).await
}

/// Serves files that the test changes meanwhile.
async fn serve_changing(files: Arc<Mutex<Files>>) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let app = axum::Router::new().fallback(move |uri: Uri| {
        let files = files.lock().expect("unpoisoned");
        let found = files.get(uri.path().trim_start_matches('/')).cloned();
        async move { found.ok_or(StatusCode::NOT_FOUND) }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/").parse().expect("an address")
}

fn got(plan: &Plan) -> Vec<&str> {
    plan.get.keys().map(RelPath::as_str).collect()
}

fn resign(files: &mut Files, key: &SiteKey, change: impl Fn(String) -> String) {
    let release = String::from_utf8(files["dists/test/Release"].clone()).expect("text");
    let signed = key.sign_cleartext(&change(release), 0).expect("signed");
    files.insert("dists/test/InRelease".to_owned(), signed.into_bytes());
}

#[tokio::test]
async fn a_package_list_is_closed_over_all_suites_and_told_as_one() {
    let site = Site::new();
    let base = site.repository("test", 1000, &["a 1 Depends: b", "b 1", "c 1"]);
    let updates = site.repository("test-updates", 2000, &["b 2 Depends: c"]);
    let (base, updates) = (serve(base).await, serve(updates).await);
    let suites = vec![site.suite("test", &base), site.suite("test-updates", &updates)];
    let source = site.source(suites, &["a"]);
    let plan = site.survey(&source).await.expect("surveyed");
    assert_eq!(got(&plan), ["pool/a_1.deb", "pool/b_2.deb", "pool/c_1.deb"]);
    assert_eq!(plan.trust, site.upstream.site_key.fingerprint());

    let again = site.survey(&source).await.expect("surveyed again");
    assert_eq!(plan.have, again.have);

    let release = plan.have[&RelPath::new("dists/test/Release").expect("a path")];
    let release = site.transfer.store().read(&release.sha256).expect("object");
    let release = String::from_utf8(release).expect("text");
    assert!(release.contains("Date: Thu, 01 Jan 1970 00:33:20 UTC\n"), "{release}");

    let tree = plan.fetch(&site.transfer, &Silent).await.expect("fetched");
    assert_eq!(tree.files.len(), 3 + again.have.len());
}

#[tokio::test]
async fn a_whole_mirror_keeps_what_the_upstream_signed() {
    let site = Site::new();
    let files = site.repository("test", 1000, &["a 1", "b 1"]);
    let plan = site.survey_files(files.clone(), &[]).await.expect("surveyed");
    assert!(plan.get.contains_key(&RelPath::new("pool/a_1.deb").expect("a path")));
    let tree = plan.fetch(&site.transfer, &Silent).await.expect("fetched");
    for name in ["dists/test/InRelease", "dists/test/main/binary-amd64/Packages.xz"] {
        let object = tree.files[&RelPath::new(name).expect("a path")];
        assert_eq!(object.sha256, Sha256::of(&files[name]), "{name}");
    }
}

#[tokio::test]
async fn a_detached_signature_does_where_there_is_no_inline_one() {
    let site = Site::new();
    let mut files = site.repository("test", 1000, &["a 1"]);
    files.remove("dists/test/InRelease");
    let plan = site.survey_files(files, &["a"]).await.expect("surveyed");
    assert_eq!(plan.trust, site.upstream.site_key.fingerprint());
}

#[tokio::test]
async fn nothing_is_taken_from_a_release_that_was_tampered_with() {
    let site = Site::new();
    let mut files = site.repository("test", 1000, &["a 1"]);
    let signed = String::from_utf8(files["dists/test/InRelease"].clone()).expect("text");
    let tampered = signed.replace("Label: upstream", "Label: stranger");
    files.insert("dists/test/InRelease".to_owned(), tampered.into_bytes());
    let error = site.survey_files(files, &["a"]).await.expect_err("tampered with");
    assert_eq!(error.class(), Class::Verification);
}

#[tokio::test]
async fn an_index_that_the_release_does_not_prove_is_refused() {
    let site = Site::new();
    let mut files = site.repository("test", 1000, &["a 1"]);
    for (path, bytes) in &mut files {
        if path.ends_with("Packages.xz") || path.contains("by-hash") {
            bytes.reverse();
        }
    }
    let error = site.survey_files(files, &["a"]).await.expect_err("unproved");
    assert_eq!(error.class(), Class::Verification, "{error:?}");
}

#[tokio::test]
async fn valid_until_holds_unless_told_not_to() {
    let site = Site::new();
    let mut files = site.repository("test", 1000, &["a 1"]);
    let until = "Valid-Until: Thu, 01 Jan 2026 00:00:00 UTC\n";
    resign(&mut files, &site.upstream.site_key, |release| until.to_owned() + &release);
    let url = serve(files).await;
    let mut source = site.source(vec![site.suite("test", &url)], &["a"]);
    let error = site.survey(&source).await.expect_err("out of date");
    assert_eq!(error.class(), Class::Verification);
    assert!(error.to_string().contains("was valid until Thu, 01 Jan 2026"), "{error}");
    source.check_valid_until = false;
    site.survey(&source).await.expect("the check is off");
}

#[tokio::test]
async fn what_no_suite_has_is_told_with_its_architecture() {
    let site = Site::new();
    let files = site.repository("test", 1000, &["a 1 Depends: x (>= 2)"]);
    let error = site.survey_files(files, &["a", "nosuch"]).await.expect_err("unsatisfiable");
    let told = "for `amd64` no suite has `nosuch`, nor `x (>= 2)`, which a 1 needs";
    assert_eq!(error.to_string(), told);
    assert_eq!(error.class(), Class::Configuration);
}

/// What the made repository lists of a folder, and who proves it.
fn listed(site: &Site, plan: &Plan, folder: &str) -> String {
    let read = |path: &str| {
        let object = plan.have[&RelPath::new(path).expect("a path")];
        site.transfer.store().read(&object.sha256).expect("object")
    };
    let packages = read(&format!("dists/test/{folder}/Packages"));
    let release = String::from_utf8(read("dists/test/Release")).expect("text");
    let proof = format!(" {} {} {folder}/Packages\n", Sha256::of(&packages), packages.len());
    assert!(release.contains(&proof), "{folder} is not proved by\n{release}");
    String::from_utf8(packages).expect("text")
}

const UDEBS: &str = "main/debian-installer/binary-amd64";

#[tokio::test]
async fn the_parts_of_the_installer_come_along_whole_and_are_indexed_beside() {
    let site = Site::new();
    let base =
        site.repository("test", 1000, &["a 1", "b 1", "x-udeb 1 Depends: y-udeb", "y-udeb 1"]);
    // A suite without an installer of its own is no hindrance.
    let updates = site.repository("test-updates", 2000, &["a 2"]);
    let (base, updates) = (serve(base).await, serve(updates).await);
    let suites = vec![site.suite("test", &base), site.suite("test-updates", &updates)];
    let mut source = site.source(suites, &["a"]);
    let plan = site.survey(&source).await.expect("surveyed");
    assert_eq!(got(&plan), ["pool/a_2.deb"], "nobody asked for udebs");

    source.udebs = true;
    let plan = site.survey(&source).await.expect("surveyed");
    assert_eq!(got(&plan), ["pool/a_2.deb", "pool/x-udeb_1.deb", "pool/y-udeb_1.deb"]);
    let udebs = listed(&site, &plan, UDEBS);
    assert_eq!(udebs.matches("Package: ").count(), 2);
    assert!(udebs.ends_with("\n\n"), "the last package would be lost");
    assert!(!listed(&site, &plan, "main/binary-amd64").contains("udeb"));
    let beside = RelPath::new(format!("dists/test/{UDEBS}/Release")).expect("a path");
    let beside = site.transfer.store().read(&plan.have[&beside].sha256).expect("object");
    assert!(String::from_utf8_lossy(&beside).contains("Component: main/debian-installer\n"));

    source.selection = Selection::Whole;
    source.suites.truncate(1);
    let plan = site.survey(&source).await.expect("surveyed whole");
    assert_eq!(got(&plan).iter().filter(|path| path.starts_with("pool/")).count(), 4);
    let index = RelPath::new(format!("dists/test/{UDEBS}/Packages.xz")).expect("a path");
    assert!(plan.have.contains_key(&index), "the upstream's own index is kept");
}

#[tokio::test]
async fn an_installer_that_no_suite_has_is_told() {
    let site = Site::new();
    let url = serve(site.repository("test", 1000, &["a 1"])).await;
    let mut source = site.source(vec![site.suite("test", &url)], &["a"]);
    source.udebs = true;
    let error = site.survey(&source).await.expect_err("there is none");
    assert_eq!(error.to_string(), "the suite `test` has no index of `debian-installer`");
}

/// Keeps the warnings.
#[derive(Default)]
struct Warned(Mutex<Vec<String>>);

impl Watch for Warned {
    fn event(&self, event: Event) {
        if let Event::Warning { text } = event {
            self.0.lock().expect("unpoisoned").push(text);
        }
    }
}

#[tokio::test]
async fn what_the_upstream_lists_and_lacks_fails_by_name_unless_it_may_be_left_out() {
    let site = Site::new();
    let lines = ["a 1 Depends: b", "b 1", "x-udeb 1", "y-udeb 1"];
    let mut files = site.repository("test", 1000, &lines);
    files.remove("pool/y-udeb_1.deb").expect("it was there");
    let url = serve(files).await;
    let mut source = site.source(vec![site.suite("test", &url)], &["a"]);
    source.udebs = true;
    let plan = site.survey(&source).await.expect("surveyed");
    let error = plan.fetch(&site.transfer, &Silent).await.expect_err("one is not there");
    assert!(error.to_string().contains("`pool/y-udeb_1.deb`"), "{error}");

    source.missing = Missing::Skip;
    let warned = Warned::default();
    let plan = survey(&source, None, &site.transfer, &warned).await.expect("surveyed");
    assert_eq!(got(&plan), ["pool/a_1.deb", "pool/b_1.deb", "pool/x-udeb_1.deb"]);
    let told = warned.0.into_inner().expect("unpoisoned");
    assert_eq!(
        told,
        ["`test` goes without what its upstream lists and does not have (1): y-udeb 1"]
    );
    let udebs = listed(&site, &plan, UDEBS);
    assert!(udebs.contains("x-udeb") && !udebs.contains("y-udeb"), "{udebs}");
    plan.fetch(&site.transfer, &Silent).await.expect("the rest is there");
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_is_not_taken_as_one_that_lacks() {
    let site = Site::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let nobody: Url = format!("http://{}/", listener.local_addr().expect("an address"))
        .parse()
        .expect("an address");
    drop(listener);
    let here = serve(Files::from([("there".to_owned(), Vec::new())])).await;
    let want = |bases: &[&Url], path| {
        let bases: crate::transfer::Bases = bases.iter().map(|base| (*base).clone()).collect();
        Want::below(&bases, &RelPath::new(path).expect("a path"))
    };
    let wants = [
        want(&[&here], "there"),
        want(&[&here], "gone"),
        want(&[&nobody], "gone"),
        want(&[&here, &nobody], "gone"),
    ];
    assert_eq!(site.transfer.absent(&wants).await, [&wants[1]]);
}
