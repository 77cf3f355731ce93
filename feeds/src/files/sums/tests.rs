//! Lists made here and served on loopback.

use std::sync::Arc;

use axum::http::{StatusCode, Uri};

use super::super::{Source, survey};
use super::*;
use crate::error::{Class, Classified as _};
use crate::events::Silent;
use crate::plan::Plan;
use crate::store::Store;
use crate::transfer::Options;
use crate::trust::SiteKey;

type Files = BTreeMap<&'static str, Vec<u8>>;

struct Site {
    folder: tempfile::TempDir,
    key: SiteKey,
    transfer: Transfer,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let store = Store::open(folder.path().join("store")).expect("store");
        let options = Options { retries: 0, ..Options::default() };
        let transfer = Transfer::new(store, options).expect("client");
        let key = SiteKey::open_or_create(&folder.path().join("key"), "vendor").expect("key");
        fs_err::write(folder.path().join("ring"), key.public_key_binary().expect("key"))
            .expect("file");
        Self { folder, key, transfer }
    }

    async fn survey(&self, files: Files, names: &str, trust: SumsTrust) -> Result<Plan, Error> {
        let url = serve(files).await.join("v1/SUMS").expect("an address");
        let names = Patterns::new(&[names.to_owned()]).expect("a pattern");
        let sums = Sums { url, trust, names, into: "one".to_owned() };
        let source = Source {
            name: "vendor".to_owned(),
            files: Vec::new(),
            signed: Vec::new(),
            sums: vec![sums],
            images: Vec::new(),
        };
        survey(&source, None, &self.transfer, &Silent).await
    }

    fn keys(&self) -> SumsTrust {
        SumsTrust::Keys(vec![self.folder.path().join("ring")])
    }
}

async fn serve(files: Files) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let files = Arc::new(files);
    let app = axum::Router::new().fallback(move |uri: Uri| {
        let found = files.get(uri.path().trim_start_matches('/')).cloned();
        async move { found.ok_or(StatusCode::NOT_FOUND) }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/").parse().expect("an address")
}

fn list() -> String {
    let line = |name: &str, text: &str| format!("{}  {name}\n", Sha256::of(text.as_bytes()));
    line("a.iso", "a") + &line("sub/b.iso", "b") + &line("c.txt", "c")
}

fn vendor() -> Files {
    Files::from([
        ("v1/SUMS", list().into_bytes()),
        ("v1/a.iso", b"a".to_vec()),
        ("v1/sub/b.iso", b"b".to_vec()),
    ])
}

fn got(plan: &Plan) -> Vec<&str> {
    plan.get.keys().map(RelPath::as_str).collect()
}

#[tokio::test]
async fn a_list_is_proved_by_a_signature_beside_it_or_around_it() {
    let site = Site::new();
    let mut files = vendor();
    let signature = site.key.sign_detached_armored(list().as_bytes(), 0).expect("signed");
    files.insert("v1/SUMS.sig", signature.into_bytes());
    let plan = site.survey(files, "**/*.iso", site.keys()).await.expect("surveyed");
    assert_eq!(got(&plan), ["one/a.iso", "one/sub/b.iso"]);
    assert_eq!(plan.trust, site.key.fingerprint());
    let kept: Vec<_> = plan.have.keys().map(RelPath::as_str).collect();
    assert_eq!(kept, ["one/SUMS", "one/SUMS.sig"]);
    plan.fetch(&site.transfer, &Silent).await.expect("fetched");

    let mut files = vendor();
    let inline = site.key.sign_cleartext(&list(), 0).expect("signed");
    files.insert("v1/SUMS", inline.into_bytes());
    let plan = site.survey(files, "*.iso", site.keys()).await.expect("surveyed");
    assert_eq!(got(&plan), ["one/a.iso"]);
}

#[tokio::test]
async fn a_stream_names_artifacts_that_lie_anywhere() {
    let site = Site::new();
    let sum = Sha256::of(b"kernel");
    let part = format!(r#"{{"location": "http://h.example/43/live-kernel", "sha256": "{sum}"}}"#);
    let metal = format!(r#"{{"formats": {{"pxe": {{"kernel": {part}, "rootfs": {part}}}}}}}"#);
    let stream = format!(
        r#"{{"architectures": {{"x86_64": {{"artifacts": {{"metal": {metal}, "aws": {metal}}}}}}}}}"#
    );
    let files = Files::from([("v1/SUMS", stream.into_bytes())]);
    let names = "x86_64/metal/**";
    let plan = site.survey(files, names, SumsTrust::Unsigned).await.expect("surveyed");
    assert_eq!(got(&plan), ["one/x86_64/metal/pxe/kernel", "one/x86_64/metal/pxe/rootfs"]);
    let kernel = &plan.get[&RelPath::new("one/x86_64/metal/pxe/kernel").expect("a path")];
    assert_eq!(kernel.sha256, Some(sum));
    let broken = Files::from([("v1/SUMS", b"{".to_vec())]);
    let error = site.survey(broken, names, SumsTrust::Unsigned).await.expect_err("cut off");
    assert_eq!(error.class(), Class::Upstream);
}

#[tokio::test]
async fn a_list_that_nobody_proves_is_refused() {
    let site = Site::new();
    site.survey(vendor(), "*", site.keys()).await.expect_err("there is no signature");
    let mut files = vendor();
    let other = site.key.sign_detached_armored(b"other", 0).expect("signed");
    files.insert("v1/SUMS.asc", other.into_bytes());
    let error = site.survey(files, "*", site.keys()).await.expect_err("it is of something else");
    assert_eq!(error.class(), Class::Verification);
    let wrong = SumsTrust::Sha256(Sha256([0; 32]));
    let error = site.survey(vendor(), "*", wrong).await.expect_err("it is another list");
    assert_eq!(error.class(), Class::Verification);
    let right = SumsTrust::Sha256(Sha256::of(list().as_bytes()));
    site.survey(vendor(), "*", right).await.expect("it is this list");
}

#[tokio::test]
async fn names_that_leave_the_folder_are_refused_and_so_is_a_list_without_any() {
    let site = Site::new();
    let evil = format!("{}  ../../etc/passwd\n", Sha256([1; 32]));
    let files = Files::from([("v1/SUMS", evil.into_bytes())]);
    let error = site.survey(files, "**", SumsTrust::Unsigned).await.expect_err("it leaves");
    assert!(matches!(error, Error::Path { .. }), "{error:?}");
    let error = site.survey(vendor(), "*.exe", SumsTrust::Unsigned).await.expect_err("no such");
    assert!(matches!(error, Error::Unmatched { .. }), "{error:?}");
}
