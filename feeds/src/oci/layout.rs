//! An OCI layout: blobs by digest, and an index that names its images; a folder, or a tar of one, which is read as it lies.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::Error;
use super::manifest::{Content, Descriptor, Digest, LIMIT, Manifest, Unreadable};
use super::parts::{self, Extent, Parts};

/// The annotation that names an image of the index.
const NAME: &str = "org.opencontainers.image.ref.name";

/// What names the images of a layout.
const INDEX: &str = "index.json";
/// What names those of a tar that an engine saved; such a tar may hold a layout, too.
const SAVED: &str = "manifest.json";

/// A folder or a tar, and which of its images is meant.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    place: PathBuf,
    /// The files of a tar.
    parts: Option<Arc<Parts>>,
    tag: Option<String>,
}

impl Layout {
    pub(super) fn of(place: PathBuf, tag: Option<String>) -> Self {
        Self { place, parts: None, tag }
    }

    /// Finds the layout in a tar; none where an engine has saved it in its own way.
    pub(super) async fn within(tar: PathBuf) -> Result<Option<Self>, Error> {
        let path = tar.clone();
        let list = move || parts::list(&mut fs_err::File::open(path)?);
        let listed = tokio::task::spawn_blocking(list)
            .await
            .unwrap_or_else(|lost| Err(io::Error::other(lost)));
        let parts = listed.map_err(|source| Error::Archive {
            what: "read the",
            folder: tar.clone(),
            source,
        })?;
        let has = |name: &str| parts.contains_key(Path::new(name));
        let is_layout = has(INDEX) && !has(SAVED);
        Ok(is_layout.then(|| Self { parts: Some(Arc::new(parts)), ..Self::of(tar, None) }))
    }

    pub(super) fn tagged(&self, tag: &str) -> Self {
        Self { tag: Some(tag.to_owned()), ..self.clone() }
    }

    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    /// Where a blob lies.
    pub(super) fn blob(&self, digest: &Digest) -> io::Result<Extent> {
        self.file(&format!("blobs/sha256/{}", digest.0))
    }

    fn file(&self, name: &str) -> io::Result<Extent> {
        let Some(parts) = &self.parts else { return Ok(Extent::file(self.place.join(name))) };
        let absent = || io::Error::new(io::ErrorKind::NotFound, format!("it has no {name}"));
        let part = parts.get(Path::new(name)).copied().ok_or_else(absent)?;
        Ok(Extent::part(self.place.clone(), part))
    }

    async fn read(&self, file: io::Result<Extent>) -> Result<Vec<u8>, Error> {
        let read = async { file?.read(LIMIT).await };
        read.await.map_err(|source| self.unread(source))
    }

    /// The names of its images.
    pub(super) async fn tags(&self) -> Result<Vec<String>, Error> {
        let named = self.listed().await?.into_iter();
        Ok(named.filter_map(|mut image| image.annotations.remove(NAME)).collect())
    }

    /// The image that is meant: the one of that name, or the only one.
    async fn image(&self) -> Result<Option<Descriptor>, Error> {
        let mut listed = self.listed().await?;
        let named = |image: &Descriptor| image.annotations.get(NAME) == self.tag.as_ref();
        let position = match &self.tag {
            Some(_) => listed.iter().position(named),
            None if listed.len() == 1 => Some(0),
            None => return Err(self.broken(&format!("it holds {} images, not one", listed.len()))),
        };
        Ok(position.map(|position| listed.swap_remove(position)))
    }

    pub(super) async fn digest(&self) -> Result<Option<Digest>, Error> {
        Ok(self.image().await?.map(|image| image.digest))
    }

    /// Reads the manifest of the image, or one that it lists.
    pub(super) async fn manifest(&self, listed: Option<&Descriptor>) -> Result<Manifest, Error> {
        let image = match listed {
            Some(listed) => listed.clone(),
            None => self.image().await?.ok_or_else(|| {
                self.broken(&format!("it has no image named {}", self.tag.as_deref().unwrap_or("")))
            })?,
        };
        let bytes = self.small(&image).await?;
        self.parse(bytes, &image.digest.to_string())
    }

    async fn listed(&self) -> Result<Vec<Descriptor>, Error> {
        let bytes = self.read(self.file(INDEX)).await?;
        match self.parse(bytes, INDEX)?.content {
            Content::Index(images) => Ok(images),
            Content::Image { .. } => Err(self.broken(&format!("its {INDEX} is no index"))),
        }
    }

    fn parse(&self, bytes: Vec<u8>, what: &str) -> Result<Manifest, Error> {
        let (host, what) = (self.place.display().to_string(), what.to_owned());
        Manifest::read(Bytes::from(bytes)).map_err(|unreadable| match unreadable {
            Unreadable::Json(source) => Error::Malformed { host, what, source },
            Unreadable::Kind(kind) => Error::Unsupported { host, what, kind },
        })
    }

    /// Reads a small blob whole, if it is what its digest says.
    pub(super) async fn small(&self, blob: &Descriptor) -> Result<Vec<u8>, Error> {
        let (host, what) = (self.place.display().to_string(), blob.digest.to_string());
        if blob.size > LIMIT {
            return Err(Error::Oversized { host, what, size: blob.size });
        }
        let bytes = self.read(self.blob(&blob.digest)).await?;
        let actual = Digest::of(&bytes);
        if actual != blob.digest {
            return Err(Error::Altered { host, digest: what, actual: actual.to_string() });
        }
        Ok(bytes)
    }

    fn unread(&self, source: io::Error) -> Error {
        Error::Archive { what: "read the", folder: self.place.clone(), source }
    }

    fn broken(&self, why: &str) -> Error {
        Error::Incomplete(format!("{}: {why}", self.place.display()))
    }
}
