//! Generations: built beside, synced, then switched by one rename of the link `current`.
//!
//! A crash at any moment leaves the old generation served and whole. What a dead run left half-built has a name that no
//! generation has, and is swept by the next run.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use fs_err::os::unix::fs::symlink;
use rustix::fs::FlockOperation;

use super::trees::{self, UNFINISHED};
use super::{Error, RelPath, Store, Tree};
use crate::lock::{self, Lock, LockedImage, LockedRef};
use crate::remove::remove_if_there;

const CURRENT: &str = "current";
const RECENT: &str = "recent";
/// As many generations as data looks into for a file that the served one no longer has.
const RECENT_KEPT: usize = 8;

/// A complete published state of all trees.
#[derive(Clone, Debug)]
pub struct Generation {
    /// Its number; a later one is higher.
    pub number: u64,
    /// Its folder.
    pub path: PathBuf,
    /// What it is made of.
    pub lock: Lock,
}

/// Holds off every other run that would publish or collect, until dropped.
pub(super) struct Guard {
    _file: fs::File,
}

impl Store {
    /// Publishes `trees` as all that there is within `scope`, except the trees named by `keep`, which stay as they are.
    ///
    /// Whatever lies outside `scope` is carried over. Returns the current generation if nothing changes.
    pub fn publish(
        &self,
        scope: &RelPath,
        trees: Vec<Tree>,
        keep: &[RelPath],
    ) -> Result<Generation, Error> {
        if let Some(tree) = trees.iter().find(|tree| !tree.path.is_within(scope)) {
            return Err(Error::OutOfScope { tree: tree.path.clone(), scope: scope.clone() });
        }
        self.publish_changed(|lock| {
            let replaced: BTreeSet<_> = trees.iter().map(|tree| tree.path.clone()).collect();
            lock.trees.retain(|tree| {
                !replaced.contains(&tree.path)
                    && (!tree.path.is_within(scope) || keep.contains(&tree.path))
            });
            lock.trees.extend(trees);
        })
    }

    /// Records `refs` as all that is mirrored into the git service, except the repositories named by `keep`.
    pub fn publish_refs(&self, refs: Vec<LockedRef>, keep: &[String]) -> Result<Generation, Error> {
        self.publish_changed(|lock| {
            let replaced: BTreeSet<_> = refs.iter().map(|one| one.repository.clone()).collect();
            lock.refs.retain(|old| {
                keep.contains(&old.repository) && !replaced.contains(&old.repository)
            });
            lock.refs.extend(refs);
        })
    }

    /// Records `images` as all that is mirrored into the registry, and publishes the `pages` that tell of them.
    pub fn publish_images(
        &self,
        images: Vec<LockedImage>,
        pages: Vec<Tree>,
    ) -> Result<Generation, Error> {
        self.publish_changed(|lock| {
            lock.images = images;
            lock.trees.retain(|tree| pages.iter().all(|page| page.path != tree.path));
            lock.trees.extend(pages);
        })
    }

