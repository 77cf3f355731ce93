//! What is inside a `.deb`: single files, straight into the store (Debian's netboot kernels come inside packages), and
//! what a package says of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::compression::{Compression, read_within};
use crate::error::{Class, Classified};
use crate::store::{self, Object, RelPath, Store};

/// No kernel or initrd is larger; a package that claims so is not to fill the memory.
const LARGEST_MEMBER: u64 = 1 << 30;
/// More links than these on the way to a file run in a circle.
const LONGEST_CHAIN: usize = 40;
/// No package says more of itself.
const LARGEST_CONTROL: u64 = 1 << 20;

/// A package that cannot be read, or lacks what is wanted of it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant tells what its fields are")]
pub enum Error {
    /// It is no package, or broken.
    #[error("cannot read the package `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// It lacks a part, or has it in a compression that is not read here.
    #[error("the package `{}` has no `{part}` that can be read", path.display())]
    NoPart { path: PathBuf, part: String },
    /// It lacks files.
    #[error("the package `{}` does not have {}", path.display(), missing.join(", "))]
    Missing { path: PathBuf, missing: Vec<String> },
    /// The store did not take a file.
    #[error("cannot keep `{member}` of the package `{}`", path.display())]
    Keep { path: PathBuf, member: String, source: Box<store::Error> },
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Read { .. } | Self::NoPart { .. } => Class::Upstream,
            Self::Missing { .. } => Class::Configuration,
            Self::Keep { source, .. } => source.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => {
                Some("`dpkg-deb --contents` of the package shows what it has".to_owned())
            }
            _ => None,
        }
    }
}

/// Takes files out of a package, each as `(name in the tree, path in the package)`, following links inside it.
pub fn extract(
    store: &Store,
    package: &Path,
    members: &[(RelPath, String)],
) -> Result<Vec<(RelPath, Object)>, Error> {
    let mut taken = Vec::with_capacity(members.len());
    let mut wanted = Wanted::new();
    for (name, path) in members {
        wanted.entry(joined("", path)).or_default().push(name);
    }
    take(store, package, &mut wanted, &mut taken)?;
    if wanted.is_empty() {
        return Ok(taken);
    }
    // Reading a package twice takes seconds, so links are looked at only when something is left.
    let catalogue = Catalogue::read(package)?;
    let mut missing = Vec::new();
    let mut resolved = Wanted::new();
    for (path, names) in wanted {
        match catalogue.resolve(&path) {
            Some(found) => resolved.entry(found).or_default().extend(names),
            None => missing.push(format!("`{path}`")),
        }
    }
    if !missing.is_empty() {
        let path = package.to_owned();
        return Err(Error::Missing { path, missing });
    }
    take(store, package, &mut resolved, &mut taken)?;
    Ok(taken)
}

/// Files by their path in the package, with the names that they get.
type Wanted<'a> = BTreeMap<String, Vec<&'a RelPath>>;

