//! Garbage: old generations first, then the trees and the objects that no kept generation names.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fs_err as fs;

use super::{Error, Store, trees};
use crate::digest::Sha256;

/// What a collection removed, or would remove.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Collected {
    /// Generations, by number.
    pub generations: Vec<u64>,
    /// Trees that no kept generation holds.
    pub trees: usize,
    /// Objects that no kept generation names.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Store {
    /// Keeps the newest `generations`, always the served one, and every tree and object that a kept one names.
    ///
    /// Objects younger than `grace` stay as well: a run that was interrupted has not published them yet.
    /// Partial files stay.
    pub fn collect(&self, generations: usize, grace: Duration) -> Result<Collected, Error> {
        let _guard = self.guard()?;
        self.sweep().map_err(Error::Collect)?;
        let garbage = self.garbage(generations, grace)?;
        let removed = || -> io::Result<()> {
            for number in &garbage.collected.generations {
                Self::remove_named(&self.generations(), &number.to_string())?;
            }
            if let Some(served) = garbage.served {
                self.remember_recent(served)?;
            }
            garbage.trees.iter().try_for_each(|name| Self::remove_named(&self.trees(), name))?;
            garbage.objects.iter().try_for_each(fs::remove_file)?;
            self.forget_dangling()
        };
        removed().map_err(Error::Collect)?;
        Ok(garbage.collected)
    }

    /// Tells what a collection would remove.
    pub fn collectable(&self, generations: usize, grace: Duration) -> Result<Collected, Error> {
        Ok(self.garbage(generations, grace)?.collected)
    }

    fn garbage(&self, generations: usize, grace: Duration) -> Result<Garbage, Error> {
        let served = self.current()?.map(|current| current.number);
        let mut garbage = Garbage { served, ..Garbage::default() };
        let doomed = self.outdated(generations.max(1))?;
        let (kept, doomed) = self
            .kept()?
            .into_iter()
            .partition::<Vec<_>, _>(|number| Some(*number) == served || !doomed.contains(number));
        garbage.collected.generations = doomed;
        let named = self.named(&kept)?;
        self.nameless(&named, grace, &mut garbage).map_err(Error::Collect)?;
        Ok(garbage)
    }

    /// Returns the generations before the newest so many. Where two in a row have the same trees, and so differ in what git or
    /// the registry held alone, the newer one stands for both.
    fn outdated(&self, generations: usize) -> Result<BTreeSet<u64>, Error> {
        let mut numbers = self.kept()?.into_iter().rev();
        let (mut counted, mut newer, mut outdated) = (0, None, BTreeSet::new());
        for number in numbers.by_ref() {
            let trees = Some(self.generation(number)?.lock.trees);
            if newer == trees {
                outdated.insert(number);
                continue;
            }
            (counted, newer) = (counted + 1, trees);
            if counted > generations {
                outdated.insert(number);
                break;
            }
        }
        outdated.extend(numbers);
        Ok(outdated)
    }

    /// Returns the trees and objects that these generations name.
    fn named(&self, kept: &[u64]) -> Result<Named, Error> {
        let mut named = Named::default();
        for &number in kept {
            let generation = self.generation(number)?;
            for tree in &generation.lock.trees {
                named.trees.extend(trees::hung(&generation.path, &tree.path));
                named.objects.extend(tree.files.values().map(|object| object.sha256));
                named.objects.extend(tree.evidence.values().map(|object| object.sha256));
            }
        }
        Ok(named)
    }

    fn nameless(&self, named: &Named, grace: Duration, garbage: &mut Garbage) -> io::Result<()> {
        for tree in folders(&self.trees())? {
            let name = tree.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            // Whatever else lies there is not ours to remove.
            if name.parse::<Sha256>().is_ok() && !named.trees.contains(name) {
                garbage.trees.push(name.to_owned());
            }
        }
        garbage.collected.trees = garbage.trees.len();
        // Without a clock that goes forward nothing is young enough to be spared.
        let oldest_spared = SystemTime::now().checked_sub(grace);
        for folder in folders(&self.objects())? {
            nameless_objects(&folder, &named.objects, oldest_spared, garbage)?;
        }
        Ok(())
    }

    /// Removes other digests of objects that are gone.
    fn forget_dangling(&self) -> io::Result<()> {
        if !self.known().is_dir() {
            return Ok(());
        }
        for algorithm in folders(&self.known())? {
            for folder in folders(&algorithm)? {
                for entry in fs::read_dir(folder)? {
                    let link = entry?.path();
                    if !link.exists() {
                        fs::remove_file(link)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// What the kept generations name.
#[derive(Default)]
struct Named {
    trees: HashSet<String>,
    objects: HashSet<Sha256>,
}

/// What goes, and where it lies.
#[derive(Default)]
struct Garbage {
    served: Option<u64>,
    trees: Vec<String>,
    objects: Vec<PathBuf>,
    collected: Collected,
}

fn nameless_objects(
    folder: &Path,
    named: &HashSet<Sha256>,
    oldest_spared: Option<SystemTime>,
    garbage: &mut Garbage,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if name.is_none_or(|sha256| named.contains(&sha256)) {
            continue;
        }
        let found = entry.metadata()?;
        if oldest_spared.is_some_and(|oldest| found.modified().is_ok_and(|time| time > oldest)) {
            continue;
        }
        garbage.objects.push(entry.path());
        garbage.collected.objects += 1;
        garbage.collected.bytes += found.len();
    }
    Ok(())
}

fn folders(path: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
    Ok(entries.collect::<io::Result<Vec<_>>>()?.into_iter().filter(|path| path.is_dir()).collect())
}
