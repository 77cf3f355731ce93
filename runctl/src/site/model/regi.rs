//! What regi.toml says.

use std::path::PathBuf;

use feeds::oci::{Choice, Terms};

/// regi.toml
#[derive(Clone, Debug)]
pub struct Regi {
    /// Port of the registry.
    pub port: u16,
    /// User who may push.
    pub user: String,
    /// Whether whoever is on the bridge may pull, without a password.
    pub anonymous_pull: bool,
    /// Requests under way at once to each registry.
    pub parallel: usize,
    /// Images to mirror.
    pub images: Vec<ImageFeed>,
    /// Upstreams whose images come when they are asked for.
    pub pull_through: Vec<PullThrough>,
    /// The engine's network by which those are reached that are not on the bridge.
    pub uplink: Option<String>,
}

/// An upstream whose images come when they are asked for, and stay.
#[derive(Clone, Debug)]
pub struct PullThrough {
    /// How the names of its repositories begin here.
    pub name: String,
    /// `http://host[:port]` or `https://host[:port]`.
    pub upstream: String,
    /// Authority certificate to trust in the system's place.
    pub authority: Option<PathBuf>,
    /// File with `user:password`.
    pub login: Option<PathBuf>,
}

/// One image, or the chosen ones of a repository.
#[derive(Clone, Debug)]
pub struct ImageFeed {
    /// Repository and tag in regi, such as `library/busybox:1.36`; without a tag where tags are chosen.
    pub name: String,
    /// From where.
    pub source: ImageSource,
    /// Which tags; nothing chosen means the one that is named.
    pub choice: Choice,
    /// What is kept of them, and what they must prove.
    pub terms: Terms,
}

/// Where an image comes from.
#[derive(Clone, Debug)]
pub enum ImageSource {
    /// From the host's engine by this reference.
    Engine(String),
    /// From a registry by this reference; `plain` speaks HTTP.
    Registry {
        /// `host[:port]/repository[:tag|@digest]`.
        reference: String,
        /// Whether the registry speaks plain HTTP.
        plain: bool,
        /// Authority certificate to trust, beside the system's.
        authority: Option<PathBuf>,
        /// File with `user:password`.
        login: Option<PathBuf>,
    },
    /// From a folder with an OCI layout.
    Layout {
        /// The folder.
        folder: PathBuf,
        /// Which of its images, where it holds several.
        tag: Option<String>,
    },
    /// From a tar that `docker save` wrote, or one with an OCI layout, such as `skopeo copy … oci-archive:` writes.
    Archive(PathBuf),
}