/// Takes the files that stand in the package under exactly these paths, until nothing more is wanted.
fn take(
    store: &Store,
    package: &Path,
    wanted: &mut Wanted<'_>,
    taken: &mut Vec<(RelPath, Object)>,
) -> Result<(), Error> {
    each_member(package, DATA, |path, entry| {
        if !entry.header().entry_type().is_file() {
            return Ok(ControlFlow::Continue(()));
        }
        let Some(names) = wanted.remove(path) else {
            return Ok(ControlFlow::Continue(()));
        };
        let bytes = read_within(entry, LARGEST_MEMBER)
            .map_err(|source| Error::Read { path: package.to_owned(), source })?;
        let object = store.insert_bytes(&bytes).map_err(|source| Error::Keep {
            path: package.to_owned(),
            member: path.to_owned(),
            source: Box::new(source),
        })?;
        taken.extend(names.into_iter().map(|name| (name.clone(), object)));
        Ok(if wanted.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })
}

/// What a package holds, without the contents.
#[derive(Debug, Default)]
struct Catalogue {
    files: BTreeSet<String>,
    /// Links by their place, with what they point to from the package's root.
    links: BTreeMap<String, String>,
}

impl Catalogue {
    fn read(package: &Path) -> Result<Self, Error> {
        let mut catalogue = Self::default();
        each_member(package, DATA, |path, entry| {
            let kind = entry.header().entry_type();
            let target = entry
                .link_name()
                .map_err(|source| Error::Read { path: package.to_owned(), source })?
                .map(|target| target.to_string_lossy().into_owned());
            match target {
                Some(target) if kind.is_symlink() => {
                    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                    catalogue.links.insert(path.to_owned(), joined(folder, &target));
                }
                Some(target) if kind.is_hard_link() => {
                    catalogue.links.insert(path.to_owned(), joined("", &target));
                }
                _ if kind.is_file() => {
                    catalogue.files.insert(path.to_owned());
                }
                _ => {}
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(catalogue)
    }

    /// Follows links, of folders too, to the file that a path means.
    fn resolve(&self, path: &str) -> Option<String> {
        let mut path = joined("", path);
        for _ in 0..LONGEST_CHAIN {
            if self.files.contains(&path) {
                return Some(path);
            }
            let mut ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
            let (end, target) =
                ends.find_map(|end| self.links.get(&path[..end]).map(|to| (end, to)))?;
            path = joined(target, path[end..].trim_start_matches('/'));
        }
        None
    }
}

/// Puts a path after a folder as a link in that folder means it; what leaves the root stays at the root.
fn joined(folder: &str, path: &str) -> String {
    let start = if path.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = Vec::new();
    for part in start.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The part of a package that is unpacked.
const DATA: &str = "data.tar";
/// The part in which a package speaks of itself.
const CONTROL: &str = "control.tar";

/// What a package says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Control {
    /// Its control file.
    pub(super) text: String,
    /// When it was built, in seconds since 1970; zero, if it does not tell.
    pub(super) built: u64,
}

/// Reads what a package says of itself.
pub(super) fn control(package: &Path) -> Result<Control, Error> {
    let unreadable = |source| Error::Read { path: package.to_owned(), source };
    let mut text = None;
    each_member(package, CONTROL, |path, entry| {
        if path != "control" {
            return Ok(ControlFlow::Continue(()));
        }
        let bytes = read_within(entry, LARGEST_CONTROL).map_err(unreadable)?;
        text = Some(String::from_utf8_lossy(&bytes).into_owned());
        Ok(ControlFlow::Break(()))
    })?;
    let missing = || vec!["`control`".to_owned()];
    let text =
        text.ok_or_else(|| Error::Missing { path: package.to_owned(), missing: missing() })?;
    let file = fs_err::File::open(package).map_err(unreadable)?;
    let mut outer = ar::Archive::new(io::BufReader::new(file));
    let first = outer.next_entry().transpose().map_err(unreadable)?;
    Ok(Control { text, built: first.map_or(0, |first| first.header().mtime()) })
}

/// Goes through the members of one part of a package, each with its path from the package's root.
fn each_member(
    package: &Path,
    wanted: &str,
    mut visit: impl FnMut(
        &str,
        &mut tar::Entry<'_, Box<dyn Read + '_>>,
    ) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
    let unreadable = |source| Error::Read { path: package.to_owned(), source };
    let file = fs_err::File::open(package).map_err(unreadable)?;
    let mut outer = ar::Archive::new(io::BufReader::new(file));
    while let Some(part) = outer.next_entry() {
        let part = part.map_err(unreadable)?;
        let name = String::from_utf8_lossy(part.header().identifier()).into_owned();
        let name = name.trim_end_matches('/');
        if !name.starts_with(wanted) {
            continue;
        }
        let Some(compression) = Compression::of(name) else {
            break;
        };
        let mut inner = tar::Archive::new(compression.reader(part).map_err(unreadable)?);
        for entry in inner.entries().map_err(unreadable)? {
            let mut entry = entry.map_err(unreadable)?;
            let path = joined("", &String::from_utf8_lossy(&entry.path_bytes()));
            if visit(&path, &mut entry)?.is_break() {
                break;
            }
        }
        return Ok(());
    }
    Err(Error::NoPart { path: package.to_owned(), part: wanted.to_owned() })
}

#[cfg(test)]
mod tests;
