//! What feeds have put into the site's registry and nobody asks for any more goes from there. What people pushed stays: a tag
//! that names something else than what a feed put, and every manifest that such a tag needs.
//!
//! Blobs stay until the registry collects its garbage.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::copy::survey;
use super::manifest::{Digest, Manifest};
use super::place::Place;
use super::publish::{PARALLEL, PREVIOUS};
use super::record::Repository;
use super::tags::accompanied;
use super::{Error, Record, Registry, Source};

/// What goes from one repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doomed {
    /// The repository.
    pub repository: String,
    /// Tags, and what they name.
    pub tags: BTreeMap<String, String>,
    /// Manifests by their digests.
    pub manifests: BTreeSet<String>,
    /// Those of the tags whose manifest stays, since another tag needs it.
    shared: BTreeSet<String>,
}

/// Tells what would go once these images are no longer asked for.
pub async fn doomed(
    registry: &Arc<Registry>,
    record: &Record,
    unlisted: &[String],
) -> Result<Vec<Doomed>, Error> {
    let work = record.repositories.iter().map(|(name, known)| {
        let wanted = wanted(record, name, unlisted);
        doomed_of(registry, name, known, wanted)
    });
    let work: Vec<_> = work.collect();
    let all: Vec<Doomed> = stream::iter(work).buffered(PARALLEL).try_collect().await?;
    Ok(all.into_iter().filter(|one| !(one.tags.is_empty() && one.manifests.is_empty())).collect())
}

/// Removes it from the registry and from the record; what is gone already is none of a failure.
pub async fn prune(
    registry: &Registry,
    record: &mut Record,
    doomed: &[Doomed],
    unlisted: &[String],
) -> Result<(), Error> {
    for one in doomed {
        for tag in &one.shared {
            detach(registry, &one.repository, tag).await?;
        }
        // What tags name goes first, and the tags with it: none ever names what is there in parts.
        let named: BTreeSet<_> = one.tags.values().collect();
        let (first, then): (Vec<_>, Vec<_>) =
            one.manifests.iter().partition(|digest| named.contains(digest));
        for digest in first.into_iter().chain(then) {
            registry.delete(&registry.place(&format!("{}@{digest}", one.repository))?).await?;
        }
        if let Some(known) = record.repositories.get_mut(&one.repository) {
            known.tags.retain(|tag, _| !one.tags.contains_key(tag));
            known.manifests.retain(|digest| !one.manifests.contains(digest));
        }
    }
    record.forget(unlisted);
    Ok(())
}

/// The tags of a repository that are asked for, and those that name what they named before.
fn wanted(record: &Record, repository: &str, unlisted: &[String]) -> Vec<String> {
    let of = record.images().filter(|(name, image)| {
        image.repository == repository && !image.tag.is_empty() && !unlisted.contains(name)
    });
    of.flat_map(|(_, image)| [image.tag.clone(), format!("{}{PREVIOUS}", image.tag)]).collect()
}

async fn doomed_of(
    registry: &Arc<Registry>,
    repository: &str,
    known: &Repository,
    wanted: Vec<String>,
) -> Result<Doomed, Error> {
    let place = registry.place(repository)?;
    let tags = named(registry, &place).await?;
    let is_ours = |tag: &str, digest: &str| {
        known.tags.get(tag).is_some_and(|put| put == digest) && known.manifests.contains(digest)
    };
    let (mut kept, mut open): (BTreeMap<_, _>, BTreeMap<_, _>) =
        tags.into_iter().partition(|(tag, digest)| wanted.contains(tag) || !is_ours(tag, digest));
    let mut needed = BTreeSet::new();
    // What accompanies an image stays as long as that does; and what accompanies this, in turn.
    loop {
        for tag in kept.keys() {
            needed.extend(needs(registry, &place.tagged(tag)).await?);
        }
        let stays = |tag: &String| accompanied(tag).is_some_and(|it| needed.contains(&it));
        let (more, rest) = open.into_iter().partition(|(tag, _)| stays(tag));
        (kept, open) = (more, rest);
        if kept.is_empty() {
            break;
        }
    }
    let manifests: BTreeSet<_> = known.manifests.difference(&needed).cloned().collect();
    let shared = open.iter().filter(|(_, digest)| needed.contains(*digest));
    let shared = shared.map(|(tag, _)| tag.clone()).collect();
    Ok(Doomed { repository: repository.to_owned(), tags: open, manifests, shared })
}

/// All tags that a repository has, and what they name.
async fn named(registry: &Registry, place: &Place) -> Result<BTreeMap<String, String>, Error> {
    let tags = match registry.tags(place).await {
        Err(Error::Read { source, .. }) if source.is_absent() => Vec::new(),
        tags => tags?,
    };
    let ask = tags.into_iter().map(async |tag| {
        let digest = registry.digest(&place.tagged(&tag)).await?;
        Ok(digest.map(|digest| (tag, digest.to_string())))
    });
    let ask: Vec<_> = ask.collect();
    let named: Vec<Option<_>> = stream::iter(ask).buffered(PARALLEL).try_collect().await?;
    Ok(named.into_iter().flatten().collect())
}

/// The manifests that a tag needs.
async fn needs(registry: &Arc<Registry>, place: &Place) -> Result<Vec<String>, Error> {
    let source = Source::registry(registry, &place.to_string())?;
    let manifests = survey(&source, &[]).await?;
    Ok(manifests.iter().map(|manifest| manifest.digest.to_string()).collect())
}

/// Removes a tag whose manifest stays: registries remove manifests only, with all their tags, so the tag is first made to
/// name a manifest of its own.
async fn detach(registry: &Registry, repository: &str, tag: &str) -> Result<(), Error> {
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[],"annotations":{{"booddies.removed":"{tag}"}}}}"#,
        super::manifest::INDEX
    );
    let digest = Digest::of(text.as_bytes());
    let Ok(nothing) = Manifest::read(Bytes::from(text)) else { return Ok(()) };
    let place = registry.place(&format!("{repository}:{tag}"))?;
    registry.put(&place, &nothing).await?;
    registry.delete(&place.at(&digest)).await
}
