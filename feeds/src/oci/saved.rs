//! An image that the host's engine saved, into the site's registry.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::archive::Archive;
use super::lock::lock;
use super::manifest::{Content, Digest, Manifest, diff_ids, layer};
use super::origin;
use super::parts::Extent;
use super::place::Place;
use super::publish::{blobs, keep_previous, publish, settle, watched};
use super::push::push;
use super::registry::Registry;
use super::{Copied, Error};
use crate::events::Watch;

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
        return Ok(Copied::unchanged(digest));
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
                let extent = Ok(Extent::file(path.clone()));
                origin::stored(extent, archive.folder().to_owned(), blame, meter.clone())
            };
            let pushed = Box::pin(push(to, target, blob, origin)).await?;
            if let Some(size) = settle(&meter, blob, pushed) {
                blobs_pushed += 1;
                bytes += size;
            }
        }
        let previous = keep_previous(to, target, there, manifests).await;
        let digest = publish(to, target, manifests).await?;
        Ok(Copied { blobs_pushed, bytes, previous, ..Copied::unchanged(digest) })
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
