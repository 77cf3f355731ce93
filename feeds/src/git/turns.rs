//! How many mirrors may ask and how many may fetch at once: to ask costs a request, to fetch a core and the disk.

use std::sync::{Condvar, Mutex, PoisonError};

/// How many may ask at once. git's own server lets so many connections wait; one more is tried again after a second.
pub(super) const ASKING: usize = 6;

/// Who may go on, of all mirrors of one run.
#[derive(Debug)]
pub(super) struct Turns {
    /// To ask.
    pub(super) ask: Gate,
    /// To fetch.
    pub(super) fetch: Gate,
}

impl Turns {
    /// So many fetch at once.
    pub(super) fn new(parallel: usize) -> Self {
        Self { ask: Gate::new(ASKING), fetch: Gate::new(parallel) }
    }
}

/// Lets so many through at once; the others wait.
#[derive(Debug)]
pub(super) struct Gate {
    free: Mutex<usize>,
    freed: Condvar,
}

/// Leave to go on, as long as it is held.
#[must_use]
pub(super) struct Turn<'a>(&'a Gate);

impl Gate {
    /// So many at once, one at least.
    fn new(count: usize) -> Self {
        Self { free: Mutex::new(count.max(1)), freed: Condvar::new() }
    }

    /// Waits for a turn.
    pub(super) fn take(&self) -> Turn<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free =
            self.freed.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn no_more_than_so_many_have_a_turn() {
        let (gate, now, most) = (Gate::new(2), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _turn = gate.take();
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    now.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert!(most.into_inner() <= 2);
        assert_eq!(*gate.free.lock().unwrap(), 2);
    }
}
