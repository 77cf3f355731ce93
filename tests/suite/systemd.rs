//! The units under a systemd that is process 1, with an engine of its own: a virtual machine proves them from inside.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use suite::site::{IMAGES, engine_answers, program};
use suite::vm::Disk;
use suite::{Site, run};

const SERVICES: [&str; 3] = ["boot", "data", "regi"];

/// Lays booddies onto the disk as `install.sh` does it, with the runctl that is built already.
fn install(disk: &Disk) {
    let stage = tempfile::tempdir().expect("a folder");
    let cargo = stage.path().join("cargo");
    fs_err::write(&cargo, "#!/bin/sh\n").expect("a stand-in for cargo");
    run(Command::new("chmod").arg("755").arg(&cargo)).ok();
    let release = stage.path().join("target/release");
    fs_err::create_dir_all(&release).expect("a folder");
    let built = program();
    fs_err::copy(&built, release.join("runctl")).expect("runctl is copied");
    fs_err::copy(built.with_file_name("rack"), release.join("rack")).expect("rack is copied");
    run(Command::new(suite::repository().join("install.sh"))
        .env("DESTDIR", disk.root())
        .env("CARGO_TARGET_DIR", stage.path().join("target"))
        .env("PATH", format!("{}:{}", stage.path().display(), env!("PATH"))))
    .ok();
}

fn copy_into(disk: &Disk, file: &str, to: &str) {
    let source = suite::repository().join("tests/vm").join(file);
    fs_err::copy(source, disk.root().join(to)).expect("a file of the proof is laid");
}

fn link(disk: &Disk, to: &str, at: &str) {
    let at = disk.root().join(at);
    fs_err::create_dir_all(at.parent().expect("it lies in a folder")).expect("a folder");
    fs_err::os::unix::fs::symlink(Path::new(to), at).expect("a link is laid");
}

#[test]
fn systemctl_starts_supervises_and_stops_the_services() {
    let subject = "units under systemd in a VM";
    if !engine_answers(subject) {
        return;
    }
    let site = Site::new();
    let mut build = vec!["build"];
    build.extend(SERVICES);
    site.runctl(&build).ok();

    let disk = Disk::debian();
    install(&disk);
    let description = format!("[image]\nprefix = \"{IMAGES}\"\n");
    fs_err::write(disk.root().join("etc/booddies/site.toml"), description)
        .expect("site.toml is laid");
    disk.load_images(&SERVICES.map(|service| format!("{IMAGES}/{service}:latest")));
    copy_into(&disk, "proof", "usr/local/sbin/proof");
    copy_into(&disk, "proof.service", "etc/systemd/system/proof.service");
    link(&disk, "../proof.service", "etc/systemd/system/multi-user.target.wants/proof.service");

    let console = disk.boot().until_off(Duration::from_mins(15));
    let claims: Vec<_> = console.lines().filter(|line| line.contains("CLAIM ")).collect();
    let lost = claims.iter().any(|line| line.contains("CLAIM fails"));
    let ended = claims.last().is_some_and(|line| line.ends_with("CLAIM end"));
    assert!(ended && !lost, "{console}");
    println!("{}", claims.join("\n"));
}
