//! One image into the site's registry: from another registry, or from an archive that the host's engine saved.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use futures_util::future::{BoxFuture, try_join};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};

use super::archive::Archive;
use super::manifest::{Content, Descriptor, Digest, Manifest, diff_ids, layer};
use super::origin::{self, Meter};
use super::place::Place;
use super::push::push;
use super::registry::{Registry, lock};
use super::{Copied, Error};
use crate::events::{Event, Id, Watch};
use crate::relay::relayed;

/// Blobs and manifests of one image under way at once; how many requests that makes, its registries say.
const PARALLEL: usize = 64;
/// What is appended to a tag to name the image that it named before.
const PREVIOUS: &str = ".previous";
/// No registry takes longer tags.
const LONGEST_TAG: usize = 128;
/// An index may list indexes, but not for ever.
const DEPTH: usize = 3;

/// Copies `reference` (`host[:port]/repository[:tag|@digest]`) to `name` (`repository:tag`) of `to`, all platforms.
///
/// An unchanged image costs one request on each side, and one that is pinned by its digest none upstream. Many may be
/// copied at once: what they share goes over the wire once.
pub async fn copy(
    reference: &str,
    from: &Arc<Registry>,
    to: &Registry,
    name: &str,
    watch: &dyn Watch,
) -> Result<Copied, Error> {
    let (source, target) = (Place::parse(reference)?, to.place(name)?);
    let offered = async {
        match source.pinned() {
            Some(digest) => Ok(Some(digest)),
            None => from.digest(&source).await,
        }
    };
    let (offered, there) = try_join(offered, to.digest(&target)).await?;
    if let Some(digest) = offered.filter(|digest| there == Some(*digest)) {
        return Ok(Copied { digest: digest.to_string(), blobs_pushed: 0, bytes: 0 });
    }
    // What was offered is asked for by its digest: a tag that moves meanwhile cannot mix two images.
    let source = offered.map_or(source.clone(), |digest| source.at(&digest));
    let mut manifests = survey(from, &source, DEPTH).await?;
    distinct(&mut manifests);
    let (source, target, manifests) = (&source, &target, manifests.as_slice());
    watched(watch, name, manifests, |meter| async move {
        let meter = &meter;
        let pushed: Vec<u64> = stream::iter(blobs(manifests).into_values())
            .map(|blob| async move {
                let origin = |blame| {
                    let (from, source) = (Arc::clone(from), source.clone());
                    origin::registry(from, source, blob.clone(), blame, meter.clone())
                };
                let pushed = Box::pin(push(to, target, blob, origin)).await?;
                Ok::<_, Error>(settle(meter, blob, pushed))
            })
            .buffer_unordered(PARALLEL)
            .try_filter_map(|bytes| async move { Ok(bytes) })
            .try_collect()
            .await?;
        keep_previous(to, target, there, manifests).await;
        publish(to, target, manifests).await.map(|digest| Copied {
            digest,
            blobs_pushed: pushed.len(),
            bytes: pushed.iter().sum(),
        })
    })
    .await
}

/// Whether `name` of `to` is this very image of the engine; returns its digest then.
///
/// The id of an image is the digest of its configuration.
pub async fn holds(to: &Registry, name: &str, image_id: &str) -> Result<Option<String>, Error> {
    let target = to.place(name)?;
    if to.digest(&target).await?.is_none() {
        return Ok(None);
    }
    let manifest = to.manifest(&target, None).await?;
    Ok(match &manifest.content {
        Content::Image { config, .. } if config.digest.to_string() == image_id => {
            Some(manifest.digest.to_string())
        }
        _ => None,
    })
}

/// Pushes an archive that the host's engine saved to `name` (`repository:tag`) of `to`.
///
/// Layers are compressed only where the registry does not have them yet.
pub async fn push_archive(
    archive: &Archive,
    to: &Arc<Registry>,
    name: &str,
    watch: &dyn Watch,
) -> Result<Copied, Error> {
    let target = to.place(name)?;
    let id = Digest::of(archive.config()).to_string();
    if let Some(digest) = holds(to, name, &id).await? {
        return Ok(Copied { digest, blobs_pushed: 0, bytes: 0 });
    }
    let there = learn(to, &target).await?;
    let mut layers = Vec::new();
    let mut fresh = BTreeMap::new();
    for (index, diff_id) in archive.diff_ids().iter().enumerate() {
        let known = lock(&to.layers).get(diff_id).cloned();
        if let Some(known) = known
            && to.adopt(&target, &known.digest).await?
        {
            layers.push(known);
            continue;
        }
        let (path, digest, size) = archive.compress(index).await?;
        let descriptor = layer(digest, size);
        fresh.insert(digest, path);
        layers.push(descriptor);
    }
    let manifests = &[Manifest::of(archive.config(), layers.clone())];
    let (target, fresh) = (&target, &fresh);
    let copied = watched(watch, name, manifests, |meter| async move {
        let (mut blobs_pushed, mut bytes) = (0, 0);
        for blob in blobs(manifests).into_values() {
            let path = fresh.get(&blob.digest).cloned().unwrap_or_else(|| archive.config_path());
            let origin = |blame| {
                origin::file(path.clone(), archive.folder().to_owned(), blame, meter.clone())
            };
            let pushed = Box::pin(push(to, target, blob, origin)).await?;
            if let Some(size) = settle(&meter, blob, pushed) {
                blobs_pushed += 1;
                bytes += size;
            }
        }
        keep_previous(to, target, there, manifests).await;
        let digest = publish(to, target, manifests).await?;
        Ok(Copied { digest, blobs_pushed, bytes })
    })
    .await?;
    lock(&to.layers).extend(archive.diff_ids().iter().copied().zip(layers));
    Ok(copied)
}

