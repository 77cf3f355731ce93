//! gito and cgit: a repository is mirrored, cloned over ssh, pushed to, and shown.

use std::path::Path;
use std::process::Command;

use suite::site::engine_answers;
use suite::{Finished, Site, run};

pub(crate) fn git(folder: &Path, arguments: &[&str]) -> Finished {
    run(Command::new("git")
        .args([
            "-c",
            "user.name=Suite",
            "-c",
            "user.email=suite@example",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .current_dir(folder))
}

/// git over ssh with the site administrator's key.
fn git_as_admin(site: &Site, folder: &Path, arguments: &[&str]) -> Finished {
    let ssh = format!(
        "ssh -i {} -o IdentitiesOnly=yes -o BatchMode=yes -o UserKnownHostsFile={} -o StrictHostKeyChecking=accept-new",
        site.state("secrets/gito/admin").display(),
        site.path("known_hosts").display(),
    );
    run(Command::new("git").args(arguments).current_dir(folder).env("GIT_SSH_COMMAND", ssh))
}

pub(crate) fn upstream(folder: &Path) {
    git(folder, &["init", "-q"]).ok();
    fs_err::write(folder.join("README"), "first words\n").expect("a file is written");
    git(folder, &["add", "."]).ok();
    git(folder, &["commit", "-q", "-m", "Say the first words"]).ok();
    git(folder, &["tag", "v1"]).ok();
}

#[test]
fn a_mirrored_repository_is_cloned_over_ssh_and_shown() {
    if !engine_answers("gito and cgit") {
        return;
    }
    let site = Site::built();
    let folder = tempfile::tempdir().expect("a folder");
    let origin = folder.path().join("origin");
    fs_err::create_dir(&origin).expect("a folder");
    upstream(&origin);
    site.configure(
        "gito.toml",
        &format!(
            "[[git]]\nname = \"words\"\nurl = \"{}\"\nowner = \"Suite\"\ndescription = \"Some words\"\ncategory = \"proof\"\n",
            origin.display()
        ),
    );
    site.runctl(&["up", "gito", "cgit"]).ok();
    site.runctl(&["feed", "gito"]).ok();

    let url = format!("ssh://git@{}/words", site.address("gito"));
    git_as_admin(&site, folder.path(), &["clone", "-q", &url, "clone"]).ok();
    let clone = folder.path().join("clone");
    assert_eq!(git(&clone, &["rev-parse", "v1"]).ok(), git(&origin, &["rev-parse", "v1"]).ok());

    let page = |path: &str| {
        let url = format!("http://{}/{path}", site.address("cgit"));
        run(Command::new("curl").args(["--silent", "--show-error", "--fail", &url])).ok()
    };
    let index = page("");
    for word in ["words", "Some words", "Suite", "proof"] {
        assert!(index.contains(word), "{word} is not on the page:\n{index}");
    }
    assert!(page("words/log/").contains("Say the first words"));

    fs_err::write(origin.join("README"), "more words\n").expect("a file is written");
    git(&origin, &["commit", "-q", "-a", "-m", "Say more"]).ok();
    site.runctl(&["feed", "gito"]).ok();
    git_as_admin(&site, &clone, &["fetch", "-q"]).ok();
    assert_eq!(
        git(&clone, &["rev-parse", "origin/main"]).ok(),
        git(&origin, &["rev-parse", "main"]).ok()
    );
}

#[test]
fn a_stranger_is_turned_away() {
    if !engine_answers("gito") {
        return;
    }
    let site = Site::built();
    site.runctl(&["up", "gito"]).ok();
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("stranger");
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key)).ok();
    let asked = run(Command::new("ssh")
        .args(["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no"])
        .args(["-o", "UserKnownHostsFile=/dev/null", "-i"])
        .arg(&key)
        .arg(format!("git@{}", site.address("gito"))));
    assert!(asked.fails().contains("Permission denied"));
}
