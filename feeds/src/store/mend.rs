//! Mending: what corrupt objects mean for the trees that use them, and their links put right once the bytes are there again.
//!
//! A hard link holds the same bytes as its object: nobody is served a file that is known to be wrong, it is missing until
//! it is fetched again. So what is damaged is remembered by what lies in `damaged/`, and every publication looks there.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::{Error, Object, RelPath, Store, Tree};
use crate::digest::Sha256;
use crate::remove::remove_if_there;

/// A corrupt object: who uses it, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Damage {
    /// The object.
    pub sha256: Sha256,
    /// What uses it, in any kept generation.
    pub uses: Vec<Use>,
    /// Whether its bytes are there again, or nobody needs them any more.
    pub mended: bool,
}

/// One place of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Use {
    /// The tree.
    pub tree: RelPath,
    /// The file in it, or the masked URL of evidence that is kept and not served.
    pub file: String,
    /// Where the tree came from.
    pub upstream: String,
    /// The newest kept generation that has it.
    pub generation: u64,
}

/// The places of one object.
#[derive(Default)]
struct Places {
    size: u64,
    uses: BTreeMap<(RelPath, String), Use>,
    links: BTreeSet<PathBuf>,
}

impl Store {
    /// Tells whether no object of a tree is known to be damaged.
    pub fn is_whole(&self, tree: &Tree) -> bool {
        let damaged = self.damaged_objects().unwrap_or_default();
        let mut objects = tree.files.values().chain(tree.evidence.values());
        damaged.is_empty() || !objects.any(|object| damaged.contains(&object.sha256))
    }

    /// Tells what uses these objects, as [`Store::mend`] would; touches nothing.
    pub fn uses(&self, corrupt: &BTreeSet<Sha256>) -> Result<Vec<Damage>, Error> {
        let mut places = self.places(corrupt)?;
        let damage = |sha256: &Sha256| {
            let uses = places.remove(sha256).unwrap_or_default().uses;
            Damage { sha256: *sha256, uses: uses.into_values().collect(), mended: false }
        };
        Ok(corrupt.iter().map(damage).collect())
    }

    /// Puts right what can be: links to objects that are there again, objects of which a tree holds a good copy.
    ///
    /// What cannot is taken out of the served trees, and returned among the rest.
    pub fn mend(&self) -> Result<Vec<Damage>, Error> {
        let _guard = self.guard()?;
        self.mend_guarded()
    }

    /// The same, for whoever holds the guard already.
    pub(super) fn mend_guarded(&self) -> Result<Vec<Damage>, Error> {
        let damaged = self.damaged_objects().map_err(Error::Mend)?;
        if damaged.is_empty() {
            return Ok(Vec::new());
        }
        let mut places = self.places(&damaged)?;
        let mend = |sha256| {
            let places = places.remove(&sha256).unwrap_or_default();
            let mended = self.mend_one(&sha256, &places)?;
            Ok(Damage { sha256, uses: places.uses.into_values().collect(), mended })
        };
        damaged.into_iter().map(mend).collect::<io::Result<_>>().map_err(Error::Mend)
    }

    fn damaged_objects(&self) -> io::Result<BTreeSet<Sha256>> {
        let entries = match fs::read_dir(self.damaged()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            entries => entries?,
        };
        let names = entries.map(|entry| entry.map(|entry| entry.file_name()));
        let names: Vec<_> = names.collect::<io::Result<_>>()?;
        Ok(names.iter().filter_map(|name| name.to_str()?.parse().ok()).collect())
    }

    /// Finds where each of these objects is used.
    fn places(&self, damaged: &BTreeSet<Sha256>) -> Result<BTreeMap<Sha256, Places>, Error> {
        let mut places: BTreeMap<Sha256, Places> = BTreeMap::new();
        for number in self.kept()? {
            let generation = self.generation(number)?;
            for tree in &generation.lock.trees {
                // Through its link: generations that share a tree share its folder.
                let folder = fs::canonicalize(generation.path.join(&tree.path));
                let folder = folder.map_err(Error::Mend)?;
                let files = tree.files.iter().map(|(file, object)| (file.as_str(), object, true));
                let evidence =
                    tree.evidence.iter().map(|(url, object)| (url.as_str(), object, false));
                for (file, object, served) in files.chain(evidence) {
                    if !damaged.contains(&object.sha256) {
                        continue;
                    }
                    let found = places.entry(object.sha256).or_default();
                    found.size = object.size;
                    if served {
                        found.links.insert(folder.join(file));
                    }
                    let (tree, upstream) = (tree.path.clone(), tree.upstream.clone());
                    let used = Use { tree, file: file.to_owned(), upstream, generation: number };
                    found.uses.insert((used.tree.clone(), used.file.clone()), used);
                }
            }
        }
        Ok(places)
    }

    fn mend_one(&self, sha256: &Sha256, places: &Places) -> io::Result<bool> {
        let aside = self.damaged().join(sha256.to_string());
        let object = Object { sha256: *sha256, size: places.size };
        let again = places.uses.is_empty() || self.find(sha256) == Some(object);
        if again || self.take_copy(&aside, &object, places) {
            for link in &places.links {
                self.relink(&object, link)?;
            }
            // Last: a run that dies before is followed by one that does all again.
            fs::remove_file(aside)?;
            return Ok(true);
        }
        // Hard links of what is moved aside; a copy that differs is no better.
        places.links.iter().try_for_each(|link| remove_if_there(link))?;
        Ok(false)
    }

    /// Looks for a tree that holds a copy, not a link, and takes its bytes if they are good.
    fn take_copy(&self, aside: &Path, object: &Object, places: &Places) -> bool {
        let inode = |path: &Path| fs::metadata(path).map(|found| found.ino()).ok();
        let corrupt = inode(aside);
        places.links.iter().any(|link| {
            inode(link).is_some_and(|inode| Some(inode) != corrupt)
                && self.insert_file(link).is_ok_and(|taken| taken == *object)
        })
    }
}
