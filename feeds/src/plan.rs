//! What a survey decided: the files of one tree, and which of them must be fetched.

use std::collections::{BTreeMap, HashSet};

use crate::events::Watch;
use crate::store::{Object, RelPath, Store, Tree};
use crate::transfer::{self, Transfer, Want};

/// One tree as it will be, before anything is fetched. Pure data.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the tree hangs in a generation, such as `data/apt/debian`.
    pub tree: RelPath,
    /// Where it came from, for people and for the lock; credentials masked.
    pub upstream: String,
    /// Who vouches for it: key fingerprints, or `none` where the operator wrote that down.
    pub trust: String,
    /// What the chain of trust was read from and is not served, by masked URL; kept so that the next survey is cheap.
    pub evidence: BTreeMap<String, Object>,
    /// Files that the upstream must deliver (or the store already holds).
    pub get: BTreeMap<RelPath, Want>,
    /// Files already in the store: metadata read by the survey, or made by us.
    pub have: BTreeMap<RelPath, Object>,
}

impl Plan {
    /// Counts the files and bytes that the store does not hold yet.
    pub fn missing(&self, store: &Store) -> (usize, u64) {
        let mut seen = HashSet::new();
        self.get
            .values()
            .filter(|want| want.held(store).is_none() && seen.insert(want.key()))
            .fold((0, 0), |(count, bytes), want| (count + 1, bytes + want.size.unwrap_or(0)))
    }

    /// Fetches what is missing and returns the finished tree; every bad file is named in the error.
    pub async fn fetch(
        self,
        transfer: &Transfer,
        watch: &dyn Watch,
    ) -> Result<Tree, transfer::Error> {
        let (paths, wants): (Vec<_>, Vec<_>) = self.get.into_iter().unzip();
        let objects = transfer.fetch_all(self.tree.as_str(), wants, watch).await?;
        let mut files = self.have;
        files.extend(paths.into_iter().zip(objects));
        Ok(Tree {
            path: self.tree,
            upstream: self.upstream,
            trust: self.trust,
            evidence: self.evidence,
            files,
        })
    }
}
