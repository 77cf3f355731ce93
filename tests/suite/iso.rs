//! An ISO image that was carried in becomes a tree that is served; one that is cut off, or another, changes nothing.

use std::path::Path;
use std::process::Command;

use suite::{Site, run};

/// A name as packages have it, longer than ISO 9660 alone knows.
const PACKAGE: &str = "Packages/k/kernel-core-5.14.0-427.13.1.el9_4.x86_64.rpm";

/// Makes an image such as a distribution's DVD, by libarchive.
fn image(folder: &Path) -> std::path::PathBuf {
    let (content, image) = (folder.join("content"), folder.join("dvd.iso"));
    fs_err::create_dir_all(content.join("Packages/k")).expect("a folder");
    fs_err::create_dir_all(content.join("images/pxeboot")).expect("a folder");
    for (name, text) in
        [(PACKAGE, "package"), ("images/pxeboot/vmlinuz", "kernel"), (".treeinfo", "[general]\n")]
    {
        fs_err::write(content.join(name), text).expect("written");
    }
    fs_err::os::unix::fs::symlink("images/pxeboot/vmlinuz", content.join("vmlinuz"))
        .expect("a link");
    fs_err::os::unix::fs::symlink(".", content.join("self")).expect("a link");
    let mut bsdtar = Command::new("bsdtar");
    bsdtar.args(["--create", "--format", "iso9660", "--options", "rockridge", "--file"]);
    run(bsdtar.arg(&image).arg("--directory").arg(&content).arg(".")).ok();
    image
}

fn configured(site: &Site, image: &Path, more: &str) {
    let iso = format!("[[files.iso]]\npath = \"{}\"\ninto = \"9\"\n{more}", image.display());
    site.configure("data.toml", &format!("[[files]]\nname = \"dvd\"\n{iso}"));
}

#[test]
fn an_image_becomes_a_tree_and_a_broken_one_changes_nothing() {
    let (site, folder) = (Site::new(), tempfile::tempdir().expect("a folder"));
    let image = image(folder.path());
    let sum = run(Command::new("sha256sum").arg(&image)).ok();
    configured(&site, &image, &format!("sha256 = \"{}\"\n", &sum[..64]));
    let told = site.runctl(&["feed", "data"]);
    assert!(told.stderr.contains("left out links to no file: self -> ."), "{}", told.stderr);
    told.ok();
    let tree = site.state("store/published/current/data/files/dvd");
    let served = fs_err::canonicalize(&tree).expect("it is served");
    let read = |name: &str| fs_err::read_to_string(served.join("9").join(name)).expect("a file");
    assert_eq!((read(PACKAGE), read(".treeinfo")), ("package".into(), "[general]\n".into()));
    assert_eq!(
        (read("images/pxeboot/vmlinuz"), read("vmlinuz")),
        ("kernel".into(), "kernel".into())
    );

    // Unchanged it is not read again, and stays the same tree.
    let plan = site.runctl(&["feed", "data", "--plan"]).ok();
    assert!(plan.contains("nothing to fetch") || plan.contains(" 0 to fetch"), "{plan}");
    site.runctl(&["feed", "data"]).ok();
    assert_eq!(fs_err::canonicalize(&tree).expect("it is served"), served);

    configured(&site, &image, &format!("sha256 = \"{}\"\n", "a".repeat(64)));
    let told = site.runctl(&["feed", "data"]).fails_with(16);
    assert!(told.contains(&sum[..64]) && told.contains("is written down"), "{told}");

    let whole = fs_err::read(&image).expect("an image");
    fs_err::write(&image, &whole[..whole.len() / 2]).expect("written");
    configured(&site, &image, "");
    let told = site.runctl(&["feed", "data"]).fails_with(12);
    assert!(told.contains("dvd.iso is no whole ISO image: it has "), "{told}");
    assert_eq!(fs_err::canonicalize(&tree).expect("it is served"), served);
}
