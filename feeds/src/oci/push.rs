//! One blob into the site's registry: once in a run, whichever of the images that share it comes first; the others wait
//! for that one and mount it. Where it is already there nothing goes over the wire.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::Stream;

use super::Error;
use super::manifest::Descriptor;
use super::origin::Blame;
use super::place::Place;
use super::registry::Registry;

/// Sees to it that the repository has the blob; returns whether its bytes went over the wire.
pub(super) async fn push<S>(
    to: &Registry,
    place: &Place,
    blob: &Descriptor,
    origin: impl Fn(Blame) -> S,
) -> Result<bool, Error>
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    let own = place.repository();
    let brought = AtomicBool::new(false);
    let bring = || async {
        brought.store(land(to, place, blob, own, &origin).await?, Ordering::Relaxed);
        Ok(own.to_owned())
    };
    let home = to.home(&blob.digest);
    let home = home.get_or_try_init(bring).await?;
    if home == own {
        return Ok(brought.load(Ordering::Relaxed));
    }
    land(to, place, blob, home, &origin).await
}

/// Tries until it is there, or until there is no hope.
async fn land<S>(
    to: &Registry,
    place: &Place,
    blob: &Descriptor,
    home: &str,
    origin: &impl Fn(Blame) -> S,
) -> Result<bool, Error>
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    let mut attempt = 1;
    loop {
        let blame = Blame::default();
        let fault = match to.land(place, blob, home, || origin(blame.clone())).await {
            Ok(brought) => return Ok(brought),
            Err(fault) => fault,
        };
        if let Some(error) = blame.take() {
            return Err(error);
        }
        let hopeful = fault.is_hopeful() || fault.is_forgotten();
        if !hopeful || attempt >= to.attempts() {
            return Err(to.unwritable(format!("blob {} of {place}", blob.digest), fault));
        }
        to.rest(attempt).await;
        attempt += 1;
    }
}
