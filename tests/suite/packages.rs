//! What is mirrored installs: dnf and apt take packages from data, apt with its signature checks on.

use std::path::Path;
use std::process::Command;

use suite::mirrored::{Mirrored, PACKAGES};
use suite::site::engine_answers;
use suite::{Finished, Site, run};

pub(crate) fn dnf(root: &Path, url: &str, arguments: &[&str]) -> Finished {
    dnf_from(root, &format!("baseurl={url}\ngpgcheck=0\n"), arguments)
}

/// dnf with folders of its own, and one repository that is described by these lines.
pub(crate) fn dnf_from(root: &Path, repository: &str, arguments: &[&str]) -> Finished {
    let folder = root.join("repos");
    fs_err::create_dir_all(&folder).expect("a folder for repositories");
    let repository = format!("[proof]\nname=proof\nenabled=1\n{repository}");
    fs_err::write(folder.join("proof.repo"), repository).expect("the repository is written");
    run(Command::new("dnf")
        .args(["--assumeyes", "--noplugins", "--releasever=9"])
        .arg(format!("--installroot={}", root.join("machine").display()))
        .arg(format!("--setopt=reposdir={}", folder.display()))
        .arg(format!("--setopt=cachedir={}", root.join("cache").display()))
        .args(arguments))
}

/// apt with folders of its own: its only source is data, its only key the site's.
pub(crate) fn apt(root: &Path, command: &str, arguments: &[&str]) -> Finished {
    let option = |name: &str, value: &str| format!("-o{name}={value}");
    let below = |path: &str| root.join(path).display().to_string();
    run(Command::new(command)
        .arg(option("Dir", &below("")))
        .arg(option("Dir::State::status", &below("var/lib/dpkg/status")))
        .arg(option("Dir::Bin::dpkg", "/usr/bin/dpkg"))
        .arg(option("DPkg::Options::", &format!("--root={}", root.display())))
        .arg(option("DPkg::Options::", "--force-depends"))
        .arg(option("APT::Sandbox::User", "root"))
        .arg(option("APT::Architecture", "amd64"))
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive"))
}

pub(crate) fn apt_root(root: &Path, source: &str) {
    for folder in [
        "etc/apt/apt.conf.d",
        "etc/apt/preferences.d",
        "etc/apt/trusted.gpg.d",
        "var/lib/dpkg/info",
        "var/lib/dpkg/updates",
        "var/lib/apt/lists/partial",
        "var/cache/apt/archives/partial",
        "var/log/apt",
    ] {
        fs_err::create_dir_all(root.join(folder)).expect("a folder of apt");
    }
    fs_err::write(root.join("var/lib/dpkg/status"), "").expect("nothing is installed yet");
    fs_err::write(root.join("etc/apt/sources.list"), source).expect("the source is written");
}

pub(crate) fn fetch(url: &str, to: &Path) {
    run(Command::new("curl").args(["--silent", "--show-error", "--fail", "-o"]).arg(to).arg(url))
        .ok();
}

#[test]
fn dnf_and_apt_install_from_what_was_mirrored() {
    if !engine_answers("packages from data") {
        return;
    }
    let mirrored = Mirrored::new(Site::built(), &PACKAGES);
    mirrored.site.runctl(&["up", "data"]).ok();
    mirrored.site.runctl(&["feed", "data"]).ok();
    let folder = tempfile::tempdir().expect("a folder");

    let root = folder.path().join("dnf");
    dnf(&root, &mirrored.url("yum/proof/"), &["install", "suite-hello"]).ok();
    for package in &PACKAGES[..2] {
        assert!(root.join("machine").join(package.installed_file()).exists(), "{}", package.name);
    }

    let root = folder.path().join("apt");
    let url = mirrored.url("apt/proof/");
    let key = folder.path().join("site.asc");
    fetch(&format!("{url}booddies-archive-keyring.asc"), &key);
    apt_root(&root, &format!("deb [signed-by={}] {url} stable main\n", key.display()));
    apt(&root, "apt-get", &["update", "--error-on=any"]).ok();
    apt(&root, "apt-get", &["install", "-y", "suite-hello"]).ok();
    for package in &PACKAGES[..2] {
        assert!(root.join(package.installed_file()).exists(), "{}", package.name);
    }
    let subset = apt(&root, "apt-cache", &["pkgnames", "suite-"]).ok();
    assert!(
        !subset.contains("suite-unrelated"),
        "the closure holds what nobody asked for: {subset}"
    );

    let other = folder.path().join("other.asc");
    mirrored.key.export(&other);
    let root = folder.path().join("distrusting");
    apt_root(&root, &format!("deb [signed-by={}] {url} stable main\n", other.display()));
    let refused = apt(&root, "apt-get", &["update", "--error-on=any"]).fails();
    assert!(refused.contains("NO_PUBKEY") || refused.contains("not signed"), "{refused}");
}

#[test]
fn data_serves_ranges_listings_and_every_kept_generation() {
    if !engine_answers("data") {
        return;
    }
    let mirrored = Mirrored::new(Site::built(), &PACKAGES);
    mirrored.site.runctl(&["up", "data"]).ok();
    mirrored.site.runctl(&["feed", "data"]).ok();
    let curl = |arguments: &[&str], path: &str| {
        run(Command::new("curl")
            .args(["--silent", "--fail"])
            .args(arguments)
            .arg(mirrored.url(path)))
        .ok()
    };
    let whole = curl(&[], "yum/proof/repodata/repomd.xml");
    assert_eq!(curl(&["--range", "5-14"], "yum/proof/repodata/repomd.xml"), whole[5..15]);
    assert!(curl(&[], "yum/proof/").contains("repodata"), "no listing");
    let current = mirrored.current().expect("a generation is served");
    let number =
        current.file_name().expect("generations are numbered").to_string_lossy().into_owned();
    let pinned = curl(&[], &format!("generations/{number}/yum/proof/repodata/repomd.xml"));
    assert_eq!(pinned, whole);
}
