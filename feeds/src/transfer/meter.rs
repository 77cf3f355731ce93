//! How fast files came in, so that what is still to come can be told in minutes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::store::Store;

/// Less than that tells nothing: connections have hardly been made.
const TELLING: Duration = Duration::from_millis(300);
const FILE_NAME: &str = "pace.json";

/// How fast an earlier or this very run fetched.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// Files in a second, where files are small.
    pub files: f64,
    /// Bytes in a second, where they are large.
    pub bytes: f64,
}

impl Pace {
    /// Estimates how long so many files with so many bytes take: the slower of both tells.
    pub fn estimate(&self, files: usize, bytes: u64) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let seconds = (files as f64 / self.files).max(bytes as f64 / self.bytes);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// Recalls how fast the last run into a store was.
    pub fn recall(store: &Store) -> Option<Self> {
        serde_json::from_slice(&fs_err::read(store.root().join(FILE_NAME)).ok()?).ok()
    }

    /// Remembers it for the next run. Nothing depends on it: it may be lost.
    pub fn remember(&self, store: &Store) {
        let written = serde_json::to_vec(self).map_err(std::io::Error::from);
        let written = written.and_then(|text| fs_err::write(store.root().join(FILE_NAME), text));
        if let Err(error) = written {
            tracing::debug!(%error, "the pace is not remembered");
        }
    }
}

/// Counts what came in, and the time in which anything was asked for.
#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    active: usize,
    since: Option<Instant>,
    busy: Duration,
    files: usize,
    bytes: u64,
}

impl Meter {
    /// Takes down that some work begins.
    pub(super) fn begin(&self) {
        let mut counted = self.counted();
        counted.active += 1;
        counted.since.get_or_insert_with(Instant::now);
    }

    /// Takes down that it ended, and what came in.
    pub(super) fn end(&self, files: usize, bytes: u64) {
        let mut counted = self.counted();
        counted.active = counted.active.saturating_sub(1);
        counted.files += files;
        counted.bytes += bytes;
        if counted.active == 0
            && let Some(since) = counted.since.take()
        {
            counted.busy += since.elapsed();
        }
    }

    /// Tells how fast it was, if enough came in to tell.
    pub(super) fn pace(&self) -> Option<Pace> {
        let counted = self.counted();
        let seconds = counted.busy.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let pace =
            Pace { files: counted.files as f64 / seconds, bytes: counted.bytes as f64 / seconds };
        (counted.busy >= TELLING && counted.bytes > 0).then_some(pace)
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_of_files_and_bytes_tells() {
        let pace = Pace { files: 100.0, bytes: 1e6 };
        assert_eq!(pace.estimate(1000, 1), Duration::from_secs(10));
        assert_eq!(pace.estimate(1, 60_000_000), Duration::from_mins(1));
        let nothing = Pace { files: 0.0, bytes: 0.0 };
        assert_eq!(nothing.estimate(1, 1), Duration::MAX);
    }

    #[test]
    fn what_is_hardly_begun_tells_nothing() {
        let meter = Meter::default();
        meter.begin();
        meter.end(1, 1000);
        assert_eq!(meter.pace(), None);
    }
}
