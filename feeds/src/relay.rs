//! Carries events out of threads and streams that cannot borrow a watcher.

use tokio::sync::mpsc;

use crate::events::{Event, Watch};

/// A watcher that can be owned and cloned; what it sees comes out of [`relayed`].
#[derive(Clone)]
pub(crate) struct Relay(mpsc::UnboundedSender<Event>);

impl Watch for Relay {
    fn event(&self, event: Event) {
        if self.0.send(event).is_err() {
            tracing::debug!("nobody watches any more");
        }
    }
}

/// Runs `work` and hands on to `watch` what the relay given to it sees.
pub(crate) async fn relayed<T, F>(watch: &dyn Watch, work: impl FnOnce(Relay) -> F) -> T
where
    F: Future<Output = T>,
{
    let (sender, mut events) = mpsc::unbounded_channel();
    let work = work(Relay(sender));
    tokio::pin!(work);
    loop {
        tokio::select! {
            Some(event) = events.recv() => watch.event(event),
            result = &mut work => {
                while let Ok(event) = events.try_recv() {
                    watch.event(event);
                }
                return result;
            }
        }
    }
}
