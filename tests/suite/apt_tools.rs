//! What else reads APT repositories: apt-file its contents, debootstrap a minimal system, both with signatures checked.

use std::path::Path;
use std::process::Command;

use suite::repositories::{self, Package};
use suite::{Finished, run, skip};

use crate::apt_parts::Mirror;

const APT: Package = Package::plain("apt");
const SHELL: Package =
    Package { needs: &["suite-words"], priority: "required", ..Package::plain("suite-shell") };
const WORDS: Package = Package::plain("suite-words");
const OTHER: Package = Package { priority: "optional", ..Package::plain("suite-unrelated") };

fn mirror() -> Mirror {
    Mirror::of(|folder, key| repositories::apt(folder, &[APT, SHELL, WORDS, OTHER], key))
}

fn is_installed(tool: &str, what: &str) -> bool {
    let there = Command::new(tool).arg("--help").output().is_ok();
    if !there {
        skip(what, &format!("{tool} is not installed"));
    }
    there
}

#[test]
fn apt_file_finds_who_has_a_file() {
    if !is_installed("apt-file", "apt-file reads what was mirrored") {
        return;
    }
    let mirror = mirror();
    mirror.feed("suites = [\"stable\"]\ncontents = true\n").ok();
    let key = mirror.folder.path().join("key.asc");
    let machine = mirror.machine("contents", &key, "stable main");
    // The package of apt-file tells apt to fetch contents, too.
    let indexes = "etc/apt/apt.conf.d/50apt-file.conf";
    fs_err::copy(Path::new("/").join(indexes), machine.root.join(indexes)).expect("copied");
    let own = mirror.folder.path().join("apt.conf");
    let root = machine.root.display();
    let text = format!(
        "Dir \"{root}\";\nDir::State::status \"{root}/var/lib/dpkg/status\";\n\
         APT::Architecture \"amd64\";\nAPT::Sandbox::User \"root\";\n"
    );
    fs_err::write(&own, text).expect("written");
    let with = |command: &str, arguments: &[&str]| {
        run(Command::new(command).args(arguments).env("APT_CONFIG", &own))
    };
    with("apt-get", &["update", "--error-on=any"]).ok();
    let found = with("apt-file", &["search", "share/suite/suite-shell"]).ok();
    assert_eq!(found.trim(), "suite-shell: /usr/share/suite/suite-shell");
    let listed = with("apt-file", &["list", "suite-words"]).ok();
    assert_eq!(listed.trim(), "suite-words: /usr/share/suite/suite-words");
}

/// Bootstraps from what was published, believing one key alone.
fn debootstrap(mirror: &Mirror, key: &Path, into: &str, arguments: &[&str]) -> Finished {
    let (keyring, served) = (mirror.folder.path().join("keyring.gpg"), mirror.serve("proof"));
    run(Command::new("gpg")
        .args(["--batch", "--yes", "--dearmor", "--output"])
        .args([&keyring, key]))
    .ok();
    run(Command::new("debootstrap")
        .args(["--arch=amd64", "--variant=minbase", "--force-check-gpg"])
        .arg(format!("--keyring={}", keyring.display()))
        .args(arguments)
        .arg("stable")
        .arg(mirror.folder.path().join(into))
        .arg(served.url("")))
}

#[test]
fn debootstrap_fetches_a_minimal_system_that_is_signed() {
    if !is_installed("debootstrap", "debootstrap fetches what was mirrored") {
        return;
    }
    let mirror = mirror();
    let upstreams = mirror.folder.path().join("key.asc");
    for (lines, is_part) in [("", false), ("packages = [\"apt\"]\n", true)] {
        mirror.feed(&format!("suites = [\"stable\"]\n{lines}")).ok();
        let sites = mirror.folder.path().join("site.asc");
        if is_part {
            fs_err::copy(mirror.site_key(), &sites).expect("it is served");
        }
        let (key, other) = if is_part { (&sites, &upstreams) } else { (&upstreams, &sites) };
        let into = if is_part { "part" } else { "whole" };
        let printed = debootstrap(&mirror, key, into, &["--print-debs"]).ok();
        let mut names: Vec<_> = printed.split_whitespace().collect();
        names.sort_unstable();
        assert_eq!(names, ["apt", "suite-shell", "suite-words"]);

        debootstrap(&mirror, key, into, &["--download-only"]).ok();
        let archives = mirror.folder.path().join(into).join("var/cache/apt/archives");
        for name in names {
            assert!(archives.join(format!("{name}_1.0_all.deb")).exists(), "{name}");
        }
        if is_part {
            let refused = debootstrap(&mirror, other, "distrusting", &["--print-debs"]).fails();
            assert!(refused.contains("unknown key"), "{refused}");
        }
    }
}
