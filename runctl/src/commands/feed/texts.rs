//! Texts of the configuration as what feeds ask for; they were checked when it was read.

use std::collections::BTreeMap;

use feeds::digest::Sha256;
use feeds::store::RelPath;
use feeds::transfer::{Bases, Want};

use crate::failure::{Class, Classify as _, Outcome};

/// The tree of one upstream in a generation.
pub(super) fn tree_path(folder: &str, name: &str) -> Outcome<RelPath> {
    RelPath::new(format!("{folder}/{name}"))
        .or_fail(Class::Configuration, || format!("`{name}` cannot name a folder"))
}

/// URLs as the configuration has them, checked when it was read.
pub(super) fn urls(texts: &[String]) -> Outcome<Bases> {
    texts
        .iter()
        .map(|text| text.parse().or_fail(Class::Configuration, || format!("`{text}` is not a URL")))
        .collect()
}

/// The files of a list of (name, URLs, sha256).
pub(super) fn wants(files: &[(String, Vec<String>, String)]) -> Outcome<BTreeMap<RelPath, Want>> {
    let want = |(name, texts, sha256): &(String, Vec<String>, String)| {
        let mut want = Want::new(urls(texts)?, name.as_str());
        want.sha256 = Some(digest(name, sha256)?);
        Ok((file_path(name)?, want))
    };
    files.iter().map(want).collect()
}

/// The sha256 that was written down for a file.
pub(super) fn digest(name: &str, sha256: &str) -> Outcome<Sha256> {
    sha256.parse().or_fail(Class::Configuration, || format!("the sha256 of `{name}` is wrong"))
}

/// The name of one file in its tree.
pub(super) fn file_path(name: &str) -> Outcome<RelPath> {
    RelPath::new(name).or_fail(Class::Configuration, || format!("`{name}` cannot name a file"))
}
