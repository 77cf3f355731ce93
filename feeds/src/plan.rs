//! What a survey decided: the files of one tree, and which of them must be fetched.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use crate::digest::Sha256;
use crate::events::Watch;
use crate::store::{Object, RelPath, Store, Tree};
use crate::transfer::{self, Transfer, Want};
use crate::yum::signatures::{self, BadSignatures, PackageKeys};
use crate::{Class, Classified};

/// A tree cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Files are missing.
    #[error(transparent)]
    Fetch(#[from] transfer::Error),
    /// Packages are not signed.
    #[error(transparent)]
    Signatures(#[from] BadSignatures),
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Fetch(error) => error.class(),
            Self::Signatures(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Fetch(error) => error.hint(),
            Self::Signatures(error) => error.hint(),
        }
    }
}

/// One tree as it will be, before anything is fetched. Pure data.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the tree hangs in a generation, such as `data/apt/debian`.
    pub tree: RelPath,
    /// Where it came from, for people and for the lock; credentials masked.
    pub upstream: String,
    /// Who vouches for it: key fingerprints, or `none` where the operator wrote that down.
    pub trust: String,
    /// Who must have signed its packages, beside what the chain of trust says of them.
    pub signed_by: Option<PackageKeys>,
    /// What it is made of, where that is known before its files are: see [`recipe`].
    pub recipe: Option<Sha256>,
    /// What the chain of trust was read from and is not served, by masked URL; kept so that the next survey is cheap.
    pub evidence: BTreeMap<String, Object>,
    /// Files that the upstream must deliver (or the store already holds).
    pub get: BTreeMap<RelPath, Want>,
    /// Files already in the store: metadata read by the survey, or made by us.
    pub have: BTreeMap<RelPath, Object>,
}

/// Digests what a tree is made of: the settings of its feed, who vouches for it, and the indexes at the head of its chain.
///
/// Where a served tree has the same recipe, making it again would give the same: nothing is parsed, compared or asked.
pub(crate) fn recipe<'o>(
    settings: &impl fmt::Debug,
    trust: &str,
    heads: impl IntoIterator<Item = &'o Object>,
) -> Sha256 {
    // Another version may make another tree of the same.
    let mut told = format!("{} {settings:?} {trust}", env!("CARGO_PKG_VERSION"));
    told.extend(heads.into_iter().map(|head| format!(" {}", head.sha256)));
    Sha256::of(told.as_bytes())
}

/// What a plan still takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Need {
    /// Files of the tree, fetched or not.
    pub files: usize,
    /// Objects to be fetched.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Those of them whose size nobody tells: they are not in `bytes`.
    pub unsized_objects: usize,
}

impl std::ops::AddAssign for Need {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.objects += other.objects;
        self.bytes += other.bytes;
        self.unsized_objects += other.unsized_objects;
    }
}

impl Plan {
    /// Plans a tree as it is served already.
    pub(crate) fn unchanged(served: &Tree) -> Self {
        let Tree { path, upstream, trust, recipe, evidence, files } = served.clone();
        let signed_by = None;
        Self {
            tree: path,
            upstream,
            trust,
            signed_by,
            recipe,
            evidence,
            get: BTreeMap::new(),
            have: files,
        }
    }

    /// Counts what must come that the store does not hold and that no plan before this one brings: `brought` has the keys.
    pub fn need(&self, store: &Store, brought: &mut HashSet<Sha256>) -> Need {
        let mut need = Need { files: self.get.len() + self.have.len(), ..Need::default() };
        for want in self.get.values() {
            if want.held(store).is_none() && brought.insert(want.key()) {
                need.objects += 1;
                need.bytes += want.size.unwrap_or(0);
                need.unsized_objects += usize::from(want.size.is_none());
            }
        }
        need
    }

    /// Fetches what is missing and returns the finished tree; every bad file is named in the error.
    pub async fn fetch(self, transfer: &Transfer, watch: &dyn Watch) -> Result<Tree, Error> {
        let (paths, wants): (Vec<_>, Vec<_>) = self.get.into_iter().unzip();
        let objects = transfer.fetch_all(self.tree.as_str(), wants, watch).await?;
        let mut files = self.have;
        files.extend(paths.into_iter().zip(objects));
        if let Some(keys) = self.signed_by {
            signatures::verify(transfer.store(), &self.tree, &files, keys).await?;
        }
        Ok(Tree {
            path: self.tree,
            upstream: self.upstream,
            trust: self.trust,
            recipe: self.recipe,
            evidence: self.evidence,
            files,
        })
    }
}
