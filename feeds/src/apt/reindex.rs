//! A new index over selected packages, signed by the site: pure, and the same bytes for the same input.

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;

use super::package::Package;
use super::release::format_date;
use crate::compression::{gzip, xz};
use crate::digest::Sha256;
use crate::trust::{self, SiteKey};

/// The one component of a made repository.
const COMPONENT: &str = "main";
/// The part of it that Debian's installer is made of.
const INSTALLER: &str = "main/debian-installer";
/// Where clients find the site's public key, below the repository's root.
const KEYRING: &str = "booddies-archive-keyring";

/// What the made repository is called.
#[derive(Clone, Debug)]
pub(super) struct Title<'a> {
    /// Its name at this site.
    pub(super) name: &'a str,
    /// The one suite that it has.
    pub(super) suite: &'a str,
    /// As of when it is: its newest upstream.
    pub(super) date: Timestamp,
}

/// What a made repository lists, by architecture.
#[derive(Debug, Default)]
pub(super) struct Listed<'a> {
    /// Packages.
    pub(super) packages: BTreeMap<String, Vec<Package<'a>>>,
    /// The parts of the installer; without any, no index of them is made.
    pub(super) udebs: BTreeMap<String, Vec<Package<'a>>>,
}

/// An index could not be made.
#[derive(Debug)]
pub(super) enum Failure {
    Write(io::Error),
    Sign(trust::Error),
}

/// Makes all files of the repository but its packages, by their place below its root.
pub(super) fn reindex(
    title: &Title<'_>,
    listed: &Listed<'_>,
    key: &SiteKey,
) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let dists = format!("dists/{}", title.suite);
    let mut indexes = BTreeMap::new();
    let packages = listed.packages.iter().map(|one| (COMPONENT, one));
    let udebs = listed.udebs.iter().map(|one| (INSTALLER, one));
    for (component, (architecture, packages)) in packages.chain(udebs) {
        let folder = format!("{component}/binary-{architecture}");
        let listed = list(packages).into_bytes();
        indexes.insert(format!("{folder}/Packages.gz"), gzip(&listed).map_err(Failure::Write)?);
        indexes.insert(format!("{folder}/Packages.xz"), xz(&listed).map_err(Failure::Write)?);
        indexes.insert(format!("{folder}/Packages"), listed);
        indexes.insert(
            format!("{folder}/Release"),
            describe(title, component, architecture).into_bytes(),
        );
    }
    let architectures: Vec<_> = listed.packages.keys().map(String::as_str).collect();
    let release = release(title, &architectures, &indexes);
    let made = u64::try_from(title.date.as_second()).unwrap_or(0);

    let mut files = BTreeMap::new();
    for (path, bytes) in indexes {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let hashed = format!("{dists}/{folder}/by-hash/SHA256/{}", Sha256::of(&bytes));
        files.insert(hashed, bytes.clone());
        files.insert(format!("{dists}/{path}"), bytes);
    }
    let inline = key.sign_cleartext(&release, made).map_err(Failure::Sign)?;
    let detached = key.sign_detached_armored(release.as_bytes(), made).map_err(Failure::Sign)?;
    files.insert(format!("{dists}/InRelease"), inline.into_bytes());
    files.insert(format!("{dists}/Release.gpg"), detached.into_bytes());
    files.insert(format!("{dists}/Release"), release.into_bytes());
    let public = key.public_key_binary().map_err(Failure::Sign)?;
    files.insert(format!("{KEYRING}.gpg"), public);
    let public = key.public_key_armored().map_err(Failure::Sign)?;
    files.insert(format!("{KEYRING}.asc"), public.into_bytes());
    Ok(files)
}

/// Writes the paragraphs as upstream wrote them. The last one needs its empty line, or debootstrap drops it.
fn list(packages: &[Package<'_>]) -> String {
    packages.iter().flat_map(|package| [package.text(), "\n\n"]).collect()
}

/// Writes the `Release` file that stands beside an index.
fn describe(title: &Title<'_>, component: &str, architecture: &str) -> String {
    let Title { name, suite, .. } = title;
    format!(
        "Archive: {suite}\nOrigin: booddies\nLabel: {name}\nComponent: {component}\nArchitecture: {architecture}\n"
    )
}

fn release(
    title: &Title<'_>,
    architectures: &[&str],
    indexes: &BTreeMap<String, Vec<u8>>,
) -> String {
    let Title { name, suite, date } = title;
    let head = format!(
        "Origin: booddies\nLabel: {name}\nSuite: {suite}\nCodename: {suite}\nDate: {}\nAcquire-By-Hash: yes\nNo-Support-for-Architecture-all: Packages\nArchitectures: {}\nComponents: {COMPONENT}\nDescription: Packages selected for this site, with all that they need\nSHA256:\n",
        format_date(*date),
        architectures.join(" "),
    );
    let lines = indexes
        .iter()
        .map(|(path, bytes)| format!(" {} {} {path}\n", Sha256::of(bytes), bytes.len()));
    head + &lines.collect::<String>()
}

#[cfg(test)]
mod tests;
