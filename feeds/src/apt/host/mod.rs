//! The host's own APT sources: the upstream of a site that names no other.
//!
//! Only what belongs to the host's release is taken: third parties' repositories have suites of other names, and a
//! machine that is installed from the site does not need them.

mod conf;
mod list;
mod stanza;

use std::io;
use std::path::{Path, PathBuf};

use url::Url;

pub use self::conf::host_checks_valid_until;
use super::source::{Suite, Trust};
use crate::error::{Class, Classified};

/// One entry of the host's sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSource {
    /// Where the repository lies, best first.
    pub urls: Vec<Url>,
    /// Its suites.
    pub suites: Vec<String>,
    /// Its components.
    pub components: Vec<String>,
    /// Who may sign it.
    pub signed_by: Trust,
}

/// The host's sources cannot be told.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant tells what its fields are")]
pub enum Error {
    /// A file is there, but cannot be read.
    #[error("cannot read the host's APT sources")]
    Read(#[source] io::Error),
    /// A file says something that is not understood.
    #[error("`{}` has an entry that is not understood: {what}", path.display())]
    Entry { path: PathBuf, what: String },
    /// The host does not say which release it is.
    #[error("`{}` does not name a VERSION_CODENAME", path.display())]
    NoCodename { path: PathBuf },
    /// Nothing belongs to the host's release.
    #[error("the host has no APT source for its release `{codename}`")]
    None { codename: String },
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Read(_) => Class::Local,
            _ => Class::Configuration,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Read(_) => None,
            _ => Some("name `urls`, `suites` and `keys` of the repository instead".to_owned()),
        }
    }
}

impl HostSource {
    /// Takes it apart into suites, each to be surveyed on its own.
    pub fn suites(self) -> impl Iterator<Item = Suite> {
        let Self { urls, suites, components, signed_by } = self;
        suites.into_iter().map(move |name| Suite {
            urls: urls.as_slice().into(),
            name,
            components: components.clone(),
            trust: signed_by.clone(),
        })
    }
}

/// An entry as it is written, before anything is looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entry {
    uris: Vec<String>,
    suites: Vec<String>,
    components: Vec<String>,
    /// What `Signed-By` says: paths, or a certificate.
    signed_by: Option<String>,
    /// Whether the operator lets anybody sign.
    trusted: bool,
}

/// Reads the sources below `root` that belong to the host's release.
pub fn host_sources(root: &Path) -> Result<Vec<HostSource>, Error> {
    let codename = codename(root)?;
    let mut sources = Vec::new();
    for (path, entry) in entries(root)? {
        let belongs = |suite: &String| {
            let rest = suite.strip_prefix(codename.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '/']))
        };
        let suites: Vec<_> = entry.suites.iter().filter(|one| belongs(one)).cloned().collect();
        if suites.is_empty() {
            continue;
        }
        let signed_by = signers(root, &path, &entry)?;
        let mut urls = Vec::new();
        for uri in &entry.uris {
            urls.extend(addresses(root, &path, uri)?);
        }
        if !urls.is_empty() {
            sources.push(HostSource { urls, suites, components: entry.components, signed_by });
        }
    }
    if sources.is_empty() {
        return Err(Error::None { codename });
    }
    Ok(sources)
}

fn codename(root: &Path) -> Result<String, Error> {
    let path = root.join("etc/os-release");
    let text = fs_err::read_to_string(&path).map_err(Error::Read)?;
    let line = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let codename = line.map(|value| value.trim().trim_matches(['"', '\'']).to_owned());
    codename.filter(|name| !name.is_empty()).ok_or(Error::NoCodename { path })
}

/// Reads all entries in the order that APT reads them.
fn entries(root: &Path) -> Result<Vec<(PathBuf, Entry)>, Error> {
    let mut entries = Vec::new();
    let mut paths = vec![root.join("etc/apt/sources.list")];
    paths.extend(folder(&root.join("etc/apt/sources.list.d"))?);
    for path in paths {
        let read: fn(&str) -> Result<Vec<Entry>, String> =
            match path.extension().and_then(|end| end.to_str()) {
                Some("list") => list::read,
                Some("sources") => stanza::read,
                _ => continue,
            };
        let text = match fs_err::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            text => text.map_err(Error::Read)?,
        };
        let found = read(&text).map_err(|what| Error::Entry { path: path.clone(), what })?;
        entries.extend(found.into_iter().map(|entry| (path.clone(), entry)));
    }
    Ok(entries)
}

/// Lists the files of a folder by name; none, if there is no such folder.
fn folder(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let listed = match fs_err::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.map_err(Error::Read)?,
    };
    let paths: Result<Vec<_>, _> = listed.map(|one| one.map(|file| file.path())).collect();
    let mut paths = paths.map_err(Error::Read)?;
    paths.sort();
    Ok(paths)
}

/// Tells who may sign an entry: who it names, or else whom APT trusts for everything.
fn signers(root: &Path, path: &Path, entry: &Entry) -> Result<Trust, Error> {
    if entry.trusted {
        return Ok(Trust::Unsigned);
    }
    let Some(named) = &entry.signed_by else {
        let mut keys = folder(&root.join("etc/apt/trusted.gpg.d"))?;
        keys.retain(|key| key.extension().is_some_and(|end| end == "gpg" || end == "asc"));
        keys.extend(Some(root.join("etc/apt/trusted.gpg")).filter(|ring| ring.is_file()));
        return Ok(Trust::Files(keys));
    };
    if named.contains("-----BEGIN") {
        return Ok(Trust::Inline(named.clone()));
    }
    let words = named.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty());
    let files: Option<Vec<_>> =
        words.map(|word| word.strip_prefix('/').map(|inner| root.join(inner))).collect();
    files.map(Trust::Files).ok_or_else(|| Error::Entry {
        path: path.to_owned(),
        what: format!("`Signed-By: {named}` names no file"),
    })
}

/// Tells what an entry's address stands for: itself, the mirrors in a file, or nothing that can be fetched.
fn addresses(root: &Path, path: &Path, uri: &str) -> Result<Vec<Url>, Error> {
    if let Some(list) = uri.strip_prefix("mirror+file:") {
        let list = root.join(list.trim_start_matches('/'));
        let text = fs_err::read_to_string(list).map_err(Error::Read)?;
        let lines = text.lines().filter_map(|line| line.split_whitespace().next());
        let mirrors = lines.filter(|line| !line.starts_with('#')).map(|line| parse(path, line));
        return mirrors.collect();
    }
    let url = parse(path, uri)?;
    Ok(Some(url).filter(|url| matches!(url.scheme(), "http" | "https")).into_iter().collect())
}

fn parse(path: &Path, uri: &str) -> Result<Url, Error> {
    // An address may hold a password: an error does not repeat it.
    Url::parse(uri).map_err(|wrong| Error::Entry {
        path: path.to_owned(),
        what: format!("an address is wrong: {wrong}"),
    })
}

#[cfg(test)]
mod tests;
