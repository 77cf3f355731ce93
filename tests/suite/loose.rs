//! Packages dropped into a folder become a repository that the site signs: dnf and createrepo read the same of them.

use std::path::Path;

use suite::{Site, run};

use crate::packages::dnf_from;
use crate::yum_parts::{SPECS, build};

/// What dnf knows of all packages: each query is one way to ask.
const QUERIES: [&[&str]; 6] = [
    &[
        "--queryformat",
        "%{name} %{evr} %{arch} %{size} %{installsize} %{buildtime} %{license} %{summary}",
    ],
    &["--provides"],
    &["--requires"],
    &["--recommends"],
    &["--list"],
    &["--location"],
];

/// All answers of dnf over one repository; the places of packages without what lies before their names.
fn known(folder: &Path, repository: &str) -> Vec<String> {
    let root = tempfile::tempdir_in(folder).expect("a folder");
    let ask = |query: &&[&str]| {
        let mut words = vec!["--quiet", "repoquery"];
        words.extend_from_slice(query);
        let told = dnf_from(root.path(), repository, &words).ok();
        let name =
            |line: &str| line.rsplit_once("noarch/").map_or(line, |(_, name)| name).to_owned();
        let mut lines: Vec<_> = told.lines().map(name).collect();
        lines.sort();
        lines.join("\n")
    };
    QUERIES.iter().map(ask).collect()
}

#[test]
fn a_folder_of_packages_is_told_as_createrepo_tells_it_and_installs() {
    let (site, folder) = (Site::new(), tempfile::tempdir().expect("a folder"));
    let loose = folder.path().join("loose");
    fs_err::create_dir(&loose).expect("a folder");
    for spec in &SPECS {
        build(&loose, spec);
    }
    site.configure(
        "data.toml",
        &format!("[[yum]]\nname = \"own\"\nfrom = \"dir:{}\"\n", loose.display()),
    );
    site.runctl(&["feed", "data"]).ok();
    let served = fs_err::canonicalize(site.state("store/published/current/data/yum/own"))
        .expect("it is served");

    let url = format!("file://{}", served.display());
    let signed =
        format!("baseurl={url}\nrepo_gpgcheck=1\ngpgcheck=0\ngpgkey={url}/RPM-GPG-KEY-booddies\n");
    let reference = folder.path().join("reference");
    run(std::process::Command::new("cp").arg("-r").arg(&loose).arg(&reference)).ok();
    run(std::process::Command::new("createrepo_c").arg("--quiet").arg(&reference)).ok();
    let unsigned = format!("baseurl=file://{}\ngpgcheck=0\n", reference.display());
    let (ours, theirs) = (known(folder.path(), &signed), known(folder.path(), &unsigned));
    assert_eq!(ours, theirs);

    let machine = folder.path().join("own");
    dnf_from(&machine, &signed, &["--setopt=install_weak_deps=0", "install", "lib"]).ok();
    assert!(machine.join("machine/usr/share/lib").exists());

    // Unchanged it is not read again, and stays the same tree.
    site.runctl(&["feed", "data"]).ok();
    let again = fs_err::canonicalize(site.state("store/published/current/data/yum/own"));
    assert_eq!(again.expect("it is served"), served);
}

#[test]
fn a_broken_package_is_blamed_by_its_file_and_nothing_changes() {
    let (site, folder) = (Site::new(), tempfile::tempdir().expect("a folder"));
    let loose = folder.path().join("loose");
    fs_err::create_dir(&loose).expect("a folder");
    build(&loose, &SPECS[1]);
    site.configure(
        "data.toml",
        &format!("[[yum]]\nname = \"own\"\nfrom = \"dir:{}\"\n", loose.display()),
    );
    site.runctl(&["feed", "data"]).ok();
    let current =
        || fs_err::canonicalize(site.state("store/published/current")).expect("it is served");
    let before = current();

    let whole = fs_err::read(loose.join("noarch/lib-1-1.noarch.rpm")).expect("a package");
    fs_err::write(loose.join("cut.rpm"), &whole[..whole.len() - 10]).expect("written");
    fs_err::write(loose.join("noise.rpm"), b"no package at all, although it is called one. It is long enough for a lead, though: 96 bytes.....").expect("written");
    let told = site.runctl(&["feed", "data"]).fails_with(11);
    assert!(told.contains("cut.rpm`: its payload is not what its header says"), "{told}");
    assert!(told.contains("noise.rpm`: it is no RPM package"), "{told}");
    assert_eq!(current(), before);
}
