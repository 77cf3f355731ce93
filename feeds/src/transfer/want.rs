//! What is to be fetched, and what must hold for it.

use url::Url;

use super::address::masked;
use crate::digest::{Digest, Sha256};
use crate::store::{Object, RelPath, Store};

/// No file that machines are installed from is larger.
const LARGEST: u64 = 64 << 30;

/// One file of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// The same file on several mirrors, best first.
    pub urls: Vec<Url>,
    /// How people call it, in progress and errors.
    pub label: String,
    /// Its length, if an index gives it.
    pub size: Option<u64>,
    /// Its sha256, if an index gives it.
    pub sha256: Option<Sha256>,
    /// Another digest, if an index gives it.
    pub other: Option<Digest>,
    /// More bytes than these are refused.
    pub limit: u64,
}

impl Want {
    /// Wants a file of which nothing else is known. Set the other fields as an index gives them.
    pub fn new(urls: Vec<Url>, label: impl Into<String>) -> Self {
        Self { urls, label: label.into(), size: None, sha256: None, other: None, limit: LARGEST }
    }

    /// Wants the file `path` below each of `bases`.
    pub fn below(bases: &[Url], path: &RelPath) -> Self {
        let urls = bases.iter().map(|base| super::address::below(base, path)).collect();
        Self::new(urls, path.as_str())
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
    pub(crate) fn key(&self) -> String {
        match (&self.sha256, &self.other) {
            (Some(sha256), _) => sha256.to_string(),
            (None, Some(other)) => Sha256::of(format!("{other:?}").as_bytes()).to_string(),
            (None, None) => {
                let url = self.urls.first().map(Url::as_str).unwrap_or_default();
                Sha256::of(url.as_bytes()).to_string()
            }
        }
    }

    /// Tells whether the bytes prove themselves, wherever they come from.
    pub(super) fn is_proved(&self) -> bool {
        self.sha256.is_some() || self.other.is_some()
    }

    pub(super) fn longest(&self) -> u64 {
        self.size.unwrap_or(self.limit).min(self.limit)
    }

    /// Names it for people: its label, or its first address.
    pub(super) fn name(&self) -> String {
        match self.urls.first() {
            Some(url) if self.label.is_empty() => masked(url),
            _ => self.label.clone(),
        }
    }
}
