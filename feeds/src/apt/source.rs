//! What an operator asks of an APT upstream.

use std::path::PathBuf;
use std::sync::Arc;

use super::select::Wanted;
use crate::transfer::Bases;
use crate::trust::{self, Keyring, SiteKey};

/// One APT repository as it is to be mirrored.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name of its tree below `data/apt/`.
    pub name: String,
    /// Where it is read from; all suites together make one repository.
    pub suites: Vec<Suite>,
    /// For which architectures.
    pub architectures: Vec<String>,
    /// How much of it.
    pub selection: Selection,
    /// Whether the parts of its installer come along: the component `debian-installer` beside each.
    pub udebs: bool,
    /// What becomes of packages that the upstream lists and does not have.
    pub missing: Missing,
    /// Whether indexes that have outlived their `Valid-Until` are refused.
    pub check_valid_until: bool,
}

/// One suite of an upstream, such as `bookworm-security`.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The repository's root on several mirrors, best first.
    pub urls: Bases,
    /// Its name below `dists/`.
    pub name: String,
    /// Its components, such as `main`.
    pub components: Vec<String>,
    /// Who may sign it.
    pub trust: Trust,
}

/// Who may sign an upstream's indexes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The certificates in these files.
    Files(Vec<PathBuf>),
    /// A certificate written down in APT's own configuration.
    Inline(String),
    /// Anybody: the operator wrote that down.
    Unsigned,
}

/// How much of a repository is mirrored.
#[derive(Clone, Debug)]
pub enum Selection {
    /// All of it, with the upstream's own signed indexes.
    Whole,
    /// Packages with all that they need, in a new index that the site signs.
    Packages {
        /// Which packages.
        wanted: Wanted,
        /// Who signs the new index.
        site_key: Arc<SiteKey>,
    },
}

/// What becomes of packages that an upstream lists and does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// They are fetched like all others, which fails and names them.
    #[default]
    Fail,
    /// They are left out of the index that the site makes: the operator wrote that down.
    Skip,
}

impl Trust {
    /// Opens the keyring; none, if nobody has to sign.
    pub(super) fn keyring(&self) -> Result<Option<Keyring>, trust::Error> {
        match self {
            Self::Files(paths) => Keyring::load(paths).map(Some),
            Self::Inline(text) => Keyring::parse("Signed-By", text.as_bytes()).map(Some),
            Self::Unsigned => Ok(None),
        }
    }
}
