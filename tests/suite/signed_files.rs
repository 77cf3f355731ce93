//! Files that a signature of their own proves, as gpg makes it.

use std::fmt::Write as _;
use std::process::Command;

use suite::repositories::SigningKey;
use suite::upstream::{Fault, Upstream};
use suite::{Site, run};

#[test]
fn a_file_is_served_as_it_was_signed_and_not_otherwise() {
    let (site, folder) = (Site::new(), tempfile::tempdir().expect("a folder"));
    let key = SigningKey::made_in(folder.path());
    key.export(&folder.path().join("key.asc"));
    let served = folder.path().join("served");
    fs_err::create_dir_all(&served).expect("a folder");
    let mut told = "[[files]]\nname = \"vendor\"\n".to_owned();
    let upstream = Upstream::serving(&served);
    for (name, end) in [("version.txt", ".asc"), ("image.bin", ".sig")] {
        let file = served.join(name);
        fs_err::write(&file, name.repeat(100_000)).expect("a file is written");
        key.sign_beside(&file);
        if end == ".sig" {
            let [armoured, bare] = [".asc", end].map(|end| served.join(format!("{name}{end}")));
            run(Command::new("gpg").args(["--dearmor", "--output"]).arg(bare).arg(&armoured)).ok();
            fs_err::remove_file(armoured).expect("it goes");
        }
        let (url, key) = (upstream.url(name), folder.path().join("key.asc"));
        let key = key.display();
        write!(told, "[[files.file]]\nname = \"{name}\"\nurls = [\"{url}\"]\nkeys = [\"{key}\"]\n")
            .expect("a text grows");
    }
    site.configure("data.toml", &told);
    upstream.break_file("image.bin", Fault::Corrupt);
    let said = site.runctl(&["feed", "data"]).fails_with(16);
    assert!(said.contains("image.bin"), "{said}");
    upstream.heal();
    site.runctl(&["feed", "data"]).ok();
    let at = site.state("store/published/current/data/files/vendor");
    for name in ["version.txt", "version.txt.asc", "image.bin", "image.bin.sig"] {
        let (here, there) = (fs_err::read(at.join(name)), fs_err::read(served.join(name)));
        assert_eq!(here.expect("it is served"), there.expect("it is there"), "{name}");
    }
}
