//! What the site built itself, published as trees below `built/`: for machines to boot and to be installed from.

use std::collections::BTreeMap;

use feeds::store::{Object, RelPath, Store, Tree};

use super::Made;
use crate::failure::{Class, Classify as _, Outcome};

/// Where all of it lies in a generation.
const SCOPE: &str = "built";

/// The files of a tree that was built.
pub(super) type Files = BTreeMap<RelPath, Object>;

/// Publishes files as one tree, telling what they were made of; what else was built stays.
pub(super) fn publish(store: &Store, name: &str, origin: String, files: Files) -> Outcome<Made> {
    let size = files.values().map(|object| object.size).sum();
    let path = format!("{SCOPE}/{name}");
    let tree = Tree {
        path: place(&path)?,
        upstream: origin,
        trust: "built by this site".to_owned(),
        recipe: None,
        evidence: BTreeMap::new(),
        files,
    };
    let current = store.current()?;
    let keep: Vec<_> =
        current.into_iter().flat_map(|it| it.lock.trees).map(|tree| tree.path).collect();
    let generation = store.publish(&place(SCOPE)?, vec![tree], &keep)?.number;
    Ok(Made { path, size, generation })
}

/// Names a place in a generation.
pub(super) fn place(path: &str) -> Outcome<RelPath> {
    RelPath::new(path).or_fail(Class::Unexpected, || format!("`{path}` is not a path"))
}
