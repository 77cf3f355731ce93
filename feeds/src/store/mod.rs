//! Objects by sha256, trees of links to them, and generations switched by one rename.

use std::collections::BTreeMap;

use crate::digest::Sha256;

/// A file of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Object {
    /// Its name and its proof.
    pub sha256: Sha256,
    /// Its length in bytes.
    pub size: u64,
}

/// A relative path that cannot leave its folder: no `..`, no empty parts, no leading slash, no NUL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct RelPath(String);

/// A served folder: which object stands where.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Where it hangs in a generation, such as `data/apt/debian`.
    pub path: RelPath,
    /// Where it came from; credentials masked.
    pub upstream: String,
    /// Who vouches for it.
    pub trust: String,
    /// What it holds.
    pub files: BTreeMap<RelPath, Object>,
}

/// The store of one site.
#[derive(Clone, Debug)]
pub struct Store;

impl Store {
    /// Tells whether the object is here.
    pub fn holds(&self, sha256: &Sha256) -> bool {
        let _ = sha256;
        false
    }
}

impl RelPath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
/// g
pub struct Generation {
    /// n
    pub number: u64,
}
impl Store {
    /// s
    pub fn open(_: std::path::PathBuf) -> Result<Self, crate::transfer::Error> {
        Ok(Self)
    }
    /// c
    pub fn current(&self) -> Option<Generation> {
        None
    }
}
