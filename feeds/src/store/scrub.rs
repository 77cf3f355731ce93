//! Scrubbing: every object is hashed again; what is not what its name says is moved aside, out of the way of the next feed.

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use fs_err as fs;

use super::{Error, Store};
use crate::digest::{Hasher, Sha256};
use crate::events::{Event, Id, Watch};
use crate::remove::remove_if_there;

const READ_BUFFER: usize = 1024 * 1024;
/// After so many bytes the way that was gone is remembered.
const REMEMBER_EVERY: u64 = 256 * 1024 * 1024;

/// What hashing all objects found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Scrubbed {
    /// Objects hashed.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that an interrupted run had hashed before.
    pub skipped: usize,
    /// Objects that are not what their names say.
    pub corrupt: BTreeSet<Sha256>,
}

/// What the processors share: the objects in their order, how far each has come, and what was found.
struct Rounds<'s> {
    store: &'s Store,
    objects: Vec<(Sha256, u64)>,
    next: AtomicUsize,
    /// For each processor, the object it is at.
    at: Mutex<Vec<usize>>,
    found: Mutex<Scrubbed>,
    /// Whether corrupt objects are moved aside and the way is remembered.
    change: bool,
    watch: &'s dyn Watch,
    id: Id,
}

impl Store {
    /// Hashes every object on all processors, going on where an interrupted run stopped.
    ///
    /// What is corrupt is moved to `damaged/`; [`Store::mend`] says what it means. Without `change` all objects are hashed,
    /// and nothing is touched. The caller sees to it that no feed runs.
    pub fn scrub(&self, change: bool, watch: &dyn Watch) -> Result<Scrubbed, Error> {
        let start = if change { self.scrubbed_before() } else { None };
        let mut objects = self.all_objects().map_err(Error::Scrub)?;
        let all = objects.len();
        objects.retain(|(sha256, _)| start.is_none_or(|start| *sha256 > start));
        let total = objects.iter().map(|(_, size)| size).sum();
        let id = Id::fresh();
        let label = "scrub".to_owned();
        watch.event(Event::Started { id, label, total: Some(total), unit: None });
        let hands = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let found = Scrubbed { skipped: all - objects.len(), ..Scrubbed::default() };
        let rounds = Rounds {
            store: self,
            next: AtomicUsize::new(hands),
            at: Mutex::new((0..hands).collect()),
            found: Mutex::new(found),
            objects,
            change,
            watch,
            id,
        };
        let ended = std::thread::scope(|scope| {
            let rounds = &rounds;
            let hands: Vec<_> =
                (0..hands).map(|hand| scope.spawn(move || rounds.hash_from(hand))).collect();
            hands.into_iter().try_for_each(|hand| {
                hand.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        });
        let failed = ended.as_ref().err().map(ToString::to_string);
        watch.event(Event::Finished { id, failed });
        ended.map_err(Error::Scrub)?;
        if change {
            remove_if_there(&self.scrub_mark()).map_err(Error::Scrub)?;
        }
        Ok(rounds.found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Where corrupt objects wait until their bytes are there again.
    pub(super) fn damaged(&self) -> PathBuf {
        self.root().join("damaged")
    }

    fn scrub_mark(&self) -> PathBuf {
        self.root().join("scrubbed-up-to")
    }

    /// The last object of those that an interrupted run has hashed.
    fn scrubbed_before(&self) -> Option<Sha256> {
        fs::read_to_string(self.scrub_mark()).ok()?.trim().parse().ok()
    }

    fn all_objects(&self) -> io::Result<Vec<(Sha256, u64)>> {
        let mut objects = Vec::new();
        for folder in fs::read_dir(self.objects())? {
            for entry in fs::read_dir(folder?.path())? {
                let entry = entry?;
                if let Some(sha256) = entry.file_name().to_str().and_then(|name| name.parse().ok())
                {
                    objects.push((sha256, entry.metadata()?.len()));
                }
            }
        }
        objects.sort_unstable();
        Ok(objects)
    }
}

impl Rounds<'_> {
    /// One processor's round: its first object, then whichever is next.
    fn hash_from(&self, hand: usize) -> io::Result<()> {
        let (mut at, mut since) = (hand, 0);
        let mut buffer = vec![0; READ_BUFFER];
        while let Some((sha256, size)) = self.objects.get(at) {
            if !self.is_sound(sha256, &mut buffer) {
                self.found().corrupt.insert(*sha256);
                if self.change {
                    let damaged = self.store.damaged();
                    fs::create_dir_all(&damaged)?;
                    fs::rename(self.store.path(sha256), damaged.join(sha256.to_string()))?;
                }
            }
            let mut found = self.found();
            found.objects += 1;
            found.bytes += size;
            drop(found);
            at = self.next.fetch_add(1, Ordering::Relaxed);
            let behind = self.moved_on(hand, at);
            since += size;
            if self.change && since >= REMEMBER_EVERY {
                since = 0;
                self.remember(behind)?;
            }
        }
        Ok(())
    }

    /// Tells whether an object is what its name says; what cannot be read is not.
    fn is_sound(&self, sha256: &Sha256, buffer: &mut [u8]) -> bool {
        let mut hash = || -> io::Result<Sha256> {
            let mut file = fs::File::open(self.store.path(sha256))?;
            let mut hasher = Hasher::new(None);
            loop {
                match file.read(buffer)? {
                    0 => return Ok(hasher.finish().0),
                    length => {
                        hasher.update(&buffer[..length]);
                        self.watch.event(Event::Advanced { id: self.id, by: length as u64 });
                    }
                }
            }
        };
        hash().is_ok_and(|hashed| hashed == *sha256)
    }

    /// Notes where a processor is; returns the object below which all are done.
    fn moved_on(&self, hand: usize, to: usize) -> usize {
        let mut at = self.at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        at[hand] = to;
        at.iter().min().copied().unwrap_or(0)
    }

    fn remember(&self, behind: usize) -> io::Result<()> {
        let Some((last, _)) = behind.checked_sub(1).and_then(|last| self.objects.get(last)) else {
            return Ok(());
        };
        let mark = self.store.scrub_mark();
        let fresh = tempfile::NamedTempFile::new_in(self.store.root())?;
        fs::write(fresh.path(), format!("{last}\n"))?;
        fresh.persist(mark).map(drop).map_err(|error| error.error)
    }

    fn found(&self) -> std::sync::MutexGuard<'_, Scrubbed> {
        self.found.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
