//! The indexes of a repository that another leans on.

use std::collections::BTreeSet;
use std::io::{self, BufReader};
use std::path::Path;

use super::deb822::paragraphs;
use super::error::Error;
use super::package::{Origin, Package};
use crate::compression::{Compression, read_within};
use crate::neighbour::Neighbour;
use crate::store::Store;

/// The largest index of packages has a hundred megabytes.
const LARGEST: u64 = 1 << 30;

/// The text of an index.
pub(super) struct Lent {
    name: String,
    index: String,
    text: String,
}

impl Lent {
    /// Reads its packages of one architecture.
    pub(super) fn packages(&self, architecture: &str) -> Result<Vec<Package<'_>>, Error> {
        let wrong = |source| {
            let (suite, index) = (self.name.clone(), self.index.clone());
            Error::Index { suite, index, source }
        };
        let all = paragraphs(&self.text).map(|one| Package::read(one, Origin::default()));
        let mut all = all.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        all.retain(|one| one.architecture == "all" || one.architecture == architecture);
        Ok(all)
    }
}

/// Reads the indexes of one architecture, each in one of its compressions.
pub(super) fn lent(
    neighbours: &[Neighbour],
    architecture: &str,
    store: &Store,
) -> Result<Vec<Lent>, Error> {
    let mut texts = Vec::new();
    for neighbour in neighbours {
        let mut folders = BTreeSet::new();
        for (path, object) in &neighbour.indexes {
            let folder = path.as_str().strip_suffix(path.file_name()).unwrap_or_default();
            let Some(compression) = Compression::of(path.file_name()) else { continue };
            if !holds(folder, architecture) || !folders.insert(folder) {
                continue;
            }
            let (name, index) = (neighbour.name.clone(), path.to_string());
            let text = read(&store.path(&object.sha256), compression).map_err(|source| {
                Error::Decompress { suite: name.clone(), index: index.clone(), source }
            })?;
            texts.push(Lent { name, index, text });
        }
    }
    Ok(texts)
}

fn read(path: &Path, compression: Compression) -> io::Result<String> {
    let reader = compression.reader(BufReader::new(fs_err::File::open(path)?))?;
    Ok(String::from_utf8_lossy(&read_within(reader, LARGEST)?).into_owned())
}

/// Tells whether the index of a folder lists packages of an architecture; one of a flat repository lists all.
fn holds(folder: &str, architecture: &str) -> bool {
    let installer = folder.contains("/debian-installer/");
    match folder.trim_end_matches('/').rsplit('/').next().and_then(|it| it.strip_prefix("binary-"))
    {
        Some(one) => !installer && (one == architecture || one == "all"),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_whose_packages_a_folder_lists() {
        let main = "dists/stable/main/";
        for (folder, holds_amd64) in [
            (format!("{main}binary-amd64/"), true),
            (format!("{main}binary-all/"), true),
            (format!("{main}binary-arm64/"), false),
            (format!("{main}debian-installer/binary-amd64/"), false),
            (String::new(), true),
        ] {
            assert_eq!(holds(&folder, "amd64"), holds_amd64, "{folder}");
        }
    }
}
