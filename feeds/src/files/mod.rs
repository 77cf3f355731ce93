//! Plain files: a name, where it lies, and its sha256, written down by the operator or listed beside it ([`survey_listed`]).

mod listed;

use std::collections::BTreeMap;

use crate::digest::Sha256;
use crate::plan::Plan;
use crate::store::{NotRelative, RelPath};
use crate::transfer::{Bases, Want, masked};
use crate::{Class, Classified};

pub use listed::{Surveyed as Listed, survey as survey_listed};

/// One folder of plain files.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name of its tree below `data/files/`.
    pub name: String,
    /// Its files.
    pub files: Vec<File>,
}

/// One plain file.
#[derive(Clone, Debug)]
pub struct File {
    /// Its place in the tree.
    pub path: String,
    /// Where it lies, best first.
    pub urls: Bases,
    /// What it must be.
    pub sha256: Sha256,
}

/// A list of files cannot be mirrored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A name cannot name a file or a folder.
    #[error("cannot mirror the files of `{name}`")]
    Path {
        /// The tree.
        name: String,
        /// Why.
        source: NotRelative,
    },
    /// Two files have the same name.
    #[error("`{name}` has two files `{path}`")]
    Twice {
        /// The tree.
        name: String,
        /// The file.
        path: RelPath,
    },
    /// A list of checksums cannot be read.
    #[error("cannot read the list of checksums {url}")]
    List {
        /// The list.
        url: String,
        /// Why.
        source: Box<crate::transfer::Error>,
    },
    /// The store does not give a list back.
    #[error("cannot keep the list of checksums {url}")]
    Store {
        /// The list.
        url: String,
        /// Why.
        source: crate::store::Error,
    },
    /// A list of checksums says nothing of a file.
    #[error("{url} has no checksum of `{path}`")]
    Unlisted {
        /// The list.
        url: String,
        /// The file.
        path: RelPath,
    },
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Path { .. } | Self::Twice { .. } => Class::Configuration,
            Self::List { source, .. } => source.class(),
            Self::Store { source, .. } => source.class(),
            Self::Unlisted { .. } => Class::Verification,
        }
    }
}

/// Plans the tree of a folder of plain files. Nothing is asked: all is written down.
pub fn survey(source: &Source) -> Result<Plan, Error> {
    let safe = |path: String| {
        RelPath::new(path).map_err(|wrong| Error::Path { name: source.name.clone(), source: wrong })
    };
    let mut get = BTreeMap::new();
    for file in &source.files {
        let path = safe(file.path.clone())?;
        let sha256 = Some(file.sha256);
        let want = Want { sha256, ..Want::new(file.urls.clone(), path.as_str()) };
        if get.insert(path.clone(), want).is_some() {
            return Err(Error::Twice { name: source.name.clone(), path });
        }
    }
    let mut hosts: Vec<_> = source.files.iter().filter_map(|file| file.urls.first()).collect();
    hosts.dedup_by_key(|url| url.host_str().map(str::to_owned));
    let upstream = hosts.into_iter().map(masked).collect::<Vec<_>>().join(", ");
    Ok(Plan {
        tree: safe(format!("data/files/{}", source.name))?,
        upstream,
        trust: "sha256 written down".to_owned(),
        signed_by: None,
        recipe: None,
        evidence: BTreeMap::new(),
        get,
        have: BTreeMap::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(paths: &[&str]) -> Source {
        let urls = Bases::from(["http://h.example/x".parse().unwrap()]);
        let file = |path: &&str| File {
            path: (*path).to_owned(),
            urls: urls.clone(),
            sha256: Sha256::of(path.as_bytes()),
        };
        Source { name: "tools".to_owned(), files: paths.iter().map(file).collect() }
    }

    #[test]
    fn plans_each_file_by_its_digest() {
        let plan = survey(&source(&["a", "b/c"])).unwrap();
        assert_eq!(plan.tree.as_str(), "data/files/tools");
        assert_eq!(plan.get.len(), 2);
        assert_eq!(plan.get[&RelPath::new("a").unwrap()].sha256, Some(Sha256::of(b"a")));
        assert_eq!(plan.upstream, "http://h.example/x");
    }

    #[test]
    fn refuses_names_that_leave_the_folder_or_stand_twice() {
        assert!(matches!(survey(&source(&["../a"])), Err(Error::Path { .. })));
        assert!(matches!(survey(&source(&["a", "a"])), Err(Error::Twice { .. })));
    }
}
