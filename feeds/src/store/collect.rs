//! Garbage: old generations first, then the objects that no kept generation names.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use fs_err as fs;

use super::{Error, Store};
use crate::digest::Sha256;

/// What a collection removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Collected {
    /// Generations.
    pub generations: usize,
    /// Objects.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Store {
    /// Keeps the newest `generations`, always the served one, and every object that a kept one names.
    ///
    /// Objects younger than `grace` stay as well: a run that was interrupted has not published them yet.
    /// Partial files stay.
    pub fn collect(&self, generations: usize, grace: Duration) -> Result<Collected, Error> {
        let _guard = self.guard()?;
        self.sweep().map_err(Error::Collect)?;
        let mut collected = Collected::default();
        let served = self.current()?.map(|current| current.number);
        let mut kept = self.kept()?;
        let doomed = kept.len().saturating_sub(generations.max(1));
        for number in kept.drain(..doomed).filter(|number| Some(*number) != served) {
            self.remove_generation(number).map_err(Error::Collect)?;
            collected.generations += 1;
        }
        let named = self.named()?;
        // Without a clock that goes forward nothing is young enough to be spared.
        let oldest_spared = SystemTime::now().checked_sub(grace);
        for folder in folders(&self.objects()).map_err(Error::Collect)? {
            collect_objects(&folder, &named, oldest_spared, &mut collected)
                .map_err(Error::Collect)?;
        }
        self.forget_dangling().map_err(Error::Collect)?;
        Ok(collected)
    }

    /// Returns the objects that the kept generations name.
    fn named(&self) -> Result<BTreeSet<Sha256>, Error> {
        let mut named = BTreeSet::new();
        for number in self.kept()? {
            for tree in self.generation(number)?.lock.trees {
                named.extend(tree.files.values().map(|object| object.sha256));
                named.extend(tree.evidence.values().map(|object| object.sha256));
            }
        }
        Ok(named)
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

fn collect_objects(
    folder: &Path,
    named: &BTreeSet<Sha256>,
    oldest_spared: Option<SystemTime>,
    collected: &mut Collected,
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
        fs::remove_file(entry.path())?;
        collected.objects += 1;
        collected.bytes += found.len();
    }
    Ok(())
}

fn folders(path: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    let entries = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
    Ok(entries.collect::<io::Result<Vec<_>>>()?.into_iter().filter(|path| path.is_dir()).collect())
}
