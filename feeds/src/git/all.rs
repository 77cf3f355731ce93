//! Many mirrors at once, from asynchronous code.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt as _, stream};

use super::{Error, Mirrored, Source, Target, mirror};
use crate::events::Watch;
use crate::relay::relayed;

/// Mirrors every source, `parallel` at a time, and returns what became of each, in order.
///
/// Dropping the future asks the running ones to stop.
pub async fn mirror_all(
    jobs: Vec<(Source, Target)>,
    parallel: usize,
    watch: &dyn Watch,
) -> Vec<Result<Mirrored, Error>> {
    let stop = Stop(Arc::default());
    let flag = Arc::clone(&stop.0);
    relayed(watch, |relay| {
        stream::iter(jobs)
            .map(move |(source, target)| {
                let (stop, relay) = (Arc::clone(&flag), relay.clone());
                async move {
                    let name = source.name.clone();
                    tokio::task::spawn_blocking(move || mirror(&source, &target, &stop, &relay))
                        .await
                        .unwrap_or_else(|source| Err(Error::Lost { name, source }))
                }
            })
            .buffered(parallel.max(1))
            .collect()
    })
    .await
}

/// Asks the blocking runs to stop when nobody waits for them any more.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
