//! What keeps a YUM repository or an installation tree from being mirrored.

use std::collections::BTreeSet;
use std::io;

use super::xml::Unreadable;
use crate::patterns::NotPattern;
use crate::store::{self, NotRelative, RelPath};
use crate::{Class, Classified, Older, Unsatisfied, transfer, trust};

/// A YUM repository or an installation tree cannot be surveyed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant tells what its fields are")]
pub enum Error {
    /// The name of the repository cannot name a folder.
    #[error("`{name}` cannot name a tree")]
    Name { name: String, source: NotRelative },
    /// Its keyring is of no use.
    #[error("cannot use the keys of `{name}`")]
    Keys { name: String, source: Box<trust::Error> },
    /// A list of mirrors has none that can be asked.
    #[error("the list of mirrors of `{name}` names none that can be asked")]
    NoMirrors { name: String },
    /// A mirror has another `repomd.xml` than the metalink says.
    #[error("`repomd.xml` of `{url}` is none of those that the metalink vouches for")]
    NotInMetalink { url: String },
    /// A mirror has metadata that was made before what is served.
    #[error("`repomd.xml` of `{url}` {age}")]
    Older { url: String, age: Older },
    /// Metadata did not come.
    #[error("cannot survey `{name}`")]
    Fetch { name: String, source: Box<transfer::Error> },
    /// Nobody trusted signed it.
    #[error("cannot trust `{url}`")]
    Trust { url: String, source: Box<trust::Error> },
    /// Metadata makes no sense.
    #[error("cannot use `{file}` of `{name}`")]
    Metadata { name: String, file: String, source: Unreadable },
    /// Metadata does not list the packages.
    #[error("`repomd.xml` of `{name}` lists no `primary` metadata")]
    NoPrimary { name: String },
    /// Two files want the same path.
    #[error("`{name}` lists `{path}` twice, with different content")]
    Conflict { name: String, path: RelPath },
    /// Metadata that we have cannot be read again.
    #[error("cannot read what was fetched of `{name}`")]
    Store { name: String, source: store::Error },
    /// Metadata is not what its compression says.
    #[error("cannot decompress `{file}` of `{name}`")]
    Decompress { name: String, file: String, source: io::Error },
    /// The tree has no image for the architecture.
    #[error("`.treeinfo` of `{url}` has no images for `{architecture}`, only for {}", others.join(", "))]
    NoImages { url: String, architecture: String, others: Vec<String> },
    /// The tree does not say what its images should be.
    #[error("`.treeinfo` of `{url}` has no usable checksum of `{path}`")]
    NoChecksum { url: String, path: String },
    /// The tree names a path that leaves it.
    #[error("`.treeinfo` of `{url}` is of no use")]
    Treeinfo { url: String, source: NotRelative },
    /// What is wanted of it is not there.
    #[error("{} no {}", leaning(name, beside), told(unsatisfied))]
    Unsatisfied { name: String, beside: Vec<String>, unsatisfied: BTreeSet<Unsatisfied> },
    /// A pattern makes no sense.
    #[error("cannot filter `{name}`")]
    Pattern { name: String, source: NotPattern },
    /// New metadata could not be written.
    #[error("cannot write the metadata of `{name}`")]
    Write { name: String, source: io::Error },
    /// A folder of packages cannot be listed.
    #[error("cannot list the packages of `{name}`")]
    Folder { name: String, source: io::Error },
    /// Packages of a folder that cannot be told to clients.
    #[error("`{name}` cannot be made of its folder: {}", flaws.join("; "))]
    Loose { name: String, flaws: Vec<String> },
    /// New metadata could not be signed.
    #[error("cannot sign the metadata of `{name}`")]
    Sign { name: String, source: Box<trust::Error> },
}

fn leaning(name: &str, beside: &[String]) -> String {
    match beside {
        [] => format!("`{name}` has"),
        several => format!("`{name}` and what it leans on (`{}`) have", several.join("`, `")),
    }
}

fn told(unsatisfied: &BTreeSet<Unsatisfied>) -> String {
    let each: Vec<_> = unsatisfied.iter().map(ToString::to_string).collect();
    each.join(", nor ")
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Name { .. }
            | Self::NoImages { .. }
            | Self::Unsatisfied { .. }
            | Self::Loose { .. }
            | Self::Pattern { .. } => Class::Configuration,
            Self::Write { .. } | Self::Folder { .. } => Class::Local,
            Self::Keys { source, .. } | Self::Trust { source, .. } | Self::Sign { source, .. } => {
                source.class()
            }
            Self::Fetch { source, .. } => source.class(),
            Self::Store { source, .. } => source.class(),
            Self::NoChecksum { .. } | Self::NotInMetalink { .. } | Self::Older { .. } => {
                Class::Verification
            }
            Self::Metadata { source, .. } => source.class(),
            Self::NoPrimary { .. }
            | Self::NoMirrors { .. }
            | Self::Conflict { .. }
            | Self::Decompress { .. }
            | Self::Treeinfo { .. } => Class::Upstream,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Keys { source, .. }
            | Self::Trust { source, .. }
            | Self::Sign { source, .. } => source.hint(),
            Self::Fetch { source, .. } => source.hint(),
            Self::Store { source, .. } => source.hint(),
            Self::Metadata { source, .. } => source.hint(),
            Self::Older { .. } => Some(Older::HINT.to_owned()),
            Self::Unsatisfied { .. } => Some(
                "check the names; if another repository of the machines has it, let `leans_on` name that"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}
