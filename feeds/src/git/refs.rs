//! All references of a mirror move at once: they live in `packed-refs`, which is replaced by one rename.
//!
//! libgit2's own transaction renames one file per reference, so a kill in its midst leaves a mixture. Here git's lock
//! protocol is kept (`packed-refs.lock`, made exclusively), and the lock is a hard link of a file with a name of ours:
//! a lock that a killed run left behind is told from a lock of a living git process by its inode.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use git2::{ObjectType, Oid, Repository};

use super::Error;

/// References by name.
pub(super) type Refs = BTreeMap<String, Oid>;

/// What a mirror copies.
pub(super) const NAMESPACES: [&str; 3] = ["refs/heads/", "refs/tags/", "refs/notes/"];

/// Whether a mirror copies this reference.
pub(super) fn mirrored(name: &str) -> bool {
    NAMESPACES.iter().any(|namespace| name.starts_with(namespace))
}

/// Reads every direct reference of a repository.
pub(super) fn read(repository: &Repository) -> Result<Refs, git2::Error> {
    let mut refs = Refs::new();
    for reference in repository.references()? {
        let reference = reference?;
        if let Some(target) = reference.target() {
            refs.insert(reference.name()?.to_owned(), target);
        }
    }
    Ok(refs)
}

/// The lock under the name that git knows, and the same file under ours.
const THEIRS: &str = "packed-refs.lock";
const OURS: &str = "packed-refs.booddies";

/// Holds git's lock on the references of one repository.
pub(super) struct Lock {
    folder: PathBuf,
}

impl Lock {
    /// Takes the lock; one that a killed run of ours left behind is cleared away.
    pub(super) fn take(folder: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Write { path: folder.to_owned(), source };
        let (ours, theirs) = (folder.join(OURS), folder.join(THEIRS));
        clear(&ours, &theirs).map_err(failed)?;
        fs::OpenOptions::new().write(true).create_new(true).open(&ours).map_err(failed)?;
        match fs::hard_link(&ours, &theirs) {
            Ok(()) => Ok(Self { folder: folder.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                remove(&ours).map_err(failed)?;
                Err(Error::Busy { path: folder.to_owned() })
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Makes `refs` the references of the repository; `seen` are those it had when the lock was taken.
    pub(super) fn publish(
        self,
        repository: &Repository,
        seen: &Refs,
        refs: &Refs,
    ) -> Result<(), Error> {
        let path = &self.folder;
        let text = render(repository, refs)
            .map_err(|source| Error::Read { path: path.clone(), source })?;
        let write = || -> io::Result<()> {
            let mut file = fs::OpenOptions::new().write(true).open(path.join(OURS))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(path.join(THEIRS), path.join("packed-refs"))?;
            fs::File::open(path)?.sync_all()?;
            seen.iter().try_for_each(|(name, target)| drop_loose(path, name, *target))
        };
        write().map_err(|source| Error::Write { path: path.clone(), source })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Err(error) = clear(&self.folder.join(OURS), &self.folder.join(THEIRS)) {
            tracing::warn!(%error, "a lock of references stays behind");
        }
    }
}

/// Removes our file, and git's lock if it is the same file: another's lock stays.
fn clear(ours: &Path, theirs: &Path) -> io::Result<()> {
    if same_file(ours, theirs)? {
        remove(theirs)?;
    }
    remove(ours)
}

/// The text of `packed-refs`: sorted, annotated tags with what they stand for.
fn render(repository: &Repository, refs: &Refs) -> Result<String, git2::Error> {
    let mut text = String::from("# pack-refs with: peeled fully-peeled sorted \n");
    for (name, target) in refs {
        let object = repository.find_object(*target, None)?;
        // Writing to a string cannot fail.
        let _: std::fmt::Result = writeln!(text, "{target} {name}");
        if object.kind() == Some(ObjectType::Tag) {
            let _: std::fmt::Result = writeln!(text, "^{}", object.peel(ObjectType::Any)?.id());
        }
    }
    Ok(text)
}

/// Removes the loose file of a reference, which would hide the packed one, unless somebody moved it meanwhile.
fn drop_loose(folder: &Path, name: &str, seen: Oid) -> io::Result<()> {
    let loose = folder.join(name);
    if !loose.is_file() {
        return Ok(());
    }
    let lock = folder.join(format!("{name}.lock"));
    match fs::OpenOptions::new().write(true).create_new(true).open(&lock) {
        Ok(_) => {}
        // Somebody is moving it: theirs is newer than what we know.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(error),
    }
    let removed = match fs::read_to_string(&loose) {
        Ok(text) if text.trim() == seen.to_string() => fs::remove_file(&loose),
        other => other.map(drop),
    };
    fs::remove_file(&lock)?;
    removed
}

fn same_file(one: &Path, other: &Path) -> io::Result<bool> {
    let inode = |path: &Path| match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some((metadata.dev(), metadata.ino()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    let one = inode(one)?;
    Ok(one.is_some() && one == inode(other)?)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
