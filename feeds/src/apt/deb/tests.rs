//! Packages made here, in every compression, with links of every kind.

use super::*;
use crate::compression::{gzip, xz};

enum Member {
    File(&'static str, &'static str),
    Symlink(&'static str, &'static str),
    Hardlink(&'static str, &'static str),
}

use Member::{File, Hardlink, Symlink};

const MEMBERS: &[Member] = &[
    File("./usr/lib/images/12/linux", "kernel"),
    File("./usr/lib/images/12/initrd.gz", "initrd"),
    Symlink("./usr/lib/images/current", "12"),
    Symlink("./usr/share/kernel", "/usr/lib/images/current/linux"),
    Hardlink("./usr/share/same", "./usr/lib/images/12/linux"),
    Symlink("./usr/share/up", "../lib/./images"),
    Symlink("./loop/a", "b"),
    Symlink("./loop/b", "a"),
    Symlink("./outside", "../../../../etc/passwd"),
];

fn data() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for member in MEMBERS {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        match member {
            File(path, text) => {
                header.set_size(text.len() as u64);
                tar.append_data(&mut header, path, text.as_bytes()).expect("file");
            }
            Symlink(path, target) | Hardlink(path, target) => {
                let hard = matches!(member, Hardlink(..));
                let kind = if hard { tar::EntryType::Link } else { tar::EntryType::Symlink };
                header.set_entry_type(kind);
                header.set_size(0);
                tar.append_link(&mut header, path, target).expect("link");
            }
        }
    }
    tar.into_inner().expect("tar")
}

/// A folder with a package whose data is the given bytes, and a store beside it.
fn package(name: &str, data: &[u8]) -> (tempfile::TempDir, PathBuf, Store) {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("x.deb");
    let mut outer = ar::Builder::new(fs_err::File::create(&path).expect("file"));
    for (name, bytes) in [("debian-binary", &b"2.0\n"[..]), ("control.tar.xz", b""), (name, data)] {
        let header = ar::Header::new(name.as_bytes().to_vec(), bytes.len() as u64);
        outer.append(&header, bytes).expect("member");
    }
    let store = Store::open(folder.path().join("store")).expect("store");
    (folder, path, store)
}

fn want(name: &str, path: &str) -> (RelPath, String) {
    (RelPath::new(name).expect("a path"), path.to_owned())
}

#[test]
fn files_are_taken_out_of_every_compression() {
    let plain = data();
    for (name, bytes) in [
        ("data.tar", plain.clone()),
        ("data.tar.gz", gzip(&plain).expect("compressed")),
        ("data.tar.xz", xz(&plain).expect("compressed")),
        ("data.tar.zst", zstd::encode_all(&plain[..], 1).expect("compressed")),
    ] {
        let (_folder, path, store) = package(name, &bytes);
        let taken = extract(&store, &path, &[want("linux", "usr/lib/images/12/linux")]);
        let taken = taken.expect("taken");
        assert_eq!(taken[0].0.as_str(), "linux");
        assert_eq!(store.read(&taken[0].1.sha256).expect("object"), b"kernel");
    }
}

#[test]
fn links_are_followed_inside_the_package() {
    let (_folder, path, store) = package("data.tar", &data());
    for member in ["/usr/share/kernel", "usr/share/same", "./usr/share/up/current/linux"] {
        let taken = extract(&store, &path, &[want("linux", member)]).expect(member);
        assert_eq!(store.read(&taken[0].1.sha256).expect("object"), b"kernel", "{member}");
    }
}

#[test]
fn one_file_may_be_wanted_under_two_names() {
    let (_folder, path, store) = package("data.tar", &data());
    let wanted = [
        want("a/linux", "usr/share/kernel"),
        want("b/linux", "usr/share/same"),
        want("initrd", "usr/lib/images/current/initrd.gz"),
    ];
    let mut names: Vec<_> = extract(&store, &path, &wanted)
        .expect("taken")
        .into_iter()
        .map(|(name, _)| name.as_str().to_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["a/linux", "b/linux", "initrd"]);
}

#[test]
fn what_is_not_there_is_told_at_once_and_nothing_leaves_the_package() {
    let (_folder, path, store) = package("data.tar", &data());
    let wanted = [want("a", "nosuch"), want("b", "loop/a"), want("c", "outside")];
    match extract(&store, &path, &wanted) {
        Err(Error::Missing { missing, .. }) => {
            assert_eq!(missing, ["`loop/a`", "`nosuch`", "`outside`"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_package_is_refused() {
    let (folder, path, store) = package("data.tar.lzma", b"");
    assert!(matches!(extract(&store, &path, &[]), Err(Error::NoPart { .. })));
    let other = folder.path().join("other");
    fs_err::write(&other, "garbage").expect("file");
    assert!(matches!(extract(&store, &other, &[]), Err(Error::Read { .. })));
}
