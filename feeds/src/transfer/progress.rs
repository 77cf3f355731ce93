//! One bar: tells the watcher of one piece of work from its start to its end, however it ends.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::events::{Event, Id, Watch};

/// A piece of work being watched. Dropping it before [`Bar::finish`] tells that it was stopped.
pub(super) struct Bar<'a> {
    id: Id,
    watch: &'a dyn Watch,
    ended: bool,
}

impl<'a> Bar<'a> {
    pub(super) fn start(watch: &'a dyn Watch, label: &str, total: Option<u64>) -> Self {
        let id = Id::fresh();
        watch.event(Event::Started { id, label: label.to_owned(), total, unit: None });
        Self { id, watch, ended: false }
    }

    pub(super) fn advance(&self, by: u64) {
        if by > 0 {
            self.watch.event(Event::Advanced { id: self.id, by });
        }
    }

    pub(super) fn warn(&self, text: String) {
        self.watch.event(Event::Warning { text });
    }

    pub(super) fn finish(mut self, failed: Option<String>) {
        self.ended = true;
        self.watch.event(Event::Finished { id: self.id, failed });
    }
}

impl Drop for Bar<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let failed = Some("stopped".to_owned());
            self.watch.event(Event::Finished { id: self.id, failed });
        }
    }
}

/// The part of a bar that one file moves. A file that starts over does not count twice.
pub(super) struct Share<'a> {
    bar: &'a Bar<'a>,
    highest: AtomicU64,
}

impl<'a> Share<'a> {
    pub(super) fn of(bar: &'a Bar<'a>) -> Self {
        Self { bar, highest: AtomicU64::new(0) }
    }

    /// Tells how many bytes of the file are there now.
    pub(super) fn reached(&self, bytes: u64) {
        let before = self.highest.fetch_max(bytes, Ordering::Relaxed);
        self.bar.advance(bytes.saturating_sub(before));
    }
}
