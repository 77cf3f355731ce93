//! One image into the site's registry from wherever it comes: proved first, then its blobs, then its manifests, its tag
//! last; and after it what accompanies it, such as signatures.

use std::collections::{BTreeMap, HashSet};

use futures_util::future::{BoxFuture, try_join};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};

use super::cosign::{Key, SIGNATURE};
use super::cut::{cut, is_cut_of};
use super::manifest::{Content, Descriptor, Digest, Manifest};
use super::origin::Meter;
use super::place::Place;
use super::platform::Platform;
use super::publish::{PARALLEL, blobs, keep_previous, publish, settle, watched};
use super::push::push;
use super::registry::Registry;
use super::source::Source;
use super::{Copied, Error};
use crate::events::Watch;

/// An index may list indexes, but not for ever.
const DEPTH: usize = 3;
/// A signature's payload is a few lines.
const PAYLOAD: u64 = 1 << 20;
/// What cosign appends to the tag that stands for a digest; and nothing, for the fallback of the referrers' API.
const COMPANIONS: [&str; 4] = ["", ".sig", ".att", ".sbom"];

/// What is wanted of an image, and what it must prove.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Platforms to keep of an index; none keeps all, and the digest.
    pub platforms: Vec<Platform>,
    /// Whether signatures, attestations and what else refers to it are copied, too.
    pub referrers: bool,
    /// Keys of which one must have signed it; none proves nothing.
    pub keys: Vec<Key>,
}

/// Copies an image to `name` (`repository:tag`) of `to`.
///
/// An unchanged image costs one request on each side, and one that is pinned by its digest none upstream; keys cost two
/// more, referrers five. Many may be copied at once: what they share goes over the wire once.
pub async fn copy(
    source: &Source,
    terms: &Terms,
    to: &Registry,
    name: &str,
    watch: &dyn Watch,
) -> Result<Copied, Error> {
    let target = to.place(name)?;
    let (offered, there) = try_join(source.digest(), to.digest(&target)).await?;
    let signer = match offered {
        Some(digest) if !terms.keys.is_empty() => Some(prove(source, &digest, &terms.keys).await?),
        _ => None,
    };
    // What was offered is asked for by its digest: a tag that moves meanwhile cannot mix two images.
    let source = &offered.map_or_else(|| source.clone(), |digest| source.at(&digest));
    let unchanged = match (offered, there) {
        (Some(offered), Some(there)) if offered == there => Some(there),
        (Some(offered), Some(there)) if !terms.platforms.is_empty() => {
            let held = to.manifest(&target.at(&there), None).await?;
            is_cut_of(&held, &offered, &terms.platforms).then_some(there)
        }
        _ => None,
    };
    let mut digests: Vec<_> = offered.into_iter().collect();
    let mut copied = if let Some(digest) = unchanged {
        Copied::unchanged(digest.to_string())
    } else {
        let manifests = survey(source, &terms.platforms).await?;
        digests.extend(manifests.iter().map(|manifest| manifest.digest));
        convey(source, to, &target, there, &manifests, watch).await?
    };
    copied.signer = signer;
    if terms.referrers {
        let mut seen = HashSet::new();
        digests.retain(|digest| seen.insert(*digest));
        copied.companions = accompany(source, to, &target, &digests, watch).await?;
    }
    Ok(copied)
}

/// Finds the key that vouches for an image, by the signature that lies beside it.
async fn prove(source: &Source, image: &Digest, keys: &[Key]) -> Result<String, Error> {
    let unsigned = |why: &str| Error::Unproved {
        host: source.host(),
        what: source.to_string(),
        digest: image.to_string(),
        why: why.to_owned(),
    };
    let beside = source.tagged(&companion(image, ".sig"));
    let Some(digest) = beside.digest().await? else {
        return Err(unsigned("no signature lies beside it"));
    };
    let signatures = beside.at(&digest).manifest(None).await?;
    let Content::Image { layers, .. } = &signatures.content else {
        return Err(unsigned("what lies beside it is no list of signatures"));
    };
    for layer in layers {
        let Some(signature) = layer.annotations.get(SIGNATURE) else { continue };
        let payload = source.small(layer, PAYLOAD).await?;
        if let Some(key) = keys.iter().find(|key| key.vouches(image, &payload, signature)) {
            return Ok(key.name().to_owned());
        }
    }
    let names: Vec<_> = keys.iter().map(Key::name).collect();
    Err(unsigned(&format!("no signature beside it is by {}", names.join(" or "))))
}

/// The tag that stands for a digest.
fn companion(digest: &Digest, ending: &str) -> String {
    format!("sha256-{}{ending}", digest.0)
}

