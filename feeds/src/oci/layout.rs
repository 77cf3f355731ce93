//! An OCI layout: a folder of blobs by digest, and an index that names its images.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::Error;
use super::manifest::{Content, Descriptor, Digest, LIMIT, Manifest, Unreadable};

/// The annotation that names an image of the index.
const NAME: &str = "org.opencontainers.image.ref.name";

/// A folder, and which of its images is meant.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    folder: PathBuf,
    tag: Option<String>,
}

impl Layout {
    pub(super) fn of(folder: PathBuf, tag: Option<String>) -> Self {
        Self { folder, tag }
    }

    pub(super) fn tagged(&self, tag: &str) -> Self {
        Self { tag: Some(tag.to_owned()), ..self.clone() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a blob lies.
    pub(super) fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs/sha256").join(digest.0.to_string())
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
        self.read(bytes, &image.digest.to_string())
    }

    async fn listed(&self) -> Result<Vec<Descriptor>, Error> {
        let path = self.folder.join("index.json");
        let bytes = fs_err::tokio::read(&path).await.map_err(|source| self.unread(source))?;
        match self.read(bytes, "index.json")?.content {
            Content::Index(images) => Ok(images),
            Content::Image { .. } => Err(self.broken("its index.json is no index")),
        }
    }

    fn read(&self, bytes: Vec<u8>, what: &str) -> Result<Manifest, Error> {
        let (host, what) = (self.folder.display().to_string(), what.to_owned());
        Manifest::read(Bytes::from(bytes)).map_err(|unreadable| match unreadable {
            Unreadable::Json(source) => Error::Malformed { host, what, source },
            Unreadable::Kind(kind) => Error::Unsupported { host, what, kind },
        })
    }

    /// Reads a small blob whole, if it is what its digest says.
    pub(super) async fn small(&self, blob: &Descriptor) -> Result<Vec<u8>, Error> {
        let (host, what) = (self.folder.display().to_string(), blob.digest.to_string());
        if blob.size > LIMIT {
            return Err(Error::Oversized { host, what, size: blob.size });
        }
        let bytes = fs_err::tokio::read(self.path(&blob.digest)).await;
        let bytes = bytes.map_err(|source| self.unread(source))?;
        let actual = Digest::of(&bytes);
        if actual != blob.digest {
            return Err(Error::Altered { host, digest: what, actual: actual.to_string() });
        }
        Ok(bytes)
    }

    fn unread(&self, source: io::Error) -> Error {
        Error::Archive { what: "read the", folder: self.folder.clone(), source }
    }

    fn broken(&self, why: &str) -> Error {
        Error::Incomplete(format!("{}: {why}", self.folder.display()))
    }
}
