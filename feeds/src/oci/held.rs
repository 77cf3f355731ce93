//! What the site's registry holds of an image, and how that is taken down: asked of the registry itself, whichever way the
//! image took to it, and only when it came.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::copy::survey;
use super::manifest::{Content, LIMIT, Manifest};
use super::platform::Platform;
use super::publish::blobs;
use super::{Copied, Error, Record, Registry, Source};

/// An image as a registry holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub(super) repository: String,
    /// Empty where a digest says it all.
    pub(super) tag: String,
    pub(super) platforms: Vec<String>,
    pub(super) size: u64,
    pub(super) manifests: BTreeSet<String>,
}

/// Takes down an image that was copied to `name` just now; `asked` is the name that it was asked for by.
pub async fn take_down(
    record: &mut Record,
    registry: &Arc<Registry>,
    (name, asked): (&str, &str),
    copied: &Copied,
    now: Timestamp,
) -> Result<(), Error> {
    let name = &full_name(name)?;
    if record.knows(name, copied) {
        record.confirm(name, asked, copied);
        return Ok(());
    }
    let mut held = held(registry, name).await?;
    for tag in copied.companions.keys() {
        let beside = registry.place(name)?.tagged(tag);
        let beside = Source::registry(registry, &beside.to_string())?;
        let manifests = survey(&beside, &[]).await?;
        held.manifests.extend(manifests.iter().map(|manifest| manifest.digest.to_string()));
    }
    record.add(name, asked, copied, held, now);
    Ok(())
}

/// Writes a name (`repository[:tag|@digest]`) in full.
pub fn full_name(name: &str) -> Result<String, Error> {
    let place = super::place::Place::parse(&format!("regi.invalid/{name}"))?;
    let repository = place.repository();
    Ok(match place.tag() {
        None if place.pinned().is_some() => format!("{repository}@{}", place.wanted()),
        tag => format!("{repository}:{}", tag.unwrap_or("latest")),
    })
}

async fn held(registry: &Arc<Registry>, name: &str) -> Result<Held, Error> {
    let place = registry.place(name)?;
    let source = Source::registry(registry, &place.to_string())?;
    let manifests = survey(&source, &[]).await?;
    let platforms = match manifests.last() {
        Some(top) => platforms(&source, top).await?,
        None => Vec::new(),
    };
    Ok(Held {
        repository: place.repository().to_owned(),
        tag: place.tag().unwrap_or_default().to_owned(),
        platforms: platforms
            .iter()
            .filter(|it| it.os != UNKNOWN)
            .map(Platform::to_string)
            .collect(),
        size: blobs(&manifests).values().map(|blob| blob.size).sum(),
        manifests: manifests.iter().map(|manifest| manifest.digest.to_string()).collect(),
    })
}

/// What buildx says that attestations are made for.
const UNKNOWN: &str = "unknown";

/// The part of an image's configuration that says what it is made for.
#[derive(Deserialize)]
struct Config {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// What an index tells of those that it lists, or an image of itself; artifacts tell nothing.
async fn platforms(source: &Source, manifest: &Manifest) -> Result<Vec<Platform>, Error> {
    let config = match &manifest.content {
        Content::Index(listed) => {
            return Ok(listed.iter().filter_map(|child| child.platform.clone()).collect());
        }
        Content::Image { config, .. } if config.size > LIMIT => return Ok(Vec::new()),
        Content::Image { config, .. } => source.small(config, LIMIT).await?,
    };
    let read = serde_json::from_slice(&config).ok();
    let of = |Config { os, architecture, variant }| Platform { os, architecture, variant };
    Ok(read.map(of).into_iter().collect())
}
