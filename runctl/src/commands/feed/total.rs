//! One bar over all upstreams of a feed: it moves with each of theirs.

use std::sync::Arc;

use feeds::events::{Event, Id, Watch};

/// Watches fetches, and tells whoever watches it of their sum. The sum ends when this is dropped.
pub(super) struct Total {
    id: Option<Id>,
    watch: Arc<dyn Watch>,
}

impl Total {
    /// Begins the sum of so many bytes; where there is nothing to fetch, there is none.
    pub(super) fn of(feed: &str, bytes: u64, watch: Arc<dyn Watch>) -> Self {
        let id = (bytes > 0).then(Id::fresh);
        if let Some(id) = id {
            let label = format!("all of {feed}");
            watch.event(Event::Started { id, label, total: Some(bytes), unit: None });
        }
        Self { id, watch }
    }
}

impl Watch for Total {
    fn event(&self, event: Event) {
        if let (Some(id), Event::Advanced { by, .. }) = (self.id, &event) {
            self.watch.event(Event::Advanced { id, by: *by });
        }
        self.watch.event(event);
    }
}

impl Drop for Total {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.watch.event(Event::Finished { id, failed: None });
        }
    }
}
