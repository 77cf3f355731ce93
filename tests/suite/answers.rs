//! The files that answer installers, by the installers' own checks; each check must refuse a spoiled file too.

#[path = "../../runctl/tests/everything/mod.rs"]
pub(crate) mod everything;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use everything::{VARIANTS, book, files, profile_name, ways};
use suite::{Finished, run, skip};
use tempfile::TempDir;

/// A file as a machine of one variant gets it.
struct Answer {
    path: PathBuf,
    text: String,
}

/// Every file of every install whose name ends like this, each text once, in a folder that lasts as long as they are looked at.
fn answers(ending: &str) -> (TempDir, Vec<Answer>) {
    let folder = TempDir::new().expect("a folder");
    let mut answers: Vec<Answer> = Vec::new();
    for variant in VARIANTS {
        let book = book(&variant);
        for (distro, method) in ways(&book).filter(|(_, method)| method.answered) {
            let profile = profile_name(&distro.name, &method.name);
            for (name, file) in files(&book, &profile) {
                let known = answers.iter().any(|answer| answer.text == file.text);
                if name.ends_with(ending) && !known {
                    let path = folder.path().join(format!("{}-{profile}-{name}", variant.name));
                    fs_err::write(&path, &file.text).expect("it is written");
                    answers.push(Answer { path, text: file.text });
                }
            }
        }
    }
    assert!(!answers.is_empty(), "no install has a file *{ending}");
    (folder, answers)
}

/// All files pass the check; the first does not once it is spoiled.
fn pass(ending: &str, spoil: impl Fn(&str) -> String, check: impl Fn(&Path) -> Finished) {
    let (folder, answers) = answers(ending);
    for answer in &answers {
        drop(check(&answer.path).ok());
    }
    let name = answers[0].path.file_name().expect("it has a name");
    let spoiled = folder.path().join("spoiled").with_extension(name);
    fs_err::write(&spoiled, spoil(&answers[0].text)).expect("it is written");
    drop(check(&spoiled).fails());
}

/// Whether a program is there; without it, the subject is not tested.
fn found(program: &str, subject: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).any(|folder| folder.join(program).exists());
    if !found {
        skip(subject, &format!("{program} is not installed"));
    }
    found
}

/// A folder for programs that are fetched once.
fn fetched(name: &str) -> PathBuf {
    suite::repository().join("target/suite/fetched").join(name)
}

/// A Debian package, unpacked but not installed: some would change how this machine starts.
fn unpacked(package: &str, subject: &str) -> Option<PathBuf> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _held = ONE_AT_A_TIME.lock().expect("no test panics meanwhile");
    let folder = fetched(package);
    if folder.join("usr").exists() {
        return Some(folder);
    }
    fs_err::create_dir_all(&folder).expect("a folder");
    let download =
        run(Command::new("apt-get").args(["-q", "download", package]).current_dir(&folder));
    if download.code != 0 {
        skip(subject, &format!("apt-get cannot download {package}"));
        return None;
    }
    for entry in fs_err::read_dir(&folder).expect("readable") {
        let deb = entry.expect("readable").path();
        if deb.extension().is_some_and(|ending| ending == "deb") {
            drop(run(Command::new("dpkg-deb").arg("-x").arg(deb).arg(&folder)).ok());
        }
    }
    Some(folder)
}

/// The checker of kickstarts, from the registry of Python.
fn ksvalidator() -> Option<PathBuf> {
    let folder = fetched("pykickstart");
    let program = folder.join("bin/ksvalidator");
    if program.exists() {
        return Some(program);
    }
    let venv = run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
    let pip = folder.join("bin/pip");
    let made =
        venv.code == 0 && run(Command::new(pip).args(["-q", "install", "pykickstart"])).code == 0;
    if !made {
        skip("kickstarts", "pip cannot install pykickstart");
        return None;
    }
    Some(program)
}

