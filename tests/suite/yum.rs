//! YUM upstreams of every kind: metalinks with mirrors that lie, signed packages, installation trees.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::Digest as _;
use suite::Site;
use suite::repositories::{self, Package, SigningKey};
use suite::upstream::{Fault, Upstream};

use crate::packages::dnf_from;

const HELLO: [Package; 1] = [Package::plain("suite-hello")];
const OTHER: [Package; 1] = [Package::plain("suite-other")];
const HELLO_FILE: &str = "noarch/suite-hello-1.0-1.noarch.rpm";

/// A signed repository in a folder that is served, and a site that mirrors from there.
struct World {
    site: Site,
    upstream: Upstream,
    key: SigningKey,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = SigningKey::made_in(folder.path());
        key.export(&folder.path().join("key.asc"));
        let served = folder.path().join("served");
        repositories::yum(&served.join("os"), &HELLO, &key);
        Self { site: Site::new(), upstream: Upstream::serving(&served), key, folder }
    }

    fn served(&self, path: &str) -> PathBuf {
        self.folder.path().join("served").join(path)
    }

    fn configure(&self, lines: &str) {
        let key = self.folder.path().join("key.asc");
        let text = format!("[[yum]]\nname = \"proof\"\nkeys = [\"{}\"]\n{lines}\n", key.display());
        self.site.configure("data.toml", &text);
    }

    fn source(&self) -> String {
        format!("urls = [\"{}\"]\n", self.upstream.url("os/"))
    }

    /// A file of the mirrored repository as it is served now, if it is.
    fn mirrored(&self, path: &str) -> Option<Vec<u8>> {
        fs_err::read(self.tree().join(path)).ok()
    }

    fn tree(&self) -> PathBuf {
        self.site.state("store/published/current/data/yum/proof")
    }
}

