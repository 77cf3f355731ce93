//! What a feed tells whoever watches it: progress for people, not diagnostics (those are `tracing` events).

use std::sync::atomic::{AtomicU64, Ordering};

/// Names one piece of work from its start to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Id(pub u64);

impl Id {
    /// Returns an id that no other piece of work of this process has.
    pub fn fresh() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// One thing that happened.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A piece of work begins; `total` is in bytes, or in `unit`s where one is given.
    Started {
        /// Its name from now on.
        id: Id,
        /// How people call it.
        label: String,
        /// How much there is to do, if that is known.
        total: Option<u64>,
        /// What is counted, if not bytes.
        unit: Option<&'static str>,
    },
    /// It moved on by so many bytes or units.
    Advanced {
        /// Which piece of work.
        id: Id,
        /// How far.
        by: u64,
    },
    /// It ended.
    Finished {
        /// Which piece of work.
        id: Id,
        /// Why it did not end well, if so.
        failed: Option<String>,
    },
    /// Something worth a line to the operator.
    Note {
        /// The line.
        text: String,
    },
    /// Something the operator should look at.
    Warning {
        /// The line.
        text: String,
    },
}

/// Whoever watches. Must never block: it is called from the hot path.
pub trait Watch: Send + Sync {
    /// Takes one event.
    fn event(&self, event: Event);
}

/// Watches nothing.
pub struct Silent;

impl Watch for Silent {
    fn event(&self, _event: Event) {}
}
