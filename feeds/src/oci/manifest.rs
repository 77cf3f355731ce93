//! Manifests as their raw bytes, whose digest is the image's name, and what can be read out of them. Pure.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::platform::Platform;
use crate::digest::Sha256;

/// Larger manifests are refused by registries, too.
pub(super) const LIMIT: u64 = 4 << 20;

const SCHEMA2: &str = "application/vnd.docker.distribution.manifest.v2+json";
const LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// Every kind that is copied.
pub(super) const KINDS: [&str; 4] = [SCHEMA2, LIST, OCI, INDEX];

/// A digest as registries write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Digest(pub(super) Sha256);

impl Digest {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Sha256(sha2::Sha256::digest(bytes).into()))
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

impl std::str::FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hex =
            text.strip_prefix("sha256:").ok_or_else(|| format!("`{text}` is not a sha256"))?;
        hex.parse().map(Self).map_err(|error: crate::digest::NotSha256| error.to_string())
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Names a blob or a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    #[serde(default)]
    pub(super) media_type: String,
    pub(super) size: u64,
    pub(super) digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) platform: Option<Platform>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
}

impl Descriptor {
    fn of(media_type: &str, digest: Digest, size: u64) -> Self {
        let (platform, annotations) = (None, BTreeMap::new());
        Self { media_type: media_type.to_owned(), size, digest, platform, annotations }
    }

    /// Whether registries may keep the blob at all; the layers of some vendors stay with them.
    fn distributable(&self) -> bool {
        !self.media_type.contains("foreign") && !self.media_type.contains("nondistributable")
    }
}

/// A manifest as it came.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub(super) bytes: Bytes,
    pub(super) digest: Digest,
    pub(super) kind: String,
    pub(super) content: Content,
}

/// What a manifest names.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Image { config: Descriptor, layers: Vec<Descriptor> },
    Index(Vec<Descriptor>),
}

/// Why bytes are not a manifest.
#[derive(Debug)]
pub(super) enum Unreadable {
    Json(serde_json::Error),
    Kind(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    schema_version: u32,
    media_type: Option<String>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    manifests: Option<Vec<Descriptor>>,
}

impl Manifest {
    /// Reads what a registry answered.
    pub(super) fn read(bytes: Bytes) -> Result<Self, Unreadable> {
        let raw: Raw = serde_json::from_slice(&bytes).map_err(Unreadable::Json)?;
        if raw.schema_version != 2 {
            return Err(Unreadable::Kind(format!("schema version {}", raw.schema_version)));
        }
        let (implied, content) = match (raw.config, raw.manifests) {
            (Some(config), None) => (OCI, Content::Image { config, layers: raw.layers }),
            (None, Some(manifests)) => (INDEX, Content::Index(manifests)),
            _ => return Err(Unreadable::Kind("neither an image nor an index".to_owned())),
        };
        let kind = raw.media_type.unwrap_or_else(|| implied.to_owned());
        if !KINDS.contains(&kind.as_str()) {
            return Err(Unreadable::Kind(kind));
        }
        Ok(Self { digest: Digest::of(&bytes), bytes, kind, content })
    }

    /// The blobs to copy: the configuration and every layer that may be copied.
    pub(super) fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let (config, layers) = match &self.content {
            Content::Image { config, layers } => (Some(config), layers.as_slice()),
            Content::Index(_) => (None, &[][..]),
        };
        config.into_iter().chain(layers).filter(|blob| blob.distributable())
    }

    /// Whether it is an index of nothing.
    pub(super) fn lists_nothing(&self) -> bool {
        matches!(&self.content, Content::Index(children) if children.is_empty())
    }

    /// Makes the manifest of an image that an engine saved; the same parts always give the same bytes.
    pub(super) fn of(config: &[u8], layers: Vec<Descriptor>) -> Self {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Image<'a> {
            schema_version: u32,
            media_type: &'a str,
            config: &'a Descriptor,
            layers: &'a [Descriptor],
        }
        let config = Descriptor::of(CONFIG, Digest::of(config), config.len() as u64);
        let image =
            Image { schema_version: 2, media_type: SCHEMA2, config: &config, layers: &layers };
        let bytes = serde_json::to_vec(&image).expect("strings and numbers always serialize");
        let (bytes, digest) = (Bytes::from(bytes.clone()), Digest::of(&bytes));
        Self { bytes, digest, kind: SCHEMA2.to_owned(), content: Content::Image { config, layers } }
    }
}

/// Describes a compressed layer.
pub(super) fn layer(digest: Digest, size: u64) -> Descriptor {
    Descriptor::of(LAYER, digest, size)
}

/// The part of an image's configuration that names its layers before compression.
#[derive(Deserialize)]
struct Config {
    rootfs: Rootfs,
}

#[derive(Deserialize)]
struct Rootfs {
    diff_ids: Vec<Digest>,
}

/// Reads the digests of the uncompressed layers out of an image's configuration.
pub(super) fn diff_ids(config: &[u8]) -> Result<Vec<Digest>, serde_json::Error> {
    serde_json::from_slice::<Config>(config).map(|config| config.rootfs.diff_ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_manifest_reads_back_the_same() {
        let made = Manifest::of(b"{}", vec![layer(Digest::of(b"layer"), 5)]);
        let read = Manifest::read(made.bytes.clone()).unwrap();
        assert_eq!(read.digest, made.digest);
        assert_eq!(read.kind, SCHEMA2);
        assert_eq!(read.blobs().count(), 2);
    }

    #[test]
    fn the_kind_is_implied_where_it_is_not_told() {
        let index = Manifest::read(Bytes::from_static(br#"{"schemaVersion":2,"manifests":[]}"#));
        assert_eq!(index.unwrap().kind, INDEX);
    }

    #[test]
    fn what_is_no_manifest_is_told_apart() {
        let kind = |text: &'static str| match Manifest::read(Bytes::from_static(text.as_bytes())) {
            Err(Unreadable::Kind(kind)) => kind,
            Err(Unreadable::Json(_)) => "json".to_owned(),
            Ok(_) => "fine".to_owned(),
        };
        assert_eq!(kind("<html>"), "json");
        assert_eq!(kind(r#"{"schemaVersion":1}"#), "schema version 1");
        assert_eq!(kind(r#"{"schemaVersion":2}"#), "neither an image nor an index");
        let bad = r#"{"schemaVersion":2,"manifests":[{"size":1,"digest":"sha256:../../etc"}]}"#;
        assert_eq!(kind(bad), "json");
    }

    #[test]
    fn layers_that_must_stay_with_their_vendor_are_not_copied() {
        let mut foreign = layer(Digest::of(b"x"), 1);
        foreign.media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip".to_owned();
        assert_eq!(Manifest::of(b"{}", vec![foreign]).blobs().count(), 1);
    }
}
