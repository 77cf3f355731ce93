//! Another repository of the same machines: what it serves need not be in a part that leans on it.

use std::collections::BTreeMap;

use crate::plan::Plan;
use crate::store::{Object, RelPath};

/// A repository that is there beside another, by the indexes of its packages.
#[derive(Clone, Debug)]
pub struct Neighbour {
    pub(crate) name: String,
    /// Where they lie in its tree.
    pub(crate) indexes: BTreeMap<RelPath, Object>,
}

impl Neighbour {
    /// Knows a repository by what its tree will be.
    pub fn of(name: &str, plan: &Plan) -> Self {
        let is_index = |path: &RelPath| {
            path.as_str().starts_with("repodata/") || path.file_name().starts_with("Packages")
        };
        let indexes = plan.have.iter().filter(|(path, _)| is_index(path));
        let indexes = indexes.map(|(path, object)| (path.clone(), *object)).collect();
        Self { name: name.to_owned(), indexes }
    }
}