/// Learns from the image that the tag names now which compressed layer stands for which uncompressed one.
///
/// Returns the digest that the tag has.
async fn learn(to: &Arc<Registry>, target: &Place) -> Result<Option<Digest>, Error> {
    let Some(there) = to.digest(target).await? else { return Ok(None) };
    let manifest = to.manifest(target, None).await?;
    if let Content::Image { config, layers } = manifest.content {
        let bytes = origin::whole(Arc::clone(to), target.clone(), config).await?;
        // An image that somebody pushed may have a configuration of another kind: nothing to learn there.
        if let Ok(diff_ids) = diff_ids(&bytes) {
            lock(&to.layers).extend(diff_ids.into_iter().zip(layers));
        }
    }
    Ok(Some(there))
}

/// Reads a manifest and all that it lists, the listed ones first.
async fn survey(from: &Registry, place: &Place, depth: usize) -> Result<Vec<Manifest>, Error> {
    survey_listed(from, place.clone(), None, depth).await
}

fn survey_listed(
    from: &Registry,
    place: Place,
    listed: Option<Descriptor>,
    depth: usize,
) -> BoxFuture<'_, Result<Vec<Manifest>, Error>> {
    Box::pin(async move {
        let manifest = from.manifest(&place, listed.as_ref()).await?;
        let mut found = Vec::new();
        if let Content::Index(children) = &manifest.content {
            if depth == 0 {
                let (host, what) = (from.host().to_owned(), place.to_string());
                let kind = "an index within an index within an index".to_owned();
                return Err(Error::Unsupported { host, what, kind });
            }
            let mut read = Vec::new();
            for child in children {
                let place = place.at(&child.digest);
                read.push(survey_listed(from, place, Some(child.clone()), depth - 1));
            }
            found = stream::iter(read).buffered(PARALLEL).try_concat().await?;
        }
        found.push(manifest);
        Ok(found)
    })
}

/// Leaves out what is listed twice.
fn distinct(manifests: &mut Vec<Manifest>) {
    let mut seen = HashSet::new();
    manifests.retain(|manifest| seen.insert(manifest.digest));
}

/// Every blob once.
fn blobs(manifests: &[Manifest]) -> BTreeMap<Digest, &Descriptor> {
    manifests.iter().flat_map(Manifest::blobs).map(|blob| (blob.digest, blob)).collect()
}

/// Counts a blob that needed no push as done; returns the size of one that did.
fn settle(meter: &Meter, blob: &Descriptor, pushed: bool) -> Option<u64> {
    if !pushed {
        meter.advance(blob.size);
    }
    pushed.then_some(blob.size)
}

/// Keeps what a tag names that is about to move under `<tag>.previous`: whoever wants it back pulls that.
///
/// It is a comfort: where it cannot be had the new image is published all the same.
async fn keep_previous(to: &Registry, target: &Place, there: Option<Digest>, new: &[Manifest]) {
    let new = new.last().map(|manifest| manifest.digest);
    let Some(old) = there.filter(|old| Some(*old) != new) else { return };
    let Some(tag) = target.tag().filter(|tag| tag.len() + PREVIOUS.len() <= LONGEST_TAG) else {
        return;
    };
    let place = target.tagged(&format!("{tag}{PREVIOUS}"));
    let kept = async { to.put(&place, &to.manifest(&target.at(&old), None).await?).await };
    if let Err(error) = kept.await {
        tracing::warn!(%error, %place, "the previous image cannot be kept under its name");
    }
}

/// Puts the manifests: those of single platforms side by side, then indexes, and the tag last.
async fn publish(to: &Registry, target: &Place, manifests: &[Manifest]) -> Result<String, Error> {
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
async fn watched<F>(
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
