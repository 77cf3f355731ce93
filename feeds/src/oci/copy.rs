//! One image into the site's registry: from another registry, or from an archive that the host's engine saved.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::archive::Archive;
use super::manifest::{Content, Descriptor, Digest, Manifest, diff_ids, layer};
use super::origin::{self, Meter};
use super::push::push;
use super::registry::{Place, Registry, lock};
use super::{Copied, Endpoint, Error};
use crate::events::{Event, Id, Watch};
use crate::relay::relayed;

/// Blobs under way at once.
const PARALLEL: usize = 4;
/// An index may list indexes, but not for ever.
const DEPTH: usize = 3;

/// Copies `reference` (`host[:port]/repository[:tag|@digest]`) to `name` (`repository:tag`) of `to`, all platforms.
///
/// `from.host` is taken from the reference. An unchanged image costs two requests.
pub async fn copy(
    reference: &str,
    from: &Endpoint,
    to: &Registry,
    name: &str,
    watch: &dyn Watch,
) -> Result<Copied, Error> {
    let (source, target) = (Place::parse(reference)?, to.place(name)?);
    let endpoint = Endpoint { host: source.host().to_owned(), ..from.clone() };
    let from = Arc::new(Registry::connect(&endpoint)?);
    let there = to.digest(&target).await?;
    if let Some(digest) =
        from.digest(&source).await?.filter(|digest| there.as_ref() == Some(digest))
    {
        return Ok(Copied { digest, blobs_pushed: 0, bytes: 0 });
    }
    let mut manifests = Vec::new();
    survey(&from, &source, None, DEPTH, &mut manifests).await?;
    let (from, source, target, manifests) = (&from, &source, &target, manifests.as_slice());
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
    learn(to, &target).await?;
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
        let digest = publish(to, target, manifests).await?;
        Ok(Copied { digest, blobs_pushed, bytes })
    })
    .await?;
    lock(&to.layers).extend(archive.diff_ids().iter().copied().zip(layers));
    Ok(copied)
}

/// Learns from the image that the tag names now which compressed layer stands for which uncompressed one.
async fn learn(to: &Arc<Registry>, target: &Place) -> Result<(), Error> {
    if to.digest(target).await?.is_none() {
        return Ok(());
    }
    let manifest = to.manifest(target, None).await?;
    if let Content::Image { config, layers } = manifest.content {
        let bytes = origin::whole(Arc::clone(to), target.clone(), config).await?;
        // An image that somebody pushed may have a configuration of another kind: nothing to learn there.
        if let Ok(diff_ids) = diff_ids(&bytes) {
            lock(&to.layers).extend(diff_ids.into_iter().zip(layers));
        }
    }
    Ok(())
}

/// Reads a manifest and all that it lists, the listed ones first.
async fn survey(
    from: &Registry,
    place: &Place,
    listed: Option<&Descriptor>,
    depth: usize,
    found: &mut Vec<Manifest>,
) -> Result<(), Error> {
    let manifest = from.manifest(place, listed).await?;
    if let Content::Index(children) = &manifest.content {
        if depth == 0 {
            let (host, what) = (from.host().to_owned(), place.to_string());
            let kind = "an index within an index within an index".to_owned();
            return Err(Error::Unsupported { host, what, kind });
        }
        for child in children {
            let place = place.at(&child.digest);
            Box::pin(survey(from, &place, Some(child), depth - 1, found)).await?;
        }
    }
    if !found.iter().any(|known| known.digest == manifest.digest) {
        found.push(manifest);
    }
    Ok(())
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

/// Puts the manifests, the tag last, and makes sure that the tag names the right one.
async fn publish(to: &Registry, target: &Place, manifests: &[Manifest]) -> Result<String, Error> {
    let Some((top, children)) = manifests.split_last() else {
        return Err(Error::Incomplete("it has no manifest".to_owned()));
    };
    for child in children {
        to.put(&target.at(&child.digest), child).await?;
    }
    to.put(target, top).await?;
    let (expected, actual) = (top.digest.to_string(), to.digest(target).await?);
    if actual.as_ref() == Some(&expected) {
        return Ok(expected);
    }
    Err(Error::Altered {
        host: to.host().to_owned(),
        digest: expected,
        actual: actual.unwrap_or_else(|| "nothing".to_owned()),
    })
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
