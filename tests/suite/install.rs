//! `install.sh`, staged into a folder: what it lays down, what it leaves alone, what it takes away.
//!
//! A stand-in for cargo makes a stand-in for runctl, so that a whole run takes a second.

use std::path::{Path, PathBuf};
use std::process::Command;

use suite::{Finished, run};

struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let stage = Self { folder };
        stage.program("cargo", "exit 0");
        stage.program("target/release/runctl", "echo \"# completions for $2\"");
        stage.program("target/release/rack", "exit 0");
        stage
    }

    fn program(&self, path: &str, body: &str) {
        let path = self.folder.path().join(path);
        fs_err::create_dir_all(path.parent().expect("it lies in a folder")).expect("a folder");
        fs_err::write(&path, format!("#!/bin/sh\n{body}\n")).expect("a program is written");
        run(Command::new("chmod").arg("755").arg(path)).ok();
    }

    fn install(&self, arguments: &[&str]) -> Finished {
        let here = self.folder.path().display();
        run(Command::new(suite::repository().join("install.sh"))
            .args(arguments)
            .env("DESTDIR", self.root())
            .env("PREFIX", "/opt/booddies")
            .env("CARGO_TARGET_DIR", self.folder.path().join("target"))
            .env("PATH", format!("{here}:{}", env!("PATH"))))
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn read(&self, path: &str) -> String {
        fs_err::read_to_string(self.root().join(path)).expect("it was installed")
    }

    fn holds(&self, path: &str) -> bool {
        self.root().join(path).exists()
    }
}

#[test]
fn everything_has_its_place() {
    let stage = Stage::new();
    let said = stage.install(&[]).ok();
    assert!(said.contains(":: install runctl … done"), "{said}");
    for path in [
        "opt/booddies/bin/runctl",
        "opt/booddies/libexec/booddies/rack",
        "opt/booddies/share/booddies/images",
        "opt/booddies/share/bash-completion/completions/runctl",
        "opt/booddies/share/zsh/site-functions/_runctl",
        "opt/booddies/share/fish/vendor_completions.d/runctl.fish",
        "opt/booddies/share/doc/booddies/docs/operating.md",
        "etc/booddies/site.toml",
        "etc/systemd/system/booddies.target",
        "etc/systemd/system/boot.service.d/booddies-sandbox.conf",
        "etc/systemd/system/runctl-feed@.timer",
        "var/lib/booddies",
    ] {
        assert!(stage.holds(path), "{path} is not there");
    }
    let unit = stage.read("etc/systemd/system/data.service");
    assert!(unit.contains("ExecStart=/opt/booddies/bin/runctl run data"), "{unit}");
    let gito = stage.read("etc/booddies/gito.toml");
    assert!(gito.contains("\"/opt/booddies/share/booddies/booddies.git\""), "{gito}");
    let log = stage.read("opt/booddies/share/booddies/booddies.git/HEAD");
    assert!(log.starts_with("ref: ") || log.len() > 39, "{log}");
}

#[test]
fn changed_configuration_is_kept_and_the_new_one_laid_beside() {
    let stage = Stage::new();
    stage.install(&[]).ok();
    let shipped = stage.read("etc/booddies/site.toml");
    let changed = stage.root().join("etc/booddies/site.toml");
    fs_err::write(&changed, "domain = \"mine.lan\"\n").expect("the operator writes");
    let said = stage.install(&[]).ok();
    assert_eq!(stage.read("etc/booddies/site.toml"), "domain = \"mine.lan\"\n");
    assert_eq!(stage.read("etc/booddies/site.toml.new"), shipped);
    assert!(said.contains("site.toml.new"), "{said}");
    assert!(!stage.holds("etc/booddies/boot.toml.new"), "an unchanged file has no .new");
}

#[test]
fn unchanged_configuration_of_an_older_release_is_updated() {
    let stage = Stage::new();
    stage.install(&[]).ok();
    let current = stage.read("etc/booddies/boot.toml");
    // As if an older release had shipped another text, untouched since.
    let file = stage.root().join("etc/booddies/boot.toml");
    fs_err::write(&file, "# older\n").expect("the older file is written");
    let sums = stage.root().join("opt/booddies/share/booddies/shipped.sha256");
    let sum = run(Command::new("sha256sum").arg(&file)).ok();
    let sum = sum.split_whitespace().next().expect("a sum").to_owned();
    fs_err::write(sums, format!("{sum}  boot.toml\n")).expect("its sum is written");
    stage.install(&[]).ok();
    assert_eq!(stage.read("etc/booddies/boot.toml"), current);
    assert!(!stage.holds("etc/booddies/boot.toml.new"));
}

#[test]
fn uninstalling_keeps_data_and_changed_configuration_only() {
    let stage = Stage::new();
    stage.install(&[]).ok();
    let root = stage.root();
    fs_err::write(root.join("etc/booddies/site.toml"), "# mine\n").expect("the operator writes");
    fs_err::write(root.join("var/lib/booddies/precious"), "data").expect("a service writes");
    stage.install(&["--uninstall"]).ok();
    assert_eq!(
        files(&root),
        ["etc/booddies/site.toml", "var/lib/booddies/precious", "var/log/booddies/install.log"]
    );
    stage.install(&["--purge"]).ok();
    assert_eq!(files(&root), Vec::<String>::new());
}

#[test]
fn a_failing_step_names_itself_its_cause_and_the_way_on() {
    let stage = Stage::new();
    stage.program("cargo", "echo 'the disk is full' >&2; exit 101");
    let said = stage.install(&[]).fails_with(101);
    assert!(said.contains("error: step \"build runctl\" failed"), "{said}");
    assert!(said.contains("| the disk is full"), "{said}");
    assert!(said.contains("hint: "), "{said}");
    assert!(!stage.holds("opt/booddies/bin/runctl"), "nothing is installed after a failure");
}

fn files(root: &Path) -> Vec<String> {
    let listed =
        run(Command::new("find").args([".", "-type", "f", "-printf", "%P\\n"]).current_dir(root));
    let mut names: Vec<_> = listed.ok().lines().map(str::to_owned).collect();
    names.sort();
    names
}
