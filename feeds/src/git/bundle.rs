//! Bundles for a stick: what a repository has gained since the last one, in a file that git itself fetches from.
//!
//! Each names every reference, so whoever fetches `+refs/*:refs/*` from it with `--prune` has exactly this state. What
//! the last one held is written beside it: the folder needs nothing but itself.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use git2::{ObjectType, Oid, Repository};
use sha1::{Digest as _, Sha1};

use super::refs::{self, Refs};
use super::{Error, remote};

/// The references of the last bundle, after its number.
const TIPS: &str = "tips";

/// What became of one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundled {
    /// The new bundle; none where nothing has changed since the last one.
    pub file: Option<PathBuf>,
    /// How many references it names.
    pub refs: usize,
    /// How many objects it carries.
    pub objects: usize,
    /// How large it is.
    pub bytes: u64,
}

/// What the receiver has.
#[derive(Debug, Default, PartialEq, Eq)]
struct Last {
    number: u32,
    refs: Refs,
}

/// Writes what the repository has gained into the next bundle of the folder: the first holds all of it. Blocks.
///
/// With `pretend` nothing is written, and the size is not known.
pub fn bundle(bare: &Path, folder: &Path, pretend: bool) -> Result<Bundled, Error> {
    remote::set_up();
    let repository = Repository::open_bare(bare)
        .map_err(|source| Error::Open { path: bare.to_owned(), source })?;
    let read = |source| Error::Read { path: bare.to_owned(), source };
    let write = |source| Error::Bundle { path: folder.to_owned(), source };
    let last = last(folder).map_err(write)?;
    let refs = refs::read(&repository).map_err(read)?;
    if refs == last.refs {
        return Ok(Bundled { file: None, refs: refs.len(), objects: 0, bytes: 0 });
    }
    let number = last.number + 1;
    let file = folder.join(format!("{number:04}.bundle"));
    let receivers = commits(&repository, &last.refs);
    let mut pack = pack(&repository, &refs, &last.refs, &receivers).map_err(read)?;
    let objects = pack.object_count();
    let mut bytes = 0;
    if !pretend {
        fs::create_dir_all(folder).map_err(write)?;
        let head = header(&repository, &refs, &receivers);
        bytes = save(&file, |out| {
            out.write_all(head.as_bytes())?;
            pour(&mut pack, out)
        })
        .map_err(write)?;
        save(&folder.join(TIPS), |out| out.write_all(tips(number, &refs).as_bytes()))
            .map_err(write)?;
    }
    Ok(Bundled { file: Some(file), refs: refs.len(), objects, bytes })
}

/// Reads what the last bundle held; nothing where there was none.
fn last(folder: &Path) -> io::Result<Last> {
    let text = match fs::read_to_string(folder.join(TIPS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Last::default()),
        text => text?,
    };
    let read = || {
        let mut lines = text.lines();
        let number = lines.next()?.strip_prefix("bundle ")?.parse().ok()?;
        let line = |line: &str| {
            let (id, name) = line.split_once(' ')?;
            Some((name.to_owned(), Oid::from_str(id).ok()?))
        };
        Some(Last { number, refs: lines.map(line).collect::<Option<_>>()? })
    };
    read().ok_or_else(|| io::Error::other(format!("`{TIPS}` is not what was written there")))
}

fn tips(number: u32, refs: &Refs) -> String {
    let lines = refs.iter().map(|(name, id)| format!("{id} {name}\n"));
    std::iter::once(format!("bundle {number}\n")).chain(lines).collect()
}

/// The commits that the receiver has, as far as they are still here.
fn commits(repository: &Repository, refs: &Refs) -> Vec<Oid> {
    let commits = refs.values().filter_map(|id| commit_of(repository, *id));
    commits.collect::<BTreeSet<_>>().into_iter().collect()
}

fn commit_of(repository: &Repository, id: Oid) -> Option<Oid> {
    let object = repository.find_object(id, None).ok()?;
    object.peel(ObjectType::Commit).ok().map(|commit| commit.id())
}

/// Gathers the objects that `refs` lead to and the receiver does not have.
fn pack<'r>(
    repository: &'r Repository,
    refs: &Refs,
    had: &Refs,
    known: &[Oid],
) -> Result<git2::PackBuilder<'r>, git2::Error> {
    let mut pack = repository.packbuilder()?;
    let mut walk = repository.revwalk()?;
    let named: HashSet<_> = had.values().collect();
    for id in refs.values().filter(|id| !named.contains(id)) {
        let mut id = *id;
        while let Ok(tag) = repository.find_tag(id) {
            pack.insert_object(id, None)?;
            id = tag.target_id();
        }
        if repository.find_commit(id).is_ok() {
            walk.push(id)?;
        } else {
            pack.insert_recursive(id, None)?;
        }
    }
    for id in known {
        walk.hide(*id)?;
    }
    pack.insert_walk(&mut walk)?;
    Ok(pack)
}

/// The text before the pack: what the receiver must have, and every reference.
fn header(repository: &Repository, refs: &Refs, known: &[Oid]) -> String {
    let needed = known.iter().map(|id| format!("-{id} \n"));
    let named = refs.iter().map(|(name, id)| format!("{id} {name}\n"));
    let head = repository.head().ok().and_then(|head| head.target());
    let head = head.map(|id| format!("{id} HEAD\n"));
    let first = std::iter::once("# v2 git bundle\n".to_owned());
    first.chain(needed).chain(named).chain(head).chain(std::iter::once("\n".to_owned())).collect()
}

fn pour(pack: &mut git2::PackBuilder<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    if pack.object_count() == 0 {
        // libgit2 writes nothing at all then.
        let empty = b"PACK\0\0\0\x02\0\0\0\0";
        out.write_all(empty)?;
        return out.write_all(&Sha1::digest(empty));
    }
    let mut written = Ok(());
    let poured = pack.foreach(|bytes| {
        written = out.write_all(bytes);
        written.is_ok()
    });
    written?;
    poured.map_err(io::Error::other)
}

/// Writes a file beside its name and moves it there once it is whole and on the disk; returns its size.
fn save(path: &Path, write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<u64> {
    let part = path.with_extension("part");
    let mut file = io::BufWriter::new(fs::File::create(&part)?);
    write(&mut file)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    Ok(file.metadata()?.len())
}
