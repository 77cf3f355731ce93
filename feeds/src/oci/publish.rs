//! What an image becomes in the site's registry: its manifests, then its tag, and what the tag named before under another.

use std::collections::BTreeMap;

use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};

use super::manifest::{Content, Descriptor, Digest, Manifest};
use super::origin::Meter;
use super::place::{LONGEST_TAG, Place};
use super::registry::Registry;
use super::{Copied, Error};
use crate::events::{Event, Id, Watch};
use crate::relay::relayed;

/// Blobs and manifests of one image under way at once; how many requests that makes, its registries say.
pub(super) const PARALLEL: usize = 64;
/// What is appended to a tag to name the image that it named before.
pub(super) const PREVIOUS: &str = ".previous";

/// Every blob once.
pub(super) fn blobs(manifests: &[Manifest]) -> BTreeMap<Digest, &Descriptor> {
    manifests.iter().flat_map(Manifest::blobs).map(|blob| (blob.digest, blob)).collect()
}

/// Counts a blob that needed no push as done; returns the size of one that did.
pub(super) fn settle(meter: &Meter, blob: &Descriptor, pushed: bool) -> Option<u64> {
    if !pushed {
        meter.advance(blob.size);
    }
    pushed.then_some(blob.size)
}

/// Keeps what a tag names that is about to move under `<tag>.previous`: whoever wants it back pulls that.
///
/// It is a comfort: where it cannot be had the new image is published all the same. Returns that tag, and what it names.
pub(super) async fn keep_previous(
    to: &Registry,
    target: &Place,
    there: Option<Digest>,
    new: &[Manifest],
) -> Option<(String, String)> {
    let new = new.last().map(|manifest| manifest.digest);
    let old = there.filter(|old| Some(*old) != new)?;
    let tag = target.tag().filter(|tag| tag.len() + PREVIOUS.len() <= LONGEST_TAG)?;
    let previous = format!("{tag}{PREVIOUS}");
    let place = target.tagged(&previous);
    let kept = async { to.put(&place, &to.manifest(&target.at(&old), None).await?).await };
    match kept.await {
        Ok(()) => Some((previous, old.to_string())),
        Err(error) => {
            tracing::warn!(%error, %place, "the previous image cannot be kept under its name");
            None
        }
    }
}

/// Puts the manifests: those of single platforms side by side, then indexes, and the tag last.
pub(super) async fn publish(
    to: &Registry,
    target: &Place,
    manifests: &[Manifest],
) -> Result<String, Error> {
    let Some((top, children)) = manifests.split_last() else {
        return Err(Error::Incomplete("it has no manifest".to_owned()));
    };
    let (images, indexes): (Vec<_>, Vec<_>) =
        children.iter().partition(|child| matches!(child.content, Content::Image { .. }));
    let mut put = Vec::new();
    for image in images {
        put.push(put_listed(to, target, image).boxed());
    }
    stream::iter(put).buffer_unordered(PARALLEL).try_collect::<()>().await?;
    for index in indexes {
        put_listed(to, target, index).await?;
    }
    to.put(target, top).await?;
    Ok(top.digest.to_string())
}

async fn put_listed(to: &Registry, target: &Place, manifest: &Manifest) -> Result<(), Error> {
    to.put(&target.at(&manifest.digest), manifest).await
}

/// Runs the part that moves bytes, with a bar.
pub(super) async fn watched<F>(
    watch: &dyn Watch,
    name: &str,
    manifests: &[Manifest],
    work: impl FnOnce(Meter) -> F,
) -> Result<Copied, Error>
where
    F: Future<Output = Result<Copied, Error>>,
{
    let id = Id::fresh();
    let total = blobs(manifests).values().map(|blob| blob.size).sum();
    watch.event(Event::Started { id, label: name.to_owned(), total: Some(total), unit: None });
    let result = relayed(watch, |relay| work(Meter { relay, id })).await;
    let failed = result.as_ref().err().map(ToString::to_string);
    watch.event(Event::Finished { id, failed });
    result
}
