//! One blob into the site's registry: not at all where it is there, by a mount where a sister repository has it, else by
//! one streamed request, repeated within the budget.

use std::io;

use bytes::Bytes;
use futures_util::Stream;

use super::Error;
use super::manifest::Descriptor;
use super::origin::Blame;
use super::registry::{Place, Registry};

/// Sees to it that the registry has the blob; returns whether its bytes went over the wire.
pub(super) async fn push<S>(
    to: &Registry,
    place: &Place,
    blob: &Descriptor,
    origin: impl Fn(Blame) -> S,
) -> Result<bool, Error>
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    if to.adopt(place, &blob.digest).await? {
        return Ok(false);
    }
    let mut attempt = 1;
    loop {
        let blame = Blame::default();
        let Err(fault) = to.write(place, blob, origin(blame.clone())).await else {
            return Ok(true);
        };
        if let Some(error) = blame.take() {
            return Err(error);
        }
        if !fault.hopeful() || attempt >= to.retry.attempts {
            return Err(to.unwritable(format!("blob {} of {place}", blob.digest), fault));
        }
        to.retry.rest(attempt).await;
        attempt += 1;
    }
}
