//! The head of a chain, of the first mirror that has one which holds.

use url::Url;

use crate::events::{Event, Watch};
use crate::folder::chain;
use crate::store::RelPath;
use crate::transfer::{Bases, below, masked};

/// Why a head does not hold, and which mirror is to blame, if one is.
pub(crate) type Blamed<E> = (Option<Url>, E);

/// Asks mirrors for a head until one has one that holds; returns it with all of them, that one first: another may be older.
///
/// A mirror whose head does not hold is named and passed over; if none holds, the first failure is told.
pub(crate) async fn first<
    H,
    E: std::error::Error,
    A: Future<Output = Result<(Url, H), Blamed<E>>>,
>(
    all: &Bases,
    of: &str,
    watch: &dyn Watch,
    ask: impl Fn(Bases) -> A,
) -> Result<(Bases, H), E> {
    let mut left = all.to_vec();
    let mut first = None;
    loop {
        match ask(left.as_slice().into()).await {
            Ok((told, head)) => {
                let (mut bases, others): (Vec<_>, Vec<_>) =
                    all.iter().cloned().partition(|base| *base == told);
                bases.extend(others);
                return Ok((bases.into(), head));
            }
            Err((None, error)) => return Err(first.unwrap_or(error)),
            Err((Some(told), error)) => {
                let before = left.len();
                left.retain(|base| *base != told);
                if left.is_empty() || left.len() == before {
                    return Err(first.unwrap_or(error));
                }
                let text = format!("{of}: {} is of no use: {}", masked(&told), chain(&error));
                watch.event(Event::Warning { text });
                first.get_or_insert(error);
            }
        }
    }
}

/// Tells below which mirror an address lies.
pub(crate) fn which(bases: &Bases, told: &Url, path: &RelPath) -> Url {
    bases.iter().find(|base| below(base, path) == *told).unwrap_or(told).clone()
}
