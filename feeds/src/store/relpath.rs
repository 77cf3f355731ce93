//! Relative paths that cannot leave their folder: the only kind that names files of a tree.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// A relative path that cannot leave its folder: no `..`, no empty parts, no leading slash, no control characters.
/// Cheap to clone: a repository has a hundred thousand of them, in its plan, its tree and its lock.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelPath(Arc<str>);

/// A path would leave its folder or cannot name a file.
#[derive(Debug, thiserror::Error)]
#[error("`{path}` is not a safe relative path: {reason}")]
pub struct NotRelative {
    path: String,
    reason: &'static str,
}

/// What the file systems that we write to allow.
const LONGEST_PART: usize = 255;
const LONGEST_PATH: usize = 3072;

impl RelPath {
    /// Checks and takes a path.
    pub fn new(path: impl Into<String>) -> Result<Self, NotRelative> {
        let path = path.into();
        match flaw(&path) {
            None => Ok(Self(path.into())),
            // What an upstream wrote goes to a terminal: show it escaped.
            Some(reason) => Err(NotRelative { path: path.escape_default().to_string(), reason }),
        }
    }

    /// Returns it as text, parts divided by `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns its parts, outermost first.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// Returns the last part.
    pub fn file_name(&self) -> &str {
        self.parts().last().unwrap_or_default()
    }

    /// Appends `rest` below this path.
    pub fn join(&self, rest: &str) -> Result<Self, NotRelative> {
        Self::new(format!("{}/{rest}", self.0))
    }

    /// Returns the folders that it lies in, innermost first.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> {
        let slashes = self.0.rmatch_indices('/').map(|(at, _)| at);
        slashes.map(|at| Self(self.0[..at].into()))
    }

    /// Tells whether this path is `folder` or lies below it.
    pub fn is_within(&self, folder: &RelPath) -> bool {
        self.0.strip_prefix(&*folder.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

fn flaw(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("it is empty");
    }
    if path.len() > LONGEST_PATH {
        return Some("it is too long");
    }
    if path.chars().any(char::is_control) {
        return Some("it holds a control character");
    }
    path.split('/').find_map(|part| match part {
        "" => Some("it has an empty part"),
        "." | ".." => Some("it has a part `.` or `..`"),
        part if part.len() > LONGEST_PART => Some("a part of it is too long"),
        _ => None,
    })
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<Path> for RelPath {
    fn as_ref(&self) -> &Path {
        Path::new(&*self.0)
    }
}

impl FromStr for RelPath {
    type Err = NotRelative;

    fn from_str(path: &str) -> Result<Self, NotRelative> {
        Self::new(path)
    }
}

impl serde::Serialize for RelPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for RelPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_what_leaves_its_folder() {
        for path in ["", "/", "/etc", "a//b", "a/", "..", "a/../b", "./a", "a/.", "a\0b", "a\nb"] {
            assert!(RelPath::new(path).is_err(), "{path:?}");
        }
        assert!(RelPath::new("x".repeat(256)).is_err());
        assert!(RelPath::new("x/".repeat(2000) + "x").is_err());
    }

    #[test]
    fn knows_what_lies_within() {
        let path = RelPath::new("data/yum/os").unwrap();
        let within = |folder: &str| path.is_within(&RelPath::new(folder).unwrap());
        assert!(within("data") && within("data/yum/os"));
        assert!(!within("data/yum/o") && !within("dat") && !within("data/yum/os/x"));
    }

    proptest! {
        #[test]
        fn whatever_passes_stays_below_its_folder(path in "[a./\\\\ ~%:\u{0}é]{0,12}") {
            if let Ok(path) = RelPath::new(path) {
                prop_assert!(Path::new(path.as_str()).components().all(|part| matches!(part, Component::Normal(_))));
                prop_assert_eq!(Path::new(path.as_str()).components().count(), path.parts().count());
            }
        }
    }
}