    /// Returns the served generation, if anything was published yet.
    pub fn current(&self) -> Result<Option<Generation>, Error> {
        match fs::read_link(self.published().join(CURRENT)) {
            Ok(target) => self.load(&self.published().join(target)).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::Observe(error)),
        }
    }

    /// Returns the numbers of all kept generations, oldest first.
    pub fn kept(&self) -> Result<Vec<u64>, Error> {
        self.kept_on_disk().map_err(Error::Observe)
    }

    fn kept_on_disk(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(self.generations())? {
            let name = entry?.file_name();
            numbers.extend(name.to_str().and_then(|name| name.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Returns a kept generation.
    pub fn generation(&self, number: u64) -> Result<Generation, Error> {
        if !self.kept()?.contains(&number) {
            return Err(Error::NoSuchGeneration { number });
        }
        self.load(&self.generation_path(number))
    }

    /// Serves a kept generation again.
    pub fn switch_back(&self, number: u64) -> Result<Generation, Error> {
        let _guard = self.guard()?;
        let generation = self.generation(number)?;
        self.switch(number).map_err(|source| Error::Switch { number, source })?;
        Ok(generation)
    }

    fn publish_changed(&self, change: impl FnOnce(&mut Lock)) -> Result<Generation, Error> {
        let _guard = self.guard()?;
        self.sweep().map_err(Error::Collect)?;
        // What was fetched again takes its places in the trees that lacked it.
        self.mend_guarded()?;
        let current = self.current()?;
        let mut new = current.as_ref().map(|current| current.lock.clone()).unwrap_or_default();
        change(&mut new);
        new.sort();
        if let Some(current) = current
            && new.same_content(&current.lock)
        {
            return Ok(current);
        }
        check_trees(&new.trees)?;
        new.generation = self.kept()?.last().unwrap_or(&0) + 1;
        self.build(&new)?;
        let number = new.generation;
        self.switch(number).map_err(|source| Error::Switch { number, source })?;
        Ok(Generation { number, path: self.generation_path(number), lock: new })
    }

    /// Builds a generation and its new trees under names that nobody serves; they get theirs when all is whole and on disk.
    fn build(&self, lock: &Lock) -> Result<(), Error> {
        let number = lock.generation;
        let failed = |source| Error::Build { number, source };
        let folder = self.generations().join(format!("{UNFINISHED}{number}"));
        fs::create_dir(&folder).map_err(failed)?;
        let mut ids = BTreeMap::new();
        for tree in &lock.trees {
            let id = tree.id();
            trees::hang(&folder, &tree.path, &id).map_err(failed)?;
            ids.insert(id, tree);
        }
        let built = self.build_trees(number, &ids)?;
        let path = folder.join(lock::FILE_NAME);
        let text = lock.to_bytes().map_err(|source| Error::Lock { path: path.clone(), source })?;
        fs::write(path, text).map_err(failed)?;
        self.sync().map_err(failed)?;
        for (unfinished, path) in built {
            fs::rename(unfinished, path).map_err(failed)?;
        }
        // A generation must not outlive its trees, wherever the power goes.
        sync_folder(&self.trees()).map_err(failed)?;
        fs::rename(folder, self.generation_path(number)).map_err(failed)?;
        sync_folder(&self.generations()).map_err(failed)
    }

    fn switch(&self, number: u64) -> io::Result<()> {
        let published = self.published();
        // First, so that at no moment a file of the generation that was served is nowhere.
        self.remember_recent(number)?;
        self.point(&published.join(CURRENT), &Path::new("generations").join(number.to_string()))?;
        sync_folder(&published)
    }

    /// Makes `recent/<k>` name the kept generations but the served one, newest first.
    pub(super) fn remember_recent(&self, served: u64) -> io::Result<()> {
        let folder = self.published().join(RECENT);
        fs::create_dir_all(&folder)?;
        let kept = self.kept_on_disk()?.into_iter().rev().filter(|number| *number != served);
        let recent: Vec<_> = kept.take(RECENT_KEPT).collect();
        for beyond in recent.len()..RECENT_KEPT {
            remove_if_there(&folder.join((beyond + 1).to_string()))?;
        }
        // The oldest first: each moves on by one, and none is missing meanwhile.
        for (at, number) in recent.iter().enumerate().rev() {
            let target = Path::new("../generations").join(number.to_string());
            self.point(&folder.join((at + 1).to_string()), &target)?;
        }
        Ok(())
    }

    /// Makes a link, or turns it, by one rename.
    fn point(&self, link: &Path, target: &Path) -> io::Result<()> {
        if fs::read_link(link).is_ok_and(|old| old == target) {
            return Ok(());
        }
        let fresh = self.published().join(format!("{UNFINISHED}{CURRENT}"));
        remove_if_there(&fresh)?;
        symlink(target, &fresh)?;
        fs::rename(&fresh, link)
    }

    fn load(&self, path: &Path) -> Result<Generation, Error> {
        let lock = Lock::load(path)?;
        let number = lock.generation;
        Ok(Generation { number, path: self.generation_path(number), lock })
    }

    pub(super) fn generation_path(&self, number: u64) -> PathBuf {
        self.generations().join(number.to_string())
    }

    /// Takes the right to publish and collect, or tells that another run has it.
    pub(super) fn guard(&self) -> Result<Guard, Error> {
        let path = self.root().join("publishing");
        let file = fs::File::create(path).map_err(Error::Open)?;
        rustix::fs::flock(file.file(), FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| Error::Busy { path: self.root().to_owned() })?;
        Ok(Guard { _file: file })
    }

    /// Removes what a dead run left half-built or half-removed.
    pub(super) fn sweep(&self) -> io::Result<()> {
        for folder in [self.generations(), self.trees()] {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                if !entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                    continue;
                }
                if entry.file_type()?.is_dir() {
                    fs::remove_dir_all(entry.path())?;
                } else {
                    fs::remove_file(entry.path())?;
                }
            }
        }
        Ok(())
    }

    /// Removes a generation or a tree; it loses its name first, so that nobody finds it half-removed.
    pub(super) fn remove_named(folder: &Path, name: &str) -> io::Result<()> {
        let doomed = folder.join(format!("{UNFINISHED}{name}"));
        fs::rename(folder.join(name), &doomed)?;
        fs::remove_dir_all(doomed)
    }
}

/// Refuses trees that overlap. The trees are sorted.
fn check_trees(trees: &[Tree]) -> Result<(), Error> {
    for (index, outer) in trees.iter().enumerate() {
        let overlapping = trees[index + 1..].iter().find(|inner| inner.path.is_within(&outer.path));
        if let Some(inner) = overlapping {
            let (outer, inner) = (outer.path.clone(), inner.path.clone());
            return Err(Error::Overlap { outer, inner });
        }
    }
    Ok(())
}

fn sync_folder(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}
