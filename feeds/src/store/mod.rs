//! Objects by sha256, trees of links to them, and generations switched by one rename.
//!
//! Below the root: `objects/ab/<sha256>`, `known/<algorithm>/ab/<digest>` (other digests of objects, as links),
//! `partial/` (what is being fetched), `surveys/` (what conditional requests need), and below `published/` what is served:
//! `trees/<id>/` (folders of hard links), `generations/<n>/` (links to trees, and the lock), `current` (the link to the
//! served generation) and `recent/<k>` (links to the other kept ones, newest first).

mod collect;
mod error;
mod mend;
mod objects;
mod parallel;
mod publish;
mod relpath;
mod scrub;
#[cfg(test)]
mod scrub_tests;
mod space;
#[cfg(test)]
mod tests;
mod trees;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use collect::Collected;
pub use error::Error;
pub use mend::{Damage, Use};
pub use objects::Ready;
pub use publish::Generation;
pub use relpath::{NotRelative, RelPath};
pub use scrub::Scrubbed;

use crate::digest::Sha256;

/// A file of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Object {
    /// Its name and its proof.
    pub sha256: Sha256,
    /// Its length in bytes.
    pub size: u64,
}

/// A served folder: which object stands where.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tree {
    /// Where it hangs in a generation, such as `data/apt/debian`.
    pub path: RelPath,
    /// Where it came from; credentials masked.
    pub upstream: String,
    /// Who vouches for it.
    pub trust: String,
    /// What it was made of: while an upstream and its settings give the same, the tree is as it would be made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Sha256>,
    /// What its chain of trust was read from and is not served, by masked URL; kept in the store with the tree.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub evidence: BTreeMap<String, Object>,
    /// What it holds.
    pub files: BTreeMap<RelPath, Object>,
}

/// The one store of a site. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    root: Arc<Path>,
}

impl Store {
    /// Opens the store at `root`, making its folders where they are missing.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let store = Self { root: Arc::from(root.into()) };
        let kept = [store.objects(), store.partial(), store.surveys()];
        for folder in kept.into_iter().chain([store.generations(), store.trees()]) {
            fs_err::create_dir_all(folder).map_err(Error::Open)?;
        }
        Ok(store)
    }

    /// Returns the folder that everything lies in.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the folder that is served: generations and the link `current`.
    pub fn published(&self) -> PathBuf {
        self.root.join("published")
    }

    /// Returns the folder of partial files.
    pub fn partial(&self) -> PathBuf {
        self.root.join("partial")
    }

    /// Returns the folder of what conditional requests need.
    pub fn surveys(&self) -> PathBuf {
        self.root.join("surveys")
    }

    fn objects(&self) -> PathBuf {
        self.root.join("objects")
    }

    fn known(&self) -> PathBuf {
        self.root.join("known")
    }

    fn generations(&self) -> PathBuf {
        self.published().join("generations")
    }
}
