//! Packages that an operator dropped into a folder of this host, before any of them is read.

use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::store::RelPath;

/// Deeper folders run in a circle.
const DEEPEST: usize = 32;

/// One file of the folder.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Where it stands in the repository.
    pub(crate) place: RelPath,
    /// Where it lies on this host.
    pub(crate) path: PathBuf,
    /// Its length.
    pub(crate) size: u64,
    /// When it was changed last, in seconds since 1970.
    pub(crate) changed: u64,
}

/// Lists the files whose names have this extension, in the folder and the folders in it; they stand below `pool`.
pub(crate) fn find(folder: &Path, extension: &str, pool: &str) -> io::Result<Vec<Found>> {
    let (mut found, mut open) = (Vec::new(), vec![(folder.to_owned(), format!("{pool}/"), 0)]);
    while let Some((folder, prefix, depth)) = open.pop() {
        for entry in fs_err::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            let told = || {
                io::Error::other(format!("`{}` is not a name that can be served", path.display()))
            };
            let metadata = fs_err::metadata(&path)?;
            if metadata.is_dir() && depth < DEEPEST {
                let name = entry.file_name().into_string().map_err(|_| told())?;
                open.push((path, format!("{prefix}{name}/"), depth + 1));
            } else if metadata.is_file() && path.extension().is_some_and(|end| end == extension) {
                let name = entry.file_name().into_string().map_err(|_| told())?;
                let place = RelPath::new(format!("{prefix}{name}")).map_err(io::Error::other)?;
                let changed = metadata.modified()?.duration_since(UNIX_EPOCH);
                let changed = changed.map_or(0, |since| since.as_secs());
                found.push(Found { place, path, size: metadata.len(), changed });
            }
        }
    }
    found.sort_by(|a, b| a.place.cmp(&b.place));
    Ok(found)
}

/// An error with its causes, in one line: one of many files that are blamed together.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}
