//! `booddies.lock`: every object, ref and image digest of a generation, and who vouches for it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::store::{Error, Tree};

/// The name of the lock file in the folder of its generation.
pub const FILE_NAME: &str = "booddies.lock";

/// What a generation is made of. Two equal states give the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lock {
    /// The number of the generation.
    pub generation: u64,
    /// Its trees, by path.
    pub trees: Vec<Tree>,
    /// What was mirrored into the git service, by repository and name.
    pub refs: Vec<LockedRef>,
    /// What was mirrored into the image registry, by name.
    pub images: Vec<LockedImage>,
}

/// A ref of a mirrored git repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LockedRef {
    /// The repository, as the git service names it.
    pub repository: String,
    /// The full name of the ref.
    pub name: String,
    /// What it points at.
    pub commit: String,
}

/// A mirrored container image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LockedImage {
    /// Repository and tag, as the registry names them.
    pub name: String,
    /// The digest of its manifest.
    pub digest: String,
}

impl Lock {
    /// Reads the lock file of a generation's folder.
    pub fn load(generation: &Path) -> Result<Self, Error> {
        let path = generation.join(FILE_NAME);
        let text = fs_err::read(&path).map_err(Error::Observe)?;
        serde_json::from_slice(&text).map_err(|source| Error::Lock { path, source })
    }

    /// Returns the bytes of the lock file.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }

    /// Puts everything into its one order.
    pub(crate) fn sort(&mut self) {
        self.trees.sort_by(|one, other| one.path.cmp(&other.path));
        self.refs.sort();
        self.refs.dedup();
        self.images.sort();
        self.images.dedup();
    }

    /// Tells whether both hold the same, whatever their numbers.
    pub(crate) fn same_content(&self, other: &Self) -> bool {
        (&self.trees, &self.refs, &self.images) == (&other.trees, &other.refs, &other.images)
    }
}
