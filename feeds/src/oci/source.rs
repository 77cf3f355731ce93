//! Where an image comes from: a registry, or an OCI layout in a folder or a tar.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::Error;
use super::layout::Layout;
use super::manifest::{Descriptor, Digest, Manifest};
use super::origin::{self, Blame, Meter};
use super::place::Place;
use super::registry::Registry;
use super::tags::Choice;

/// One image, or one repository of images, to copy from.
#[derive(Clone)]
pub struct Source(Kind);

#[derive(Clone)]
enum Kind {
    Registry(Arc<Registry>, Place),
    Layout(Layout),
}

impl Source {
    /// `host[:port]/repository[:tag|@digest]` of a registry.
    pub fn registry(registry: &Arc<Registry>, reference: &str) -> Result<Self, Error> {
        let place = Place::parse(reference)?;
        Ok(Self(Kind::Registry(Arc::clone(registry), place)))
    }

    /// A folder with an OCI layout; `tag` where it holds several images.
    pub fn layout(folder: PathBuf, tag: Option<String>) -> Self {
        Self(Kind::Layout(Layout::of(folder, tag)))
    }

    /// The OCI layout in a tar; none where an engine has saved its image there, as an [`Archive`](super::Archive).
    pub async fn within(tar: PathBuf) -> Result<Option<Self>, Error> {
        Ok(Layout::within(tar).await?.map(|layout| Self(Kind::Layout(layout))))
    }

    /// The same repository's image of another tag.
    #[must_use]
    pub fn tagged(&self, tag: &str) -> Self {
        Self(match &self.0 {
            Kind::Registry(registry, place) => {
                Kind::Registry(Arc::clone(registry), place.tagged(tag))
            }
            Kind::Layout(layout) => Kind::Layout(layout.tagged(tag)),
        })
    }

    /// The same repository's image of a digest; a layout is one image anyway.
    pub(super) fn at(&self, digest: &Digest) -> Self {
        Self(match &self.0 {
            Kind::Registry(registry, place) => {
                Kind::Registry(Arc::clone(registry), place.at(digest))
            }
            Kind::Layout(layout) => Kind::Layout(layout.clone()),
        })
    }

    /// The wanted ones of all tags that the repository has.
    pub async fn tags(&self, choice: &Choice) -> Result<Vec<String>, Error> {
        let all = match &self.0 {
            Kind::Registry(registry, place) => registry.tags(place).await?,
            Kind::Layout(layout) => layout.tags().await?,
        };
        Ok(choice.among(all))
    }

    /// Who delivers it, for messages.
    pub(super) fn host(&self) -> String {
        match &self.0 {
            Kind::Registry(registry, _) => registry.host().to_owned(),
            Kind::Layout(layout) => layout.place().display().to_string(),
        }
    }

    /// The digest that it has now; none where there is nothing.
    pub(super) async fn digest(&self) -> Result<Option<Digest>, Error> {
        match &self.0 {
            Kind::Registry(registry, place) => match place.pinned() {
                Some(digest) => Ok(Some(digest)),
                None => registry.digest(place).await,
            },
            Kind::Layout(layout) => layout.digest().await,
        }
    }

    /// Reads its manifest, or the one that it lists.
    pub(super) async fn manifest(&self, listed: Option<&Descriptor>) -> Result<Manifest, Error> {
        match (&self.0, listed) {
            (Kind::Registry(registry, place), None) => registry.manifest(place, None).await,
            (Kind::Registry(registry, place), Some(listed)) => {
                registry.manifest(&place.at(&listed.digest), Some(listed)).await
            }
            (Kind::Layout(layout), listed) => layout.manifest(listed).await,
        }
    }

    /// What refers to a manifest, by the API made for it; none where the registry has no such API.
    pub(super) async fn referrers(&self, digest: &Digest) -> Result<Option<Manifest>, Error> {
        match &self.0 {
            Kind::Registry(registry, place) => registry.referrers(place, digest).await,
            Kind::Layout(_) => Ok(None),
        }
    }

    /// Streams a blob, checked against its digest.
    pub(super) fn stream(
        &self,
        blob: &Descriptor,
        blame: Blame,
        meter: Meter,
    ) -> BoxStream<'static, io::Result<Bytes>> {
        match &self.0 {
            Kind::Registry(registry, place) => {
                let (registry, place) = (Arc::clone(registry), place.clone());
                origin::registry(registry, place, blob.clone(), blame, meter).boxed()
            }
            Kind::Layout(layout) => {
                let (place, extent) = (layout.place().to_owned(), layout.blob(&blob.digest));
                origin::checked(extent, place, blob, blame, meter).boxed()
            }
        }
    }

    /// Reads a small blob whole.
    pub(super) async fn small(&self, blob: &Descriptor, limit: u64) -> Result<Vec<u8>, Error> {
        if blob.size > limit {
            let what = format!("blob {}", blob.digest);
            return Err(Error::Oversized { host: self.host(), what, size: blob.size });
        }
        match &self.0 {
            Kind::Registry(registry, place) => {
                origin::whole(Arc::clone(registry), place.clone(), blob.clone()).await
            }
            Kind::Layout(layout) => layout.small(blob).await,
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Kind::Registry(_, place) => place.fmt(f),
            Kind::Layout(layout) => layout.place().display().fmt(f),
        }
    }
}

/// Whether a folder is an OCI layout.
pub fn is_layout(folder: &Path) -> bool {
    folder.join("index.json").is_file() && folder.join("blobs").is_dir()
}
