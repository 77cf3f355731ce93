//! Fetches all files of a tree: many at once, each content once, and every failure told together at the end.

use std::collections::HashMap;

use futures_util::stream::{self, FuturesUnordered, StreamExt as _};

use super::progress::Bar;
use super::{Error, Fetched, Obtained, Transfer, Want};
use crate::digest::Sha256;
use crate::events::Watch;
use crate::store::Object;

const BATCH_FILES: usize = 256;
const BATCH_BYTES: u64 = 1 << 30;
/// Files that came and wait for the disk, beside those on the way: while it is busy the wire need not be idle.
const UNWRITTEN: usize = 128;

impl Transfer {
    /// Fetches what the store does not hold and returns the objects in the order of `wants`.
    ///
    /// A file that fails does not stop the others; the error names each that failed.
    pub async fn fetch_all(
        &self,
        label: &str,
        wants: Vec<Want>,
        watch: &dyn Watch,
    ) -> Result<Vec<Object>, Error> {
        let missing = self.each_missing_once(&wants);
        let bytes = missing.iter().filter_map(|want| want.size).sum();
        let keep = |source| Error::Keep { label: label.to_owned(), source };
        self.store.require_space(bytes).map_err(keep)?;
        let total = missing.len();
        let known = missing.iter().all(|want| want.size.is_some()).then_some(bytes);
        let bar = Bar::start(watch, label, known);
        self.meter.begin();
        let fetched = self.fetch_missing(label, missing, &bar).await;
        let came = fetched.as_ref().map_or((0, 0), |objects| {
            (objects.len(), objects.values().map(|object| object.size).sum())
        });
        self.meter.end(came.0, came.1);
        bar.finish(fetched.as_ref().err().map(|error| summary(error, total)));
        let fetched = fetched?;
        let found = |want: &Want| {
            let held = || want.held(&self.store);
            fetched.get(&want.key()).copied().or_else(held)
        };
        let objects: Option<Vec<_>> = wants.iter().map(found).collect();
        // Only if someone removed an object while we were at work.
        objects.ok_or_else(|| Error::Vanished { label: label.to_owned() })
    }

    /// Returns the wants that the store does not hold, each content once.
    fn each_missing_once<'w>(&self, wants: &'w [Want]) -> Vec<&'w Want> {
        let mut keys = std::collections::HashSet::new();
        let missing = wants.iter().filter(|want| want.held(&self.store).is_none());
        missing.filter(|want| keys.insert(want.key())).collect()
    }

    async fn fetch_missing(
        &self,
        label: &str,
        missing: Vec<&Want>,
        bar: &Bar<'_>,
    ) -> Result<HashMap<Sha256, Object>, Error> {
        let total = missing.len();
        let mut failed = Vec::new();
        let mut objects = HashMap::with_capacity(total);
        let mut batch = Batch::default();
        let work =
            missing.into_iter().map(|want| async { (want.key(), self.obtain(want, bar).await) });
        let mut done = stream::iter(work).buffer_unordered(self.lanes.widest() + UNWRITTEN);
        // One batch reaches the disk while the next one comes in.
        let mut settling = FuturesUnordered::new();
        loop {
            let (key, obtained) = tokio::select! {
                Some(one) = done.next() => one,
                Some(settled) = settling.next() => {
                    settled?;
                    continue;
                }
                else => break,
            };
            match obtained {
                Err(error) => failed.push(error),
                Ok(Obtained::Held(surveyed)) => drop(objects.insert(key, surveyed.object)),
                Ok(Obtained::Fetched(fetched)) => {
                    objects.insert(key, fetched.ready.object);
                    batch.push(*fetched);
                }
            }
            if batch.is_full() {
                while let Some(settled) = settling.next().await {
                    settled?;
                }
                settling.push(self.admit(label, batch.take()));
            }
        }
        self.admit(label, batch.take()).await?;
        if failed.is_empty() {
            return Ok(objects);
        }
        failed.sort_by_key(ToString::to_string);
        Err(Error::Several { label: label.to_owned(), total, failed })
    }
}

/// Files that reach the disk together: one sync of the file system is dear, and so is an open file.
#[derive(Default)]
struct Batch {
    files: Vec<Fetched>,
    bytes: u64,
}

impl Batch {
    fn push(&mut self, fetched: Fetched) {
        self.bytes += fetched.ready.object.size;
        self.files.push(fetched);
    }

    fn is_full(&self) -> bool {
        self.files.len() >= BATCH_FILES || self.bytes >= BATCH_BYTES
    }

    fn take(&mut self) -> Vec<Fetched> {
        self.bytes = 0;
        std::mem::take(&mut self.files)
    }
}

/// Says in one line what the error says in many.
fn summary(error: &Error, total: usize) -> String {
    match error {
        Error::Several { failed, .. } => format!("{} of {total} files failed", failed.len()),
        other => other.to_string(),
    }
}
