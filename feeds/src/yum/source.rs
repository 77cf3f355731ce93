//! What an operator asks of a YUM upstream.

use std::path::PathBuf;

use crate::transfer::Bases;
use crate::trust::{self, Keyring};

/// One YUM repository as it is to be mirrored.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name of its tree below `data/yum/`.
    pub name: String,
    /// The folder that `repodata/` lies in, on several mirrors, best first.
    pub urls: Bases,
    /// Who may sign it.
    pub trust: Trust,
    /// Of which architectures packages are mirrored, `noarch` always; none means all.
    pub architectures: Vec<String>,
}

/// Who may sign a repository's `repomd.xml`.
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
    /// Tells whether packages of an architecture are wanted.
    pub(super) fn wants(&self, architecture: &str) -> bool {
        self.architectures.is_empty()
            || architecture == "noarch"
            || self.architectures.iter().any(|wanted| wanted == architecture)
    }
}
