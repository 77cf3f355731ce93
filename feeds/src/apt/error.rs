//! What keeps an APT repository from being mirrored.

use std::collections::BTreeSet;
use std::io;

use jiff::Timestamp;

use super::package::Incomplete;
use super::release::{Unreadable, format_date};
use super::select::Unsatisfied;
use crate::error::{Class, Classified};
use crate::store::{self, NotRelative, RelPath};
use crate::{transfer, trust};

/// An APT repository cannot be surveyed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant tells what its fields are")]
pub enum Error {
    /// An index did not come.
    #[error("cannot survey the suite `{suite}`")]
    Fetch { suite: String, source: Box<transfer::Error> },
    /// Nobody trusted signed the suite.
    #[error("cannot trust the suite `{suite}`")]
    Trust { suite: String, source: Box<trust::Error> },
    /// The `Release` file makes no sense.
    #[error("cannot use the `Release` file of the suite `{suite}`")]
    Release { suite: String, source: Unreadable },
    /// The suite has outlived its `Valid-Until`.
    #[error("the suite `{suite}` was valid until {}", format_date(*until))]
    Expired { suite: String, until: Timestamp },
    /// The suite has no such component or architecture.
    #[error("the suite `{suite}` has no index of `{index}`")]
    NoIndex { suite: String, index: String },
    /// An index is not what its compression says.
    #[error("cannot decompress `{index}` of the suite `{suite}`")]
    Decompress { suite: String, index: String, source: io::Error },
    /// An index has a package that cannot be mirrored.
    #[error("cannot use the index `{index}` of the suite `{suite}`")]
    Index { suite: String, index: String, source: Incomplete },
    /// What is wanted is not there.
    #[error("for `{architecture}` no suite has {}", told(unsatisfied))]
    Unsatisfied { architecture: String, unsatisfied: BTreeSet<Unsatisfied> },
    /// Two suites have different files under one name.
    #[error("`{path}` is a different file in two of the suites")]
    Conflict { path: RelPath },
    /// A path would leave the tree.
    #[error("cannot place a file of `{name}`")]
    Path { name: String, source: NotRelative },
    /// There is nothing to survey.
    #[error("`{name}` has no {lacks}")]
    Empty { name: String, lacks: &'static str },
    /// An index could not be written.
    #[error("cannot write the indexes of `{name}`")]
    Write { name: String, source: io::Error },
    /// An index could not be signed.
    #[error("cannot sign the indexes of `{name}`")]
    Sign { name: String, source: Box<trust::Error> },
    /// The store did not give or take an index.
    #[error("cannot keep the indexes of `{name}`")]
    Store { name: String, source: Box<store::Error> },
}

fn told(unsatisfied: &BTreeSet<Unsatisfied>) -> String {
    let each: Vec<_> = unsatisfied.iter().map(ToString::to_string).collect();
    each.join(", nor ")
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Fetch { source, .. } => source.class(),
            Self::Trust { source, .. } | Self::Sign { source, .. } => source.class(),
            Self::Store { source, .. } => source.class(),
            Self::Expired { .. } => Class::Verification,
            Self::Release { .. }
            | Self::Decompress { .. }
            | Self::Index { .. }
            | Self::Conflict { .. } => Class::Upstream,
            Self::NoIndex { .. }
            | Self::Unsatisfied { .. }
            | Self::Path { .. }
            | Self::Empty { .. } => Class::Configuration,
            Self::Write { .. } => Class::Local,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Fetch { source, .. } => return source.hint(),
            Self::Trust { source, .. } | Self::Sign { source, .. } => return source.hint(),
            Self::Store { source, .. } => return source.hint(),
            Self::Expired { .. } => "the mirror is out of date, or this machine's clock is wrong",
            Self::NoIndex { .. } => {
                "look at `Components` and `Architectures` of its `Release` file"
            }
            Self::Unsatisfied { .. } => {
                "check the names, or add the suite or component they are in"
            }
            Self::Conflict { .. } => "mirror the two suites under two names",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