/// Reads the manifest and all that it lists of the wanted platforms, the listed ones first, each once.
pub(super) async fn survey(
    source: &Source,
    platforms: &[Platform],
) -> Result<Vec<Manifest>, Error> {
    let top = source.manifest(None).await?;
    let top = cut(top, platforms).ok_or_else(|| Error::Platforms {
        host: source.host(),
        what: source.to_string(),
        wanted: platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    })?;
    let mut found = with_listed(source, top, DEPTH).await?;
    let mut seen = HashSet::new();
    found.retain(|manifest| seen.insert(manifest.digest));
    Ok(found)
}

fn with_listed(
    source: &Source,
    manifest: Manifest,
    depth: usize,
) -> BoxFuture<'_, Result<Vec<Manifest>, Error>> {
    async move {
        let mut found = Vec::new();
        if let Content::Index(children) = &manifest.content {
            if depth == 0 {
                let (host, what) = (source.host(), source.to_string());
                let kind = "an index within an index within an index".to_owned();
                return Err(Error::Unsupported { host, what, kind });
            }
            let read = children.iter().cloned().map(|child| listed(source, child, depth - 1));
            let read: Vec<_> = read.collect();
            found = stream::iter(read).buffered(PARALLEL).try_concat().await?;
        }
        found.push(manifest);
        Ok(found)
    }
    .boxed()
}

fn listed(
    source: &Source,
    child: Descriptor,
    depth: usize,
) -> BoxFuture<'_, Result<Vec<Manifest>, Error>> {
    async move { with_listed(source, source.manifest(Some(&child)).await?, depth).await }.boxed()
}

/// Brings the blobs, then the manifests, the tag last.
async fn convey(
    source: &Source,
    to: &Registry,
    target: &Place,
    there: Option<Digest>,
    manifests: &[Manifest],
    watch: &dyn Watch,
) -> Result<Copied, Error> {
    watched(watch, &target.to_string(), manifests, |meter| async move {
        let meter = &meter;
        let mut work = Vec::new();
        for blob in blobs(manifests).into_values() {
            work.push(convey_blob(source, to, target, blob, meter).boxed());
        }
        let pushed: Vec<Option<u64>> =
            stream::iter(work).buffer_unordered(PARALLEL).try_collect().await?;
        let pushed: Vec<u64> = pushed.into_iter().flatten().collect();
        let previous = keep_previous(to, target, there, manifests).await;
        let digest = publish(to, target, manifests).await?;
        let (blobs_pushed, bytes) = (pushed.len(), pushed.iter().sum());
        Ok(Copied { blobs_pushed, bytes, previous, ..Copied::unchanged(digest) })
    })
    .await
}

/// Brings one blob; returns its size if it went over the wire.
async fn convey_blob(
    source: &Source,
    to: &Registry,
    target: &Place,
    blob: &Descriptor,
    meter: &Meter,
) -> Result<Option<u64>, Error> {
    let origin = |blame| source.stream(blob, blame, meter.clone());
    let pushed = push(to, target, blob, origin).await?;
    Ok(settle(meter, blob, pushed))
}

/// Copies what refers to these manifests, under the tags that stand for their digests; returns these, and what they name.
///
/// regi's registry has no API for referrers: clients fall back to those tags, and find all there.
async fn accompany(
    source: &Source,
    to: &Registry,
    target: &Place,
    digests: &[Digest],
    watch: &dyn Watch,
) -> Result<BTreeMap<String, String>, Error> {
    let mut work = Vec::new();
    for digest in digests {
        for ending in COMPANIONS {
            work.push(accompany_one(source, to, target, digest, ending, watch).boxed());
        }
    }
    let found: Vec<Option<(String, String)>> =
        stream::iter(work).buffer_unordered(PARALLEL).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn accompany_one(
    source: &Source,
    to: &Registry,
    target: &Place,
    digest: &Digest,
    ending: &str,
    watch: &dyn Watch,
) -> Result<Option<(String, String)>, Error> {
    let tag = companion(digest, ending);
    let place = target.tagged(&tag);
    let told = if ending.is_empty() { source.referrers(digest).await? } else { None };
    let manifests = match told {
        Some(index) if index.lists_nothing() => return Ok(None),
        Some(index) => {
            if to.digest(&place).await? == Some(index.digest) {
                return Ok(Some((tag, index.digest.to_string())));
            }
            with_listed(source, index, DEPTH).await?
        }
        None => {
            let beside = source.tagged(&tag);
            let Some(offered) = beside.digest().await? else { return Ok(None) };
            if to.digest(&place).await? == Some(offered) {
                return Ok(Some((tag, offered.to_string())));
            }
            survey(&beside.at(&offered), &[]).await?
        }
    };
    let copied = convey(source, to, &place, None, &manifests, watch).await?;
    Ok(Some((tag, copied.digest)))
}
