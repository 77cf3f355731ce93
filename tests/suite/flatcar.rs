//! Flatcar by the template of `[[files]]`: a folder for each channel's version, and beside each image its digests, signed inside.

use std::path::Path;
use std::process::Command;

use suite::repositories::SigningKey;
use suite::upstream::{Fault, Upstream};
use suite::{Site, run};

const IMAGES: [&str; 2] =
    ["flatcar_production_pxe.vmlinuz", "flatcar_production_pxe_image.cpio.gz"];

/// One version as Flatcar lays it out: digests of all strengths in one list for each image.
fn release(folder: &Path, version: &str, key: &SigningKey) {
    fs_err::create_dir_all(folder).expect("a folder");
    let told = format!("FLATCAR_VERSION={version}\nFLATCAR_VERSION_ID={version}\n");
    fs_err::write(folder.join("version.txt"), told).expect("written");
    for image in IMAGES {
        fs_err::write(folder.join(image), format!("{image} of {version}\n")).expect("written");
        let digest = |(title, tool): (&str, &str)| {
            let told = run(Command::new(tool).arg(image).current_dir(folder)).ok();
            format!("# {title} HASH\n{told}")
        };
        let tools = [("MD5", "md5sum"), ("SHA1", "sha1sum"), ("SHA512", "sha512sum")];
        let digests = folder.join(format!("{image}.DIGESTS"));
        fs_err::write(&digests, tools.map(digest).concat()).expect("written");
        key.sign_inside(&digests, &folder.join(format!("{image}.DIGESTS.asc")));
    }
}

#[test]
fn flatcar_comes_by_its_signed_digests_and_follows_its_channel() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = SigningKey::made_in(folder.path());
    let public = folder.path().join("key.asc");
    key.export(&public);
    let served = folder.path().join("served");
    let current = served.join("amd64-usr/current");
    release(&current, "4230.2.1", &key);
    let upstream = Upstream::serving(&served);

    let site = Site::new();
    let lists = IMAGES.map(|image| {
        format!(
            "[[files.listed]]\nsums = \"{}{{arch}}-usr/{{version}}/{image}.DIGESTS.asc\"\nkeys = [\"{}\"]\n\
             into = \"{{arch}}\"\nversions = [\"current\"]\narchitectures = [\"amd64\"]\n",
            upstream.url(""),
            public.display()
        )
    });
    site.configure("data.toml", &format!("[[files]]\nname = \"flatcar\"\n{}", lists.concat()));
    let tree = site.state("store/published/current/data/files/flatcar/amd64");
    let read = |name: &str| fs_err::read_to_string(tree.join(name)).expect("it is served");
    let all_of = |version: &str| {
        for image in IMAGES {
            assert_eq!(read(image), format!("{image} of {version}\n"));
        }
    };
    site.runctl(&["feed", "data"]).ok();
    all_of("4230.2.1");
    assert!(read(&format!("{}.DIGESTS.asc", IMAGES[0])).contains("# SHA512 HASH"));

    release(&current, "4230.2.2", &key);
    upstream.break_file(IMAGES[1], Fault::Corrupt);
    let told = site.runctl(&["feed", "data"]).fails();
    assert!(told.contains(IMAGES[1]), "{told}");
    all_of("4230.2.1");
    upstream.heal();
    site.runctl(&["feed", "data"]).ok();
    all_of("4230.2.2");

    // Signed by nobody that is known.
    let other = folder.path().join("other");
    fs_err::create_dir(&other).expect("a folder");
    release(&current, "4230.2.3", &SigningKey::made_in(&other));
    site.runctl(&["feed", "data"]).fails_with(16);
    all_of("4230.2.2");
}
