//! Single files out of a `.deb`, straight into the store: Debian's netboot kernels come inside packages.

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

/// A package that cannot be read, or lacks what is wanted of it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant tells what its fields are")]
pub enum Error {
    /// It is no package, or broken.
    #[error("cannot read the package `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// It has no data in a compression that is read here.
    #[error("the package `{}` has no `data.tar` that can be read", path.display())]
    NoData { path: PathBuf },
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
            Self::Read { .. } | Self::NoData { .. } => Class::Upstream,
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
    each_member(package, |path, entry| {
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
        each_member(package, |path, entry| {
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

/// Goes through the members of a package's `data.tar`, each with its path from the package's root.
fn each_member(
    package: &Path,
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
        if !name.starts_with("data.tar") {
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
    Err(Error::NoData { path: package.to_owned() })
}

#[cfg(test)]
mod tests;
