//! What keeps an APT repository from being mirrored.

use std::collections::BTreeSet;
use std::io;

use jiff::Timestamp;

use super::package::Incomplete;
use super::reindex::Failure;
use super::release::{Unreadable, format_date};
use crate::error::{Class, Classified};
use crate::store::{self, NotRelative, RelPath};
use crate::{Older, Unsatisfied, transfer, trust};

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
    /// A mirror has a state of the suite that was made before what is served.
    #[error("the suite `{suite}` of `{url}` {age}")]
    Older { suite: String, url: String, age: Older },
    /// The suite has no such component or architecture.
    #[error("the suite `{suite}` has no index of `{index}`")]
    NoIndex { suite: String, index: String },
    /// An index is not what its compression says.
    #[error("cannot decompress `{index}` of the suite `{suite}`")]
    Decompress { suite: String, index: String, source: io::Error },
    /// An index has a package that cannot be mirrored.
    #[error("cannot use the index `{index}` of the suite `{suite}`")]
    Index { suite: String, index: String, source: Incomplete },
    /// An index has a source that cannot be mirrored.
    #[error("the source `{package}` of the suite `{suite}` has no usable `{field}`")]
    Source { suite: String, package: String, field: &'static str },
    /// What is wanted is not there.
    #[error("for `{architecture}` no suite{} has {}", leaning(beside), told(unsatisfied))]
    Unsatisfied { architecture: String, beside: Vec<String>, unsatisfied: BTreeSet<Unsatisfied> },
    /// Two suites have different files under one name.
    #[error("`{path}` is a different file in two of the suites")]
    Conflict { path: RelPath },
    /// A path would leave the tree.
    #[error("cannot place a file of `{name}`")]
    Path { name: String, source: NotRelative },
    /// A folder of packages cannot be listed.
    #[error("cannot list the packages of `{name}`")]
    Folder { name: String, source: io::Error },
    /// Packages of a folder that cannot be told to clients.
    #[error("`{name}` cannot be made of its folder: {}", flaws.join("; "))]
    Loose { name: String, flaws: Vec<String> },
    /// There is nothing to survey.
    #[error("`{name}` has no {lacks}")]
    Empty { name: String, lacks: &'static str },
    /// An index could not be signed.
    #[error("cannot sign the indexes of `{name}`")]
    Sign { name: String, source: Box<trust::Error> },
    /// The store did not give or take an index.
    #[error("cannot keep the indexes of `{name}`")]
    Store { name: String, source: Box<store::Error> },
}

impl Error {
    /// Tells why the indexes of a repository could not be made.
    pub(super) fn making(name: &str, failure: Failure) -> Self {
        let name = name.to_owned();
        match failure {
            Failure::Path(source) => Self::Path { name, source },
            Failure::Keep(source) => Self::Store { name, source: Box::new(source) },
            Failure::Sign(source) => Self::Sign { name, source: Box::new(source) },
        }
    }
}

fn leaning(beside: &[String]) -> String {
    match beside {
        [] => String::new(),
        several => format!(", nor what it leans on (`{}`),", several.join("`, `")),
    }
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
            Self::Expired { .. } | Self::Older { .. } => Class::Verification,
            Self::Release { .. }
            | Self::Decompress { .. }
            | Self::Index { .. }
            | Self::Source { .. }
            | Self::Conflict { .. } => Class::Upstream,
            Self::NoIndex { .. }
            | Self::Unsatisfied { .. }
            | Self::Path { .. }
            | Self::Loose { .. }
            | Self::Empty { .. } => Class::Configuration,
            Self::Folder { .. } => Class::Local,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Fetch { source, .. } => return source.hint(),
            Self::Trust { source, .. } | Self::Sign { source, .. } => return source.hint(),
            Self::Store { source, .. } => return source.hint(),
            Self::Expired { .. } => "the mirror is out of date, or this machine's clock is wrong",
            Self::Older { .. } => Older::HINT,
            Self::NoIndex { .. } => {
                "look at `Components` and `Architectures` of its `Release` file"
            }
            Self::Unsatisfied { .. } => {
                "check the names, add the suite or component they are in, or let `leans_on` name the repository that has them"
            }
            Self::Loose { .. } => "take these files out of the folder, or put whole ones there",
            Self::Folder { .. } => "is it there, and a medium mounted?",
            Self::Conflict { .. } => "mirror the two suites under two names",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
