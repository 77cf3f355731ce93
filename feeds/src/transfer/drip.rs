//! Tells a mirror that is slow from one that only keeps the connection open.

use std::time::{Duration, Instant};

use super::error::Reason;

/// Bytes a second; even a modem brings more, over each of twenty connections.
const SLOWEST: u64 = 100;

/// Counts what comes within each span of patience.
pub(crate) struct Drip {
    patience: Duration,
    since: Instant,
    last: Instant,
    bytes: u64,
}

impl Drip {
    pub(crate) fn begin(patience: Duration) -> Self {
        let now = Instant::now();
        Self { patience, since: now, last: now, bytes: 0 }
    }

    /// Takes down that more is waited for: since the last bytes came, it was we who took our time.
    pub(crate) fn asked(&mut self) {
        self.since += self.last.elapsed();
    }

    /// Takes down that bytes came; tells, once for each span, if they are too few.
    pub(crate) fn came(&mut self, bytes: usize) -> Option<Reason> {
        self.bytes += bytes as u64;
        self.last = Instant::now();
        let span = self.last - self.since;
        if span < self.patience {
            return None;
        }
        let bytes = self.bytes;
        *self = Self::begin(self.patience);
        let few = u128::from(bytes) * 1000 < u128::from(SLOWEST) * span.as_millis();
        few.then_some(Reason::Dripping { bytes, seconds: span.as_secs() })
    }
}
