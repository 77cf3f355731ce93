//! Whole configurations of hosts, as folders.

use super::*;

struct Host(tempfile::TempDir);

impl Host {
    fn new(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().expect("folder");
        for (path, text) in files {
            let path = root.path().join(path);
            fs_err::create_dir_all(path.parent().expect("a folder")).expect("folder");
            fs_err::write(path, text).expect("file");
        }
        Self(root)
    }

    fn sources(&self) -> Result<Vec<HostSource>, Error> {
        host_sources(self.0.path())
    }
}

const RELEASE: (&str, &str) = ("etc/os-release", "ID=debian\nVERSION_CODENAME=\"test\"\n");

#[test]
fn both_styles_are_read_and_third_parties_left_out() {
    let host = Host::new(&[
        RELEASE,
        ("etc/apt/sources.list", "deb http://a.example/debian test main\n"),
        ("etc/apt/sources.list.d/third.list", "deb http://b.example/apt testing-tools main\n"),
        (
            "etc/apt/sources.list.d/security.sources",
            "Types: deb\nURIs: http://c.example/sec\nSuites: test-security nodistro\nComponents: main\nSigned-By: /k.gpg\n",
        ),
        ("etc/apt/sources.list.d/old.sources.save", "garbage"),
        ("etc/apt/trusted.gpg.d/b.asc", ""),
        ("etc/apt/trusted.gpg.d/a.gpg", ""),
    ]);
    let sources = host.sources().expect("readable");
    let suites: Vec<_> = sources.iter().map(|one| one.suites.join(" ")).collect();
    assert_eq!(suites, ["test", "test-security"]);
    let root = host.0.path();
    let trusted = ["etc/apt/trusted.gpg.d/a.gpg", "etc/apt/trusted.gpg.d/b.asc"];
    let trusted = trusted.map(|name| root.join(name)).to_vec();
    assert_eq!(sources[0].signed_by, Trust::Files(trusted));
    assert_eq!(sources[1].signed_by, Trust::Files(vec![root.join("k.gpg")]));
}

#[test]
fn lists_of_mirrors_are_followed_and_media_passed_over() {
    let host = Host::new(&[
        RELEASE,
        (
            "etc/apt/sources.list",
            "deb mirror+file:/etc/apt/mirrors.txt test main\ndeb cdrom:[x]/ test main\n",
        ),
        ("etc/apt/mirrors.txt", "http://a.example/ priority:1\n# no\nhttp://b.example/\n"),
    ]);
    let sources = host.sources().expect("readable");
    assert_eq!(sources.len(), 1);
    assert_eq!(sources[0].urls.len(), 2);
}

#[test]
fn what_is_not_understood_is_told() {
    let told = |list: &str| {
        let host = Host::new(&[RELEASE, ("etc/apt/sources.list", list)]);
        host.sources().expect_err("not understood").to_string()
    };
    assert!(told("deb [signed-by=ABCDEF] http://a.example/ test main\n").contains("names no file"));
    assert!(told("deb http://user:secret@[x/ test main\n").contains("an address is wrong"));
    assert!(!told("deb http://user:secret@[x/ test main\n").contains("secret"));
    assert!(told("").contains("no APT source for its release `test`"));
}
