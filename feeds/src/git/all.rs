//! Many mirrors at once, from asynchronous code.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt as _, stream};

use super::mirror::mirror_in_turn;
use super::turns::{ASKING, Turns};
use super::{Error, Mirrored, Source, Target};
use crate::events::Watch;
use crate::relay::relayed;

/// Mirrors every source, and returns what became of each, in order; `parallel` of them fetch at a time, more only ask.
///
/// Dropping the future asks the running ones to stop.
pub async fn mirror_all(
    jobs: Vec<(Source, Target)>,
    parallel: usize,
    watch: &dyn Watch,
) -> Vec<Result<Mirrored, Error>> {
    let stop = Stop(Arc::default());
    let flag = Arc::clone(&stop.0);
    let turns = Arc::new(Turns::new(parallel));
    relayed(watch, |relay| {
        stream::iter(jobs)
            .map(move |(source, target)| {
                let (stop, relay, turns) = (Arc::clone(&flag), relay.clone(), Arc::clone(&turns));
                async move {
                    let name = source.name.clone();
                    let work = move || mirror_in_turn(&source, &target, &turns, &stop, &relay);
                    tokio::task::spawn_blocking(work)
                        .await
                        .unwrap_or_else(|source| Err(Error::Lost { name, source }))
                }
            })
            .buffered(parallel.max(1) + ASKING)
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
