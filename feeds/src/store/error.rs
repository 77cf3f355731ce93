//! What can go wrong in the store, one variant per operation.

use std::io;
use std::path::PathBuf;

use super::RelPath;
use super::space::RESERVE;
use crate::digest::Sha256;
use crate::{Class, Classified};

/// An operation of the store failed. The source names the path where the variant does not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folders cannot be made.
    #[error("cannot open the store")]
    Open(#[source] io::Error),
    /// Bytes cannot be taken in.
    #[error("cannot put a file into the store")]
    Insert(#[source] io::Error),
    /// An object cannot be read.
    #[error("cannot read the object {sha256}")]
    Read {
        /// The object.
        sha256: Sha256,
        /// Why.
        source: io::Error,
    },
    /// A tree names an object that is not there.
    #[error("`{tree}/{file}` is to be published, but its object {sha256} is not in the store")]
    Missing {
        /// The tree.
        tree: RelPath,
        /// The file in it.
        file: RelPath,
        /// The object.
        sha256: Sha256,
    },
    /// A generation cannot be built.
    #[error("cannot build the generation {number}")]
    Build {
        /// Its number.
        number: u64,
        /// Why.
        source: io::Error,
    },
    /// Two trees want the same folder.
    #[error("the trees `{outer}` and `{inner}` overlap")]
    Overlap {
        /// The tree that holds the other.
        outer: RelPath,
        /// The tree within.
        inner: RelPath,
    },
    /// A tree stands outside what is being published.
    #[error("the tree `{tree}` does not belong to `{scope}`")]
    OutOfScope {
        /// The tree.
        tree: RelPath,
        /// What is being published.
        scope: RelPath,
    },
    /// One path is a file and a folder at once.
    #[error("in the tree `{tree}`, `{file}` is a file and a folder at once")]
    FileAndFolder {
        /// The tree.
        tree: RelPath,
        /// The file that others lie below.
        file: RelPath,
    },
    /// The link `current` cannot be switched.
    #[error("cannot switch to the generation {number}")]
    Switch {
        /// Its number.
        number: u64,
        /// Why.
        source: io::Error,
    },
    /// There is no such generation.
    #[error("there is no generation {number}")]
    NoSuchGeneration {
        /// Its number.
        number: u64,
    },
    /// What is published cannot be read.
    #[error("cannot read what is published")]
    Observe(#[source] io::Error),
    /// A lock file does not parse.
    #[error("`{path}` is damaged", path = path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Another run publishes or collects.
    #[error("another run is publishing to `{path}`", path = path.display())]
    Busy {
        /// The store.
        path: PathBuf,
    },
    /// Old generations or objects cannot be removed.
    #[error("cannot remove what is no longer needed")]
    Collect(#[source] io::Error),
    /// Objects cannot be hashed again.
    #[error("cannot hash what is in the store")]
    Scrub(#[source] io::Error),
    /// What is damaged cannot be put right.
    #[error("cannot put damaged files right")]
    Mend(#[source] io::Error),
    /// The free space cannot be told.
    #[error("cannot tell the free space of `{path}`", path = path.display())]
    Space {
        /// The store.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The disk is too small for what is to be fetched.
    #[error("{needed} bytes are needed in `{path}`, {free} are free", path = path.display())]
    NoSpace {
        /// The store.
        path: PathBuf,
        /// Bytes to fetch.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Overlap { .. } | Self::OutOfScope { .. } | Self::NoSuchGeneration { .. } => {
                Class::Configuration
            }
            Self::FileAndFolder { .. } => Class::Upstream,
            _ => Class::Local,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoSpace { path, needed, free } => Some(format!(
                "free {} bytes below `{}`, or mirror less",
                needed.saturating_add(RESERVE).saturating_sub(*free),
                path.display()
            )),
            Self::Busy { .. } => Some("wait until the other run has ended".to_owned()),
            Self::Missing { .. } => {
                Some("run the feed again: it fetches what is missing".to_owned())
            }
            Self::Lock { .. } => Some("switch back to an older generation".to_owned()),
            _ => None,
        }
    }
}
