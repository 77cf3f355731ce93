//! What an archive becomes, and images that are none.

use super::*;

fn iso(into: Option<&str>) -> Iso {
    Iso { path: "/srv/x.iso".into(), into: into.map(str::to_owned), sha256: None }
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    (folder, store)
}

fn archive(links: &[(&str, &str, EntryType)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, text) in [("./linux", "kernel"), ("./Packages/a-1.rpm", "package")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        builder.append_data(&mut header, name, text.as_bytes()).expect("it fits");
    }
    for (name, target, kind) in links {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_size(0);
        builder.append_link(&mut header, name, target).expect("it fits");
    }
    builder.into_inner().expect("it is whole")
}

#[test]
fn files_become_objects_and_links_the_files_that_they_lead_to() {
    let (_folder, store) = store();
    let links = [
        ("Packages/second", "../vmlinuz", EntryType::Symlink),
        ("vmlinuz", "linux", EntryType::Symlink),
        ("same", "linux", EntryType::Link),
        ("self", ".", EntryType::Symlink),
        ("out", "../../etc/passwd", EntryType::Symlink),
    ];
    let laid = iso(Some("os")).unpack(&archive(&links)[..], &store).expect("sound");
    let kernel = Sha256::of(b"kernel");
    for name in ["os/linux", "os/vmlinuz", "os/same", "os/Packages/second"] {
        assert_eq!(laid.files[&RelPath::new(name).expect("a path")].sha256, kernel, "{name}");
    }
    assert_eq!(laid.files.len(), 5);
    assert_eq!(laid.left_out, ["self -> .", "out -> ../../etc/passwd"]);
    assert!(store.holds(&kernel));
}

#[test]
fn what_is_cut_off_or_no_image_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.iso");
    let image = Iso { path: path.clone(), ..iso(None) };
    fs::write(&path, "no image").expect("written");
    assert!(image.check().expect_err("too short").to_string().contains("no volume descriptor"));
    let mut bytes = vec![0; 40 << 10];
    bytes[16 << 11..][..6].copy_from_slice(STANDARD);
    bytes[(16 << 11) + 80] = 100;
    bytes[(16 << 11) + 129] = 8;
    fs::write(&path, &bytes).expect("written");
    let error = image.check().expect_err("cut off");
    assert!(error.to_string().ends_with("it has 40960 of its 204800 bytes"), "{error}");
    bytes.resize(100 << 11, 0);
    fs::write(&path, &bytes).expect("written");
    assert_eq!(image.check().expect("whole"), 100 << 11);
    let other = Iso { sha256: Some(Sha256::of(b"")), ..image };
    assert_eq!(other.check().expect_err("another").class(), Class::Verification);
}
