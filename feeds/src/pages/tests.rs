//! Pages out of small repositories, hostile ones included.

use super::*;

const EVIL: &str = "</script><script>alert(1)</script>\"'&<img src=x onerror=alert(1)>";

fn opened() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store")).unwrap();
    (folder, store)
}

fn rel(path: &str) -> RelPath {
    RelPath::new(path).unwrap()
}

fn tree(store: &Store, path: &str, files: &[(&str, &str)]) -> Tree {
    let object = |text: &str| store.insert_bytes(text.as_bytes()).unwrap();
    Tree {
        path: rel(path),
        upstream: format!("http://upstream.example/{EVIL}"),
        trust: "none".to_owned(),
        recipe: None,
        evidence: BTreeMap::new(),
        files: files.iter().map(|(file, text)| (rel(file), object(text))).collect(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn yum(store: &Store, packages: &[(&str, &str)]) -> Tree {
    let package = |(name, summary): &(&str, &str)| {
        format!(
            "<package type=\"rpm\"><name>{}</name><arch>noarch</arch><version epoch=\"1\" ver=\"2\" rel=\"3\"/>\
             <summary>{}</summary><size package=\"2048\"/><location href=\"p/a b.rpm\"/></package>",
            escaped(name),
            escaped(summary)
        )
    };
    let packages: String = packages.iter().map(package).collect();
    let sum = Sha256::of(b"").to_string();
    let data = |kind: &str, file: &str| {
        format!(
            "<data type=\"{kind}\"><checksum type=\"sha256\">{sum}</checksum><location href=\"repodata/{file}\"/></data>"
        )
    };
    let repomd = [
        data("primary", "primary.xml"),
        data("group", "comps.xml"),
        data("updateinfo", "updateinfo.xml"),
    ];
    let comps = "<comps><group><id>core</id><name>Core</name><name xml:lang=\"de\">Kern</name><description>Least</description></group></comps>";
    let updates = "<updates><update type=\"security\"><id>A-1</id><title>Mend it</title><issued date=\"2026-01-02 03:04:05\"/><severity>Important</severity></update></updates>";
    let files = [
        ("repodata/repomd.xml", format!("<repomd>{}</repomd>", repomd.concat())),
        ("repodata/primary.xml", format!("<metadata>{packages}</metadata>")),
        ("repodata/comps.xml", comps.to_owned()),
        ("repodata/updateinfo.xml", updates.to_owned()),
    ];
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    tree(store, "data/yum/os", &files)
}

fn read(store: &Store, page: &Tree, file: &str) -> String {
    let text = String::from_utf8(store.read(&page.files[&rel(file)].sha256).unwrap()).unwrap();
    // The template engine escapes slashes, too.
    text.replace("&#x2f;", "/")
}

#[test]
fn a_page_has_packages_groups_advisories_and_changes() {
    let (_folder, store) = opened();
    let before = yum(&store, &[("bash", "The shell"), ("gone", "Old")]);
    let now = yum(&store, &[("bash", "The shell"), ("come", "New")]);
    let at = place(&now.path).unwrap();
    let page = repository(&store, at.clone(), &now, Some(&before)).unwrap();
    assert_eq!(page.path.as_str(), "data/pages/yum/os");
    assert_eq!(page.recipe, Some(recipe(&now)));
    let html = read(&store, &page, "index.html");
    for told in [
        "<a href=\"/yum/os/p/a%20b.rpm\">bash</a></td><td>1:2-3</td><td>noarch</td>",
        "2.0 KiB",
        "<dt>Core</dt><dd>Least</dd>",
        "<td>A-1</td><td class=\"number\">2026-01-02</td><td>security</td><td>Important</td>",
        "1 added, 0 with other versions, 1 removed",
    ] {
        assert!(html.contains(told), "{told}\n{html}");
    }
    let index: serde_json::Value =
        serde_json::from_str(&read(&store, &page, "packages.json")).unwrap();
    assert_eq!(index[1][0], "come");
    assert_eq!(repository(&store, at, &now, Some(&before)).unwrap(), page, "no clock is in it");
}

#[test]
fn nothing_of_an_upstream_is_markup() {
    let (_folder, store) = opened();
    let hostile = yum(&store, &[(EVIL, EVIL)]);
    let page = repository(&store, place(&hostile.path).unwrap(), &hostile, None).unwrap();
    let html = read(&store, &page, "index.html");
    assert_eq!(html.matches("<script>").count(), 1, "ours alone");
    assert!(!html.contains("<img") && html.contains("&lt;script&gt;"), "{html}");
    let front = front(&store, &[&Tree { trust: EVIL.to_owned(), ..hostile }], false).unwrap();
    let html = read(&store, &front, "index.html");
    assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
}

#[test]
fn an_apt_page_takes_each_package_once_from_one_index_of_each_folder() {
    let (_folder, store) = opened();
    let packages = "Package: bash\nVersion: 5.2-1\nArchitecture: all\nSize: 10\nDescription: The shell\n more\nFilename: pool/b/bash_5.2-1_all.deb\n\n";
    let apt = tree(
        &store,
        "data/apt/debian",
        &[
            ("dists/a/main/binary-amd64/Packages", packages),
            ("dists/a/main/binary-arm64/Packages", packages),
            ("dists/a/main/binary-arm64/by-hash/SHA256/0", packages),
        ],
    );
    let page = repository(&store, place(&apt.path).unwrap(), &apt, None).unwrap();
    let html = read(&store, &page, "index.html");
    assert_eq!(html.matches("pool/b/bash_5.2-1_all.deb").count(), 1);
    assert!(html.contains("1 packages") && html.contains("The shell</td>"));
    assert!(place(&rel("data/files/x")).is_none());
}

#[test]
fn nothing_of_an_image_is_markup_and_an_equal_page_is_made_once() {
    let (_folder, store) = opened();
    let fed = |repository: &str, signer: Option<&str>| {
        serde_json::json!({
            "asked": "", "chosen": true, "repository": repository, "tag": "1", "digest": "sha256:0",
            "platforms": ["linux/amd64", EVIL], "size": 2048, "fed": "2026-01-02T03:04:05Z",
            "signer": signer, "previous": "sha256:1",
        })
    };
    let told =
        serde_json::json!({ "images": { "a:1": fed("a", None), "b:1": fed(EVIL, Some(EVIL)) } });
    let record: Record = serde_json::from_value(told).unwrap();
    let unlisted = ["b:1".to_owned()];
    let page = images(&store, "regi01.example:5000", &record, &unlisted).unwrap().unwrap();
    let html = read(&store, &page, "index.html");
    assert_eq!(html.matches("<script>").count(), 1, "ours alone");
    assert!(!html.contains("<img") && html.contains("&lt;script&gt;"), "{html}");
    for told in [
        "<td>a</td><td>1</td><td>linux/amd64, ",
        "2.0 KiB",
        "2026-01-02 03:04</td><td></td>",
        "1.previous: sha256:1",
        "no longer listed",
    ] {
        assert!(html.contains(told), "{told}\n{html}");
    }
    let front = front(&store, &[], true).unwrap();
    assert!(read(&store, &front, INDEX).contains("href=\"/pages/regi/\""));
    let scope = rel("data/pages");
    store.publish(&scope, vec![page, front], &[]).unwrap();
    assert_eq!(images(&store, "regi01.example:5000", &record, &unlisted).unwrap(), None);
}