fn sha256(file: &Path) -> String {
    let digest = sha2::Sha256::digest(fs_err::read(file).expect("it is there"));
    digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// A metalink that names mirrors, best first, and vouches for the `repomd.xml` of this digest.
fn metalink(mirrors: &[String], sha256: &str) -> String {
    let urls = mirrors.iter().enumerate().map(|(index, base)| {
        let preference = 100 - index;
        format!(
            "<url protocol=\"http\" preference=\"{preference}\">{base}repodata/repomd.xml</url>"
        )
    });
    format!(
        "<metalink version=\"3.0\"><files><file name=\"repomd.xml\"><verification>\
         <hash type=\"md5\">00</hash><hash type=\"sha256\">{sha256}</hash></verification>\
         <resources>{}</resources></file></files></metalink>",
        urls.collect::<String>()
    )
}

#[test]
fn a_metalink_sees_through_a_lying_mirror_and_takes_each_file_where_it_is_whole() {
    let world = World::new();
    repositories::yum(&world.served("liar"), &OTHER, &world.key);
    suite::run(
        std::process::Command::new("cp").arg("-r").args([world.served("os"), world.served("half")]),
    )
    .ok();
    let broken = format!("half/{HELLO_FILE}");
    world.upstream.break_file(&broken, Fault::Corrupt);
    let mirrors = ["liar/", "half/", "os/"].map(|path| world.upstream.url(path));
    let repomd = sha256(&world.served("os/repodata/repomd.xml"));
    fs_err::write(world.served("metalink"), metalink(&mirrors, &repomd)).expect("written");
    world.configure(&format!("metalink = \"{}\"", world.upstream.url("metalink")));

    let fed = world.site.runctl(&["feed", "data"]);
    let told = fed.stderr.clone();
    fed.ok();
    assert!(told.contains("liar/ is of no use") && told.contains("metalink"), "{told}");
    assert!(told.contains(&broken), "who sent a wrong package is not named: {told}");
    let whole = fs_err::read(world.served("os").join(HELLO_FILE)).expect("it is there");
    assert_eq!(world.mirrored(HELLO_FILE), Some(whole));

    // Now it vouches for what no mirror has.
    fs_err::write(world.served("metalink"), metalink(&mirrors, &"0".repeat(64))).expect("written");
    let refused = world.site.runctl(&["feed", "data"]).fails_with(16);
    assert!(refused.contains("none of those that the metalink vouches for"), "{refused}");
    assert!(world.mirrored(HELLO_FILE).is_some(), "what was served is gone");
}

#[test]
fn a_mirror_list_is_asked_in_order() {
    let world = World::new();
    let list =
        format!("# mirrors\n{}\n{}\n", world.upstream.url("gone/"), world.upstream.url("os/"));
    fs_err::write(world.served("list"), list).expect("written");
    world.configure(&format!("mirrorlist = \"{}\"", world.upstream.url("list")));
    world.site.runctl(&["feed", "data"]).ok();
    assert!(world.mirrored(HELLO_FILE).is_some());
    assert_eq!(
        world.upstream.asked(&format!("gone/{HELLO_FILE}")),
        0,
        "a mirror that had nothing was asked again"
    );
}

#[test]
fn packages_must_be_signed_by_the_keys_and_install_with_the_key_beside_them() {
    let world = World::new();
    world.configure(&(world.source() + "signed = [\"metadata\", \"packages\"]"));
    let refused = world.site.runctl(&["feed", "data"]).fails_with(16);
    assert!(refused.contains(HELLO_FILE) && refused.contains("there is no signature"), "{refused}");
    assert!(world.mirrored(HELLO_FILE).is_none(), "what is not signed is served");

    let package = world.served("os").join(HELLO_FILE);
    let strangers = world.folder.path().join("stranger");
    fs_err::create_dir_all(&strangers).expect("a folder");
    let stranger = SigningKey::made_in(&strangers);
    stranger.sign_package(&package);
    repositories::index_yum(&world.served("os"), &world.key);
    let refused = world.site.runctl(&["feed", "data"]).fails_with(16);
    assert!(refused.contains(HELLO_FILE) && refused.contains("not in the keyring"), "{refused}");
    assert!(world.mirrored(HELLO_FILE).is_none(), "what a stranger signed is served");

    world.key.sign_package(&package);
    repositories::index_yum(&world.served("os"), &world.key);
    let told = world.site.runctl(&["feed", "data"]).ok();
    assert!(told.contains("packages by"), "{told}");
    let tree = format!("file://{}/", world.tree().display());
    let repository =
        format!("baseurl={tree}\ngpgkey={tree}RPM-GPG-KEY-key\ngpgcheck=1\nrepo_gpgcheck=1\n");
    let root = world.folder.path().join("dnf");
    dnf_from(&root, &repository, &["install", "suite-hello"]).ok();
    assert!(root.join("machine").join(HELLO[0].installed_file()).exists());

    // The signature alone vouches where nothing else does: so it has to reach the payload.
    world.configure(&(world.source() + "signed = [\"packages\"]"));
    world.site.runctl(&["feed", "data"]).ok();
    let mut bytes = fs_err::read(&package).expect("it is there");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs_err::write(&package, bytes).expect("written");
    repositories::index_yum(&world.served("os"), &world.key);
    let refused = world.site.runctl(&["feed", "data"]).fails_with(16);
    assert!(refused.contains("its payload is not what its header says"), "{refused}");
}

#[test]
fn an_installation_tree_comes_with_its_images_each_by_its_digest() {
    let world = World::new();
    let images = [
        "images/pxeboot/vmlinuz",
        "images/pxeboot/initrd.img",
        "images/install.img",
        "images/boot.iso",
    ];
    let mut treeinfo =
        "[images-x86_64]\nkernel = images/pxeboot/vmlinuz\ninitrd = images/pxeboot/initrd.img\n\
        boot.iso = images/boot.iso\n[stage2]\nmainimage = images/install.img\n[checksums]\n"
            .to_owned();
    for image in images {
        let file = world.served("os").join(image);
        fs_err::create_dir_all(file.parent().expect("it has a folder")).expect("a folder");
        fs_err::write(&file, format!("this is {image}")).expect("written");
        writeln!(treeinfo, "{image} = sha256:{}", sha256(&file)).expect("a text grows");
    }
    let repomd = world.served("os/repodata/repomd.xml");
    writeln!(treeinfo, "repodata/repomd.xml = sha256:{}", sha256(&repomd)).expect("a text grows");
    fs_err::write(world.served("os/.treeinfo"), treeinfo).expect("written");
    let lines = world.source() + "tree = true\ntreeinfo_trust = \"none\"";
    world.configure(&lines);

    world.upstream.break_file("images/install.img", Fault::Corrupt);
    world.site.runctl(&["feed", "data"]).fails();
    assert!(world.mirrored(HELLO_FILE).is_none(), "a tree without its image is served");
    world.upstream.heal();
    let told = world.site.runctl(&["feed", "data"]).ok();
    assert!(told.contains(".treeinfo none"), "{told}");
    for image in &images[..3] {
        assert_eq!(world.mirrored(image), Some(format!("this is {image}").into_bytes()));
    }
    assert!(world.mirrored(images[3]).is_none(), "an image of media came along");
    assert!(
        world.mirrored(".treeinfo").is_some()
            && world.mirrored("repodata/repomd.xml.asc").is_some()
    );

    world.configure(&lines.replace("true", "\"all\""));
    world.site.runctl(&["feed", "data"]).ok();
    assert!(world.mirrored(images[3]).is_some());
}
