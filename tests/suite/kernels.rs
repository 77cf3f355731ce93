//! Kernels out of a distribution's own tree, proved by its list of checksums, and out of a folder that was carried in.

use sha2::{Digest as _, Sha256};
use suite::Site;
use suite::upstream::{Fault, Upstream};

const DISTRO: &str = r#"
title = "Own"
[[version]]
name = "1"
codename = "first"
[architectures]
x86_64 = "amd64"
[boot]
kernel = "linux"
initrds = ["initrd.gz"]
[tree]
sums = "dists/{{ version.codename }}/images/SHA256SUMS"
[tree.files]
"linux" = "dists/{{ version.codename }}/images/{{ architecture }}/linux"
"initrd.gz" = "dists/{{ version.codename }}/images/{{ architecture }}/initrd.gz"
[method.text]
arguments = "quiet"
"#;

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

/// A tree as a distribution serves it, and the sha256 of its list of checksums.
fn tree(folder: &std::path::Path) -> String {
    let images = folder.join("dists/first/images");
    fs_err::create_dir_all(images.join("amd64")).expect("a folder");
    let mut sums = String::new();
    for file in ["linux", "initrd.gz"] {
        fs_err::write(images.join("amd64").join(file), file).expect("a file");
        sums.extend([&hex(file.as_bytes()), "  ./amd64/", file, "\n"]);
    }
    fs_err::write(images.join("SHA256SUMS"), &sums).expect("a list");
    hex(sums.as_bytes())
}

fn kernel(source: &str) -> String {
    format!("[[kernel]]\nname = \"own-1\"\ndistro = \"own\"\nversion = \"1\"\n{source}\n")
}

#[test]
fn a_tree_is_proved_by_its_list_of_checksums() {
    let folder = tempfile::tempdir().expect("a folder");
    let sha256 = tree(folder.path());
    let upstream = Upstream::serving(folder.path());
    let site = Site::new();
    site.configure("distros/own.toml", DISTRO);
    let described = |sha256: &str| {
        kernel(&format!("[kernel.tree]\nurls = [\"{}\"]\nsha256 = \"{sha256}\"", upstream.url("")))
    };
    site.configure("boot.toml", &described(&"0".repeat(64)));
    let said = site.runctl(&["feed", "boot"]);
    assert_eq!(said.code, 16, "{}", said.stderr);
    assert!(said.stderr.contains("SHA256SUMS"), "{}", said.stderr);

    site.configure("boot.toml", &described(&sha256));
    upstream.break_file("amd64/linux", Fault::Corrupt);
    let said = site.runctl(&["feed", "boot"]);
    assert_eq!(said.code, 16, "{}", said.stderr);
    assert!(said.stderr.contains("linux"), "{}", said.stderr);
    assert!(!site.state("store/published/current").exists());

    upstream.heal();
    site.runctl(&["feed", "boot"]).ok();
    let served = site.state("store/published/current/boot/own-1");
    assert_eq!(fs_err::read_to_string(served.join("linux")).expect("it is served"), "linux");
    assert!(served.join("initrd.gz").exists());
}

#[test]
fn media_that_was_carried_in_is_served_as_it_lies() {
    let folder = tempfile::tempdir().expect("a folder");
    for (file, text) in [("linux", "k"), ("deep/initrd.gz", "i")] {
        let path = folder.path().join(file);
        fs_err::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs_err::write(path, text).expect("a file");
    }
    let site = Site::new();
    let distro = DISTRO.replace("initrds = [\"initrd.gz\"]", "initrds = [\"deep/initrd.gz\"]");
    site.configure("distros/own.toml", &distro);
    site.configure("boot.toml", &kernel(&format!("folder = \"{}\"", folder.path().display())));
    site.runctl(&["check"]).ok();
    site.runctl(&["feed", "boot"]).ok();
    let served = site.state("store/published/current/boot/own-1/deep/initrd.gz");
    assert_eq!(fs_err::read_to_string(served).expect("it is served"), "i");
}
