//! What an operator asks of a YUM upstream.

use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

use super::select::Filter;
use crate::Neighbour;
use crate::digest::Sha256;
use crate::transfer::Bases;
use crate::trust::{self, Keyring, SiteKey};

/// One YUM repository as it is to be mirrored.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name of its tree below `data/yum/`.
    pub name: String,
    /// Where it is read from.
    pub upstream: Upstream,
    /// Who may sign it.
    pub trust: Trust,
    /// What they must have signed.
    pub signed: Signed,
    /// Whether digests that can be forged are taken, although somebody signs.
    pub weak_digests: bool,
    /// Whether a state is taken that is older than what is served.
    pub accept_older: bool,
    /// The installation tree beside the packages, if it is wanted.
    pub tree: Option<InstallTree>,
    /// Of which architectures packages are mirrored, `noarch` always; none means all.
    pub architectures: Vec<String>,
    /// How much of it.
    pub selection: Selection,
}

/// How much of a repository is mirrored.
#[derive(Clone, Debug)]
pub enum Selection {
    /// All of it, with the upstream's own metadata.
    Whole,
    /// What a filter keeps, with new metadata that the site signs.
    Part {
        /// What is kept.
        filter: Filter,
        /// Who signs the new metadata.
        site_key: Arc<SiteKey>,
        /// Other repositories of the machines: what they have need not be kept.
        neighbours: Arc<[Neighbour]>,
    },
}

/// Where a repository is read from: the folder that `repodata/` lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// On these mirrors, best first.
    Urls(Bases),
    /// On those that this list names, one a line.
    Mirrorlist(Url),
    /// On those that this metalink names, which also tells what `repomd.xml` must be.
    Metalink(Url),
}

/// What the keys of a repository must have signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    /// `repomd.xml`.
    pub metadata: bool,
    /// The header of every package.
    pub packages: bool,
}

/// What is mirrored of an installation tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstallTree {
    /// Whether images of whole media come along.
    pub media: bool,
    /// What `.treeinfo` must be; none, if nobody vouches for it.
    pub treeinfo: Option<Sha256>,
}

/// Who may sign a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The certificates in these files.
    Keys(Vec<PathBuf>),
    /// Anybody: the operator wrote that down.
    None,
}

impl Trust {
    /// Opens the keyring; none, if nobody has to sign.
    pub(super) fn keyring(&self) -> Result<Option<Keyring>, trust::Error> {
        match self {
            Self::Keys(paths) => Keyring::load(paths).map(Some),
            Self::None => Ok(None),
        }
    }
}

impl Source {
    /// Tells whether digests that can be forged are taken: where nobody signs, no digest proves anything.
    pub(super) fn takes_weak_digests(&self) -> bool {
        self.weak_digests || self.trust == Trust::None
    }

    /// Tells whether packages of an architecture are wanted.
    pub(super) fn wants(&self, architecture: &str) -> bool {
        self.architectures.is_empty()
            || architecture == "noarch"
            || self.architectures.iter().any(|wanted| wanted == architecture)
    }
}
