//! What can go wrong with a page. A repository is served without one all the same.

use std::io;

use crate::store::{self, NotRelative, RelPath, Tree};
use crate::yum::Unreadable;
use crate::{Class, Classified};

/// A page cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store does not give or take a file.
    #[error("cannot make a page out of the store")]
    Store(#[source] store::Error),
    /// Metadata cannot be read.
    #[error("cannot read `{file}` of `{tree}`")]
    Read {
        /// The tree.
        tree: RelPath,
        /// The file in it.
        file: RelPath,
        /// Why.
        source: io::Error,
    },
    /// Metadata makes no sense.
    #[error("`{file}` of `{tree}` makes no page")]
    Unreadable {
        /// The tree.
        tree: RelPath,
        /// The file in it.
        file: RelPath,
        /// Why.
        source: Box<Unreadable>,
    },
    /// A page has no place.
    #[error("a page has no place in a generation")]
    Place(#[source] NotRelative),
    /// The page cannot be written.
    #[error("cannot write a page")]
    Render(#[source] minijinja::Error),
    /// The index of packages cannot be written.
    #[error("cannot write the index of a page")]
    Index(#[source] serde_json::Error),
}

impl Error {
    pub(crate) fn unreadable(tree: &Tree, file: &RelPath, source: Unreadable) -> Self {
        let (tree, file) = (tree.path.clone(), file.clone());
        Self::Unreadable { tree, file, source: Box::new(source) }
    }
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Read { .. } | Self::Unreadable { .. } => Class::Upstream,
            _ => Class::Local,
        }
    }
}
