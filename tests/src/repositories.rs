//! Small package repositories of our own making, signed by a key of our own making.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run;

/// A key that signs; it lives in its own folder.
pub struct SigningKey {
    home: PathBuf,
}

impl SigningKey {
    /// Makes a key without a passphrase.
    pub fn made_in(folder: &Path) -> Self {
        let home = folder.join("gnupg");
        fs_err::create_dir_all(&home).expect("a folder for the key");
        run(Command::new("chmod").arg("700").arg(&home)).ok();
        let key = Self { home };
        run(key.gpg().args([
            "--quick-generate-key",
            "Suite <suite@example>",
            "rsa3072",
            "sign",
            "0",
        ]))
        .ok();
        key
    }

    /// Writes the public key, armoured.
    pub fn export(&self, to: &Path) {
        run(self.gpg().args(["--armor", "--yes", "--export", "--output"]).arg(to)).ok();
    }

    /// Writes a detached signature beside a file.
    pub fn sign_beside(&self, file: &Path) {
        run(self.gpg().args(["--armor", "--yes", "--detach-sign"]).arg(file)).ok();
    }

    /// Signs the header of an RPM package, in place of whoever signed it before.
    pub fn sign_package(&self, file: &Path) {
        run(Command::new("rpmsign")
            .args(["--define", "__gpg /usr/bin/gpg", "--define", "_gpg_name suite@example"])
            .arg("--define")
            .arg(format!("_gpg_path {}", self.home.display()))
            .arg("--resign")
            .arg(file))
        .ok();
    }

    /// Writes a file inside its own signature.
    pub fn sign_inside(&self, file: &Path, to: &Path) {
        run(self.gpg().args(["--yes", "--clear-sign", "--output"]).arg(to).arg(file)).ok();
    }

    fn gpg(&self) -> Command {
        let mut command = Command::new("gpg");
        command.arg("--homedir").arg(&self.home);
        command.args(["--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback"]);
        command
    }
}

impl Drop for SigningKey {
    /// Ends the agent that gpg left behind.
    fn drop(&mut self) {
        drop(run(Command::new("gpgconf").arg("--homedir").arg(&self.home).args(["--kill", "all"])));
    }
}

/// A package: one text file below `/usr/share/suite/`.
pub struct Package {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What it needs, by name.
    pub needs: &'static [&'static str],
    /// Bytes of ballast, to make a fetch last.
    pub ballast: usize,
    /// Debian's word for who should have it, such as `required`; nothing says so where it is empty.
    pub priority: &'static str,
}

impl Package {
    /// A package without needs and ballast.
    pub const fn plain(name: &'static str) -> Self {
        Self { name, version: "1.0", needs: &[], ballast: 0, priority: "" }
    }

    /// Where its file ends up on the machine.
    pub fn installed_file(&self) -> String {
        format!("usr/share/suite/{}", self.name)
    }

    fn contents(&self) -> String {
        // Text that does not compress to nothing: digests of a counter.
        use sha2::Digest as _;
        let mut text = format!("{} {}\n", self.name, self.version);
        let mut counter = 0_u64;
        while text.len() < self.ballast {
            let digest = sha2::Sha256::digest(format!("{} {counter}", self.name));
            text.extend(digest.iter().map(|byte| char::from(b'!' + byte % 90)));
            counter += 1;
        }
        text
    }
}

/// Makes a YUM repository in a folder and signs its `repomd.xml`.
pub fn yum(folder: &Path, packages: &[Package], key: &SigningKey) {
    let build = folder.with_extension("rpmbuild");
    fs_err::create_dir_all(folder).expect("a folder for the repository");
    for package in packages {
        let source = build.join("SOURCES").join(package.name);
        fs_err::create_dir_all(build.join("SOURCES")).expect("a folder for sources");
        fs_err::write(&source, package.contents()).expect("the source is written");
        let spec = build.join(package.name).with_extension("spec");
        fs_err::write(&spec, rpm_spec(package)).expect("the spec is written");
        run(Command::new("rpmbuild")
            .args(["--quiet", "-bb", "--define"])
            .arg(format!("_topdir {}", build.display()))
            .args(["--define", &format!("_rpmdir {}", folder.display())])
            .arg(&spec))
        .ok();
    }
    fs_err::remove_dir_all(&build).expect("the build folder goes");
    index_yum(folder, key);
}

/// Indexes the packages in a folder anew, and signs its `repomd.xml`.
pub fn index_yum(folder: &Path, key: &SigningKey) {
    run(Command::new("createrepo_c").args(["--quiet", "--general-compress-type=gz"]).arg(folder))
        .ok();
    key.sign_beside(&folder.join("repodata/repomd.xml"));
}