#[test]
fn kickstarts_pass_ksvalidator() {
    let Some(ksvalidator) = ksvalidator() else { return };
    for version in ["RHEL8", "RHEL9", "RHEL10", "F43", "F44"] {
        let check = |path: &Path| run(Command::new(&ksvalidator).args(["-v", version]).arg(path));
        pass("ks.cfg", |text| text.replace("zerombr", "zerombr --twice"), check);
    }
}

#[test]
fn preseeds_pass_debconf() {
    let check = |path: &Path| run(Command::new("debconf-set-selections").arg("-c").arg(path));
    pass("preseed.cfg", |text| text.replace(" string Europe/Berlin", ""), check);
}

#[test]
fn what_cloud_init_reads_passes_its_schema() {
    let Some(package) = unpacked("cloud-init", "cloud-init") else { return };
    let check = |path: &Path| {
        run(Command::new("/usr/bin/python3")
            .env("PYTHONPATH", package.join("usr/lib/python3/dist-packages"))
            .args(["-m", "cloudinit.cmd.main", "schema", "--config-file"])
            .arg(path))
    };
    if check(Path::new("/dev/null")).stderr.contains("ModuleNotFoundError") {
        return skip("cloud-init", "Python lacks what its check needs");
    }
    pass("user-data", |text| text.replace("autoinstall:", "users: 5\nautoinstall:"), check);

    // What the installer hands to the installed system's cloud-init stands indented in the same file.
    let (folder, answers) = answers("user-data");
    for (number, answer) in answers.iter().enumerate() {
        let inner = answer.text.lines().skip_while(|line| *line != "  user-data:").skip(1);
        let inner = inner.map_while(|line| line.strip_prefix("    "));
        let inner = std::iter::once("#cloud-config").chain(inner).collect::<Vec<_>>().join("\n");
        assert!(inner.contains("\nhostname:"), "{inner}");
        let path = folder.path().join(format!("inner-{number}"));
        fs_err::write(&path, inner).expect("it is written");
        drop(check(&path).ok());
    }
    // Canonical publishes the schema of autoinstall in its source only.
    skip("autoinstall", "its JSON schema is in no package; cloud-init's own passes");
}

#[test]
fn ignition_takes_its_files() {
    let Some(package) = unpacked("ignition", "Ignition") else { return };
    let validate = package.join("usr/bin/ignition-validate");
    let check = |path: &Path| run(Command::new(&validate).arg(path));
    pass(".ign", |text| text.replace("\"3.3.0\"", "\"9.9.9\""), check);
}

#[test]
fn autoyast_is_well_formed() {
    if !found("xmllint", "AutoYaST") {
        return;
    }
    let check = |path: &Path| run(Command::new("xmllint").arg("--noout").arg(path));
    pass("autoyast.xml", |text| text.replace("</profile>", ""), check);
    skip("AutoYaST's schema", "it is in no package of Debian; the files are well-formed");
}

#[test]
fn agama_reads_json() {
    let (_folder, answers) = answers("agama.json");
    for answer in answers {
        let read: serde_json::Value = serde_json::from_str(&answer.text)
            .unwrap_or_else(|error| panic!("{error}\n{}", answer.text));
        assert!(read["product"]["id"].is_string() && read["storage"]["drives"].is_array());
    }
    skip("Agama's schema", "it is in no package of Debian; the files are JSON");
}

#[test]
fn shell_passes_shellcheck() {
    if !found("shellcheck", "shell") {
        return;
    }
    let check = |path: &Path| run(Command::new("shellcheck").arg(path));
    pass(".sh", |text| text.replace("#!/bin/sh", "#!/bin/sh\nif"), check);
    // Values only, which the live system reads.
    let check =
        |path: &Path| run(Command::new("shellcheck").args(["-s", "sh", "-e", "SC2034"]).arg(path));
    pass("install.conf", |text| format!("{text}DISK='"), check);
}
