//! Many mirrors at once, from asynchronous code.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;

use super::{Error, Mirrored, Source, Target, mirror};
use crate::events::{Event, Watch};

/// Mirrors every source, `parallel` at a time, and returns what became of each, in order.
///
/// Dropping the future asks the running ones to stop.
pub async fn mirror_all(
    jobs: Vec<(Source, Target)>,
    parallel: usize,
    watch: &dyn Watch,
) -> Vec<Result<Mirrored, Error>> {
    let stop = Stop(Arc::default());
    let (sender, mut events) = mpsc::unbounded_channel();
    let runs = stream::iter(jobs)
        .map(|(source, target)| {
            let (stop, forward) = (Arc::clone(&stop.0), Forward(sender.clone()));
            async move {
                let name = source.name.clone();
                tokio::task::spawn_blocking(move || mirror(&source, &target, &stop, &forward))
                    .await
                    .unwrap_or_else(|source| Err(Error::Lost { name, source }))
            }
        })
        .buffered(parallel.max(1))
        .collect();
    tokio::pin!(runs);
    loop {
        tokio::select! {
            Some(event) = events.recv() => watch.event(event),
            results = &mut runs => {
                while let Ok(event) = events.try_recv() {
                    watch.event(event);
                }
                return results;
            }
        }
    }
}

/// Asks the blocking runs to stop when nobody waits for them any more.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Carries events out of a blocking thread, which cannot borrow the watcher.
struct Forward(mpsc::UnboundedSender<Event>);

impl Watch for Forward {
    fn event(&self, event: Event) {
        if self.0.send(event).is_err() {
            tracing::debug!("nobody watches any more");
        }
    }
}