fn rpm_spec(package: &Package) -> String {
    let needs = list("Requires: ", package.needs);
    let Package { name, version, .. } = package;
    format!(
        "Name: {name}\nVersion: {version}\nRelease: 1\nSummary: {name}\nLicense: Apache-2.0\n\
         BuildArch: noarch\nAutoReqProv: no\nSource0: {name}\n{needs}\
         %description\n{name}\n%install\nmkdir -p %{{buildroot}}/usr/share/suite\n\
         cp %{{SOURCE0}} %{{buildroot}}/usr/share/suite/{name}\n%files\n/usr/share/suite/{name}\n"
    )
}

/// Makes an APT repository (suite `stable`, component `main`) in a folder and signs its `InRelease`.
pub fn apt(folder: &Path, packages: &[Package], key: &SigningKey) {
    let pool = folder.join("pool/main");
    fs_err::create_dir_all(&pool).expect("a folder for packages");
    for package in packages {
        deb(&pool, package);
    }
    index_apt(folder, key, None);
}

/// Indexes the packages and sources in the pool of a folder anew, and signs its `InRelease`, of this date or of now.
pub fn index_apt(folder: &Path, key: &SigningKey, date: Option<&str>) {
    let listed = |kind: &str, index: &str| {
        let index = folder.join("dists/stable/main").join(index);
        fs_err::create_dir_all(index.parent().expect("it has a folder")).expect("a folder");
        let told =
            Command::new("apt-ftparchive").args([kind, "pool/main"]).current_dir(folder).output();
        fs_err::write(&index, told.expect("it runs").stdout).expect("the index is written");
        run(Command::new("gzip").arg("-kf").arg(index)).ok();
    };
    listed("packages", "binary-amd64/Packages");
    listed("sources", "source/Sources");
    listed("contents", "Contents-amd64");
    let release = folder.join("dists/stable/Release");
    sign_release(&release, &release.with_file_name("InRelease"), key, date, "main");
}

/// Makes a flat APT repository: the packages and their index in one folder.
pub fn flat_apt(folder: &Path, packages: &[Package], key: &SigningKey) {
    fs_err::create_dir_all(folder).expect("a folder");
    for package in packages {
        deb(folder, package);
    }
    let index =
        run(Command::new("apt-ftparchive").args(["packages", "."]).current_dir(folder)).ok();
    fs_err::write(folder.join("Packages"), index).expect("the index is written");
    sign_release(&folder.join("Release"), &folder.join("InRelease"), key, None, "");
}

fn sign_release(
    release: &Path,
    signed: &Path,
    key: &SigningKey,
    date: Option<&str>,
    components: &str,
) {
    for old in [release, signed] {
        drop(fs_err::remove_file(old));
    }
    let text = run(Command::new("apt-ftparchive")
        .args(
            ["Origin=Suite", "Suite=stable", "Codename=stable", "Architectures=amd64"].map(option),
        )
        .arg(option(&format!("Components={components}")))
        .arg("release")
        .arg(release.parent().expect("it lies in a folder")))
    .ok();
    let dated = |line: &str| match date {
        Some(date) if line.starts_with("Date: ") => format!("Date: {date}\n"),
        _ => format!("{line}\n"),
    };
    fs_err::write(release, text.lines().map(dated).collect::<String>())
        .expect("Release is written");
    key.sign_inside(release, signed);
}

fn option(told: &str) -> String {
    format!("-oAPT::FTPArchive::Release::{told}")
}

fn deb(pool: &Path, package: &Package) {
    let tree = pool.join(package.name).with_extension("tree");
    let content = tree.join(package.installed_file());
    fs_err::create_dir_all(content.parent().expect("it has a folder"))
        .expect("a folder in the tree");
    fs_err::create_dir_all(tree.join("DEBIAN")).expect("a folder for control");
    fs_err::write(content, package.contents()).expect("the content is written");
    let needs = list("Depends: ", package.needs);
    let Package { name, version, priority, .. } = package;
    let priority = match *priority {
        "" => String::new(),
        named => format!("Priority: {named}\n"),
    };
    let control = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Suite <suite@example>\n\
         {priority}{needs}Description: {name}\n"
    );
    fs_err::write(tree.join("DEBIAN/control"), control).expect("control is written");
    let file = pool.join(format!("{name}_{version}_all.deb"));
    run(Command::new("dpkg-deb").args(["--root-owner-group", "--build"]).arg(&tree).arg(file)).ok();
    fs_err::remove_dir_all(tree).expect("the tree goes");
}

/// A field that lists names, or nothing where there are none.
fn list(field: &str, names: &[&str]) -> String {
    if names.is_empty() { String::new() } else { format!("{field}{}\n", names.join(", ")) }
}
