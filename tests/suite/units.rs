//! The units as shipped, as systemd itself reads them.

use std::path::Path;
use std::process::Command;

use suite::run;

/// Lays the units as `install.sh` does, with a program in place of runctl.
fn lay_units(folder: &Path) -> Vec<String> {
    let source = suite::repository().join("systemd");
    let sandbox =
        fs_err::read_to_string(source.join("sandbox.conf")).expect("the sandbox is there");
    let mut names = Vec::new();
    for entry in fs_err::read_dir(&source).expect("systemd/ can be listed") {
        let entry = entry.expect("systemd/ can be listed");
        // A template is checked by an instance of it.
        let name = entry.file_name().to_string_lossy().replace("@.", "@data.");
        if name == "sandbox.conf" {
            continue;
        }
        let unit = fs_err::read_to_string(entry.path()).expect("a unit can be read");
        let unit = unit.replace("@PREFIX@/bin/runctl", "/bin/true").replace("@PREFIX@", "/usr");
        fs_err::write(folder.join(&name), unit).expect("a unit can be written");
        if Path::new(&name).extension().is_some_and(|extension| extension == "service") {
            let drop_ins = folder.join(format!("{name}.d"));
            fs_err::create_dir(&drop_ins).expect("a folder for drop-ins");
            fs_err::write(drop_ins.join("sandbox.conf"), &sandbox)
                .expect("a drop-in can be written");
        }
        names.push(name);
    }
    names
}

#[test]
fn systemd_finds_nothing_to_say_about_the_units() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        suite::skip("units verified by systemd-analyze", "systemd is not installed");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let names = lay_units(folder.path());
    assert_eq!(names.len(), 10, "{names:?}");
    // An engine's unit to depend on, where none is installed.
    let engine = "[Unit]\nDescription=engine\n[Service]\nExecStart=/bin/true\n";
    fs_err::write(folder.path().join("docker.service"), engine).expect("a unit can be written");
    let finished = run(Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .args(names.iter().map(|name| folder.path().join(name)))
        .env("SYSTEMD_UNIT_PATH", format!("{}:", folder.path().display())));
    let said = finished.stderr.clone();
    assert_eq!(finished.ok() + &said, "", "systemd-analyze verify complains");
}
