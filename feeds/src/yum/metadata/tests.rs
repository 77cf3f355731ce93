//! A repository cut as a whole: what is listed is there, holds together, and is signed.

use std::collections::{BTreeMap, HashSet};

use super::*;
use crate::compression::gzip;
use crate::trust::Keyring;
use crate::yum::repomd;

const PRIMARY: &str = "<?xml version=\"1.0\"?>\n<metadata xmlns=\"c\" xmlns:rpm=\"r\" packages=\"2\">\
    <package type=\"rpm\"><name>a</name><checksum type=\"sha256\">aa</checksum></package>\n\
    <package type=\"rpm\"><name>b</name><checksum type=\"sha256\">bb</checksum></package></metadata>";
const FILELISTS: &str = "<filelists xmlns=\"f\" packages=\"2\"><package pkgid=\"aa\"><file>/a</file></package>\
    <package pkgid=\"bb\"><file>/b</file></package></filelists>";
const COMPS: &str = "<comps><group><id>one</id><packagelist><packagereq>a</packagereq></packagelist></group>\
    <group><id>two</id><packagelist><packagereq>b</packagereq></packagelist></group></comps>";
const UPDATES: &str = "<updates><update><id>A-1</id><pkglist><collection><package name=\"a\" epoch=\"0\" version=\"1\" \
    release=\"1\" arch=\"noarch\"/></collection></pkglist></update><update><id>A-2</id></update></updates>";
const MODULES: &str =
    "---\ndocument: modulemd\ndata: {name: b, stream: 1, artifacts: {rpms: [b-0:1-1.noarch]}}\n";

struct Made {
    _folder: tempfile::TempDir,
    store: Store,
    key: SiteKey,
    repomd: String,
    files: Vec<(Metadata, Object)>,
}

impl Made {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("a store");
        let key = folder.path().join("key.asc");
        let key = SiteKey::open_or_create(&key, "Site <site@example>").expect("a key");
        let mut repomd = String::from(
            "<repomd xmlns=\"x\"><revision>1700000000</revision><tags><repo>R &amp; S</repo></tags>",
        );
        let mut objects = Vec::new();
        for (kind, text) in [
            ("primary", PRIMARY),
            ("filelists", FILELISTS),
            ("other", FILELISTS),
            ("primary_db", "sqlite"),
            ("group", COMPS),
            ("group_gz", COMPS),
            ("updateinfo", UPDATES),
            ("modules", MODULES),
            ("productid", "a certificate"),
            ("filelists_zck", "zck"),
        ] {
            let bytes = gzip(text.as_bytes()).expect("compressed");
            let object = store.insert_bytes(&bytes).expect("kept");
            objects.push(object);
            let data = format!(
                "<data type=\"{kind}\"><checksum type=\"sha256\">{}</checksum><location href=\"repodata/up-{kind}.gz\"/>\
                 <timestamp>1600000000</timestamp><size>{}</size></data>",
                object.sha256, object.size
            );
            repomd.push_str(&data);
        }
        repomd += "</repomd>";
        let metadata = repomd::parse(repomd.as_bytes(), false).expect("it is right");
        let files = metadata.into_iter().zip(objects).collect();
        Self { _folder: folder, store, key, repomd, files }
    }

    fn cut(&self, selected: &Selected) -> BTreeMap<String, Vec<u8>> {
        let (repomd, files) = (self.repomd.as_bytes(), &self.files[..]);
        let upstream = Upstream { name: "r", repomd, files, store: &self.store };
        let files = upstream.cut(selected, &self.key).expect("it is cut");
        let read = |object: &Object| self.store.read(&object.sha256).expect("it is there");
        files.iter().map(|(path, object)| (path.to_string(), read(object))).collect()
    }
}

fn selected() -> Selected {
    Selected {
        ordinals: HashSet::from([0]),
        pkgids: HashSet::from(["aa".into()]),
        names: HashSet::from(["a".to_owned()]),
        nevras: HashSet::from(["a-0:1-1.noarch".to_owned()]),
        ..Selected::default()
    }
}

#[test]
fn all_that_is_listed_is_there_and_as_it_is_listed() {
    let made = Made::new();
    let files = made.cut(&selected());
    let text = String::from_utf8(files["repodata/repomd.xml"].clone()).expect("text");
    let listed = repomd::parse(text.as_bytes(), false).expect("it is right");
    let kinds: Vec<_> = listed.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(kinds, ["primary", "filelists", "other", "group", "updateinfo", "productid"]);
    for one in &listed {
        let bytes = &files[one.file.path.as_str()];
        assert_eq!(one.file.sha256, Some(Sha256::of(bytes)), "{}", one.kind);
        assert_eq!(one.file.size, Some(bytes.len() as u64));
        let open = Compression::Gzip.decompress(bytes, 1 << 20).expect("compressed");
        assert!(one.open_size.is_none_or(|size| size == open.len() as u64));
        let open = String::from_utf8(open).expect("text");
        assert!(!open.contains("bb") && !open.contains("two") && !open.contains("A-2"), "{open}");
    }
    assert!(text.contains("<revision>1700000000</revision>"), "{text}");
    assert!(text.contains("<tags><repo>R &amp; S</repo></tags>"), "{text}");
    assert_eq!(files.len(), listed.len() + 4, "{:?}", files.keys());
}

#[test]
fn the_site_signs_and_the_same_gives_the_same() {
    let made = Made::new();
    let files = made.cut(&selected());
    let keyring = Keyring::parse(KEY, &files[KEY]).expect("a key");
    let (text, signature) = (&files["repodata/repomd.xml"], &files["repodata/repomd.xml.asc"]);
    let by = keyring.verify_detached(text, signature).expect("it is signed");
    assert_eq!(by.fingerprint, made.key.fingerprint());
    assert_eq!(made.cut(&selected()), files);
}
