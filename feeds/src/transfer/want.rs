//! What is to be fetched, and what must hold for it.

use std::sync::Arc;

use url::Url;

use super::address::{below, masked};
use crate::digest::{Digest, Sha256};
use crate::store::{Object, RelPath, Store};

/// Packages of this size come within a breath, and hundreds of them at once fit into memory.
const SMALL: u64 = 256 << 10;
/// No file that machines are installed from is larger.
const LARGEST: u64 = 64 << 30;

/// The mirrors of one upstream, best first; shared by all files that lie below them.
pub type Bases = Arc<[Url]>;

/// One file of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// Where it can be had.
    pub bases: Bases,
    /// Where it lies there.
    pub place: Place,
    /// Its length, if an index gives it.
    pub size: Option<u64>,
    /// Its sha256, if an index gives it.
    pub sha256: Option<Sha256>,
    /// Another digest, if an index gives it.
    pub other: Option<Digest>,
    /// More bytes than these are refused.
    pub limit: u64,
}

/// Where a file lies, seen from its bases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Each base is an address of the file itself; people call it by this name.
    Here(Arc<str>),
    /// Below each base.
    Below(RelPath),
    /// Below each base under a name made of its digest, which it keeps while the upstream moves on; else under its own.
    ByHash {
        /// The name made of its digest.
        hashed: RelPath,
        /// Its own name.
        path: RelPath,
    },
}

impl Want {
    /// Wants a file that lies at these addresses. Set the other fields as an index gives them.
    pub fn new(urls: impl Into<Bases>, label: impl Into<Arc<str>>) -> Self {
        Self::at(urls.into(), Place::Here(label.into()))
    }

    /// Wants the file `path` below each of `bases`.
    pub fn below(bases: &Bases, path: &RelPath) -> Self {
        Self::at(Arc::clone(bases), Place::Below(path.clone()))
    }

    fn at(bases: Bases, place: Place) -> Self {
        Self { bases, place, size: None, sha256: None, other: None, limit: LARGEST }
    }

    /// Lists the addresses in the order in which they are asked.
    pub fn urls(&self) -> Vec<Url> {
        let all = |path: &RelPath| self.bases.iter().map(|base| below(base, path)).collect();
        match &self.place {
            Place::Here(_) => self.bases.to_vec(),
            Place::Below(path) => all(path),
            Place::ByHash { hashed, path } => {
                let mut urls: Vec<_> = all(hashed);
                urls.extend(all(path));
                urls
            }
        }
    }

    /// Returns the object if the store holds it already.
    pub fn held(&self, store: &Store) -> Option<Object> {
        let found = match (&self.sha256, &self.other) {
            (Some(sha256), _) => store.find(sha256),
            (None, Some(other)) => store.find_other(other),
            (None, None) => None,
        };
        found.filter(|object| self.size.is_none_or(|size| size == object.size))
    }

    /// Names the file's content, so that it is fetched once and its partial is found again.
    ///
    /// The same bytes from any mirror have the same key where a digest is known; else the key is the first address.
    pub(crate) fn key(&self) -> Sha256 {
        match (&self.sha256, &self.other) {
            (Some(sha256), _) => *sha256,
            (None, Some(other)) => Sha256::of(format!("{other:?}").as_bytes()),
            (None, None) => {
                let urls = self.urls();
                Sha256::of(urls.first().map(Url::as_str).unwrap_or_default().as_bytes())
            }
        }
    }

    /// Tells whether the bytes prove themselves, wherever they come from.
    pub(super) fn is_proved(&self) -> bool {
        self.sha256.is_some() || self.other.is_some()
    }

    /// Tells whether it is kept in memory while it comes: less than that is not worth resuming.
    pub(super) fn is_small(&self) -> bool {
        self.is_proved() && self.size.is_some_and(|size| size <= SMALL)
    }

    pub(super) fn longest(&self) -> u64 {
        self.size.unwrap_or(self.limit).min(self.limit)
    }

    /// Names it for people: its label, its path, or its first address.
    pub(super) fn name(&self) -> String {
        match (&self.place, self.bases.first()) {
            (Place::Here(label), Some(url)) if label.is_empty() => masked(url),
            (Place::Here(label), _) => label.to_string(),
            (Place::Below(path) | Place::ByHash { path, .. }, _) => path.to_string(),
        }
    }
}
