//! One thing done to many items on all processors, for what waits on the kernel or hashes.

use std::num::NonZeroUsize;
use std::thread;

/// Fewer items than this are not worth a thread.
const WORTH_A_THREAD: usize = 64;

/// Does something to every item; the first failure of each share ends that share, and one of them is returned.
pub(super) fn try_for_all<T: Sync, E: Send>(
    items: &[T],
    act: impl Fn(&T) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let hands = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let share = items.len().div_ceil(hands).max(WORTH_A_THREAD);
    if items.len() <= share {
        return items.iter().try_for_each(act);
    }
    let act = &act;
    thread::scope(|scope| {
        let shares: Vec<_> = items
            .chunks(share)
            .map(|share| scope.spawn(move || share.iter().try_for_each(act)))
            .collect();
        shares.into_iter().try_for_each(|share| {
            share.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn every_item_is_done_once_and_a_failure_is_told() {
        for count in [0, 1, WORTH_A_THREAD, 1000] {
            let items: Vec<_> = (0..count).collect();
            let sum = AtomicUsize::new(0);
            let done = try_for_all(&items, |item| {
                sum.fetch_add(*item, Ordering::Relaxed);
                Ok::<(), usize>(())
            });
            assert_eq!((done, sum.into_inner()), (Ok(()), items.iter().sum()));
        }
        let items: Vec<_> = (0..1000).collect();
        assert_eq!(
            try_for_all(&items, |item| if *item == 999 { Err(*item) } else { Ok(()) }),
            Err(999)
        );
    }
}
