//! What the served generation holds for machines to boot: looked up in its folders, for its lock may be long.

use std::collections::BTreeSet;
use std::path::Path;

use super::Layout;

/// The file of a built root that names its sha256.
pub const SUMS: &str = "SHA256SUMS";

/// What can be booted from the served generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    /// The generation; none before the first feed.
    pub generation: Option<u64>,
    /// Folders of boot files, by their path below data: `boot/debian-12`, `built/live`.
    pub folders: Vec<Folder>,
    /// Root images that `runctl build os` made.
    pub roots: Vec<rack::RootImage>,
}

/// A folder and the names of its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Below data.
    pub path: String,
    /// What is in it.
    pub files: BTreeSet<String>,
}

impl Set {
    /// Looks into the served generation; where nothing is served, nothing is in it.
    pub(super) fn look(layout: &Layout) -> Self {
        let current = layout.store().join("published/current");
        let generation = fs_err::read_link(&current).ok();
        let number = |path: std::path::PathBuf| path.file_name()?.to_str()?.parse().ok();
        let below = |folder: &str| {
            let names = entries(&current.join(folder));
            names.into_iter().map(move |name| format!("{folder}/{name}")).collect::<Vec<_>>()
        };
        let folders = below("boot").into_iter().chain(below("built"));
        let folders = folders
            .map(|path| Folder { files: files(&current.join(&path)), path })
            .filter(|folder| !folder.files.is_empty() && folder.path != "built/os");
        Self {
            generation: generation.and_then(number),
            folders: folders.collect(),
            roots: below("built/os").iter().filter_map(|path| root(&current, path)).collect(),
        }
    }
}

/// The names in a folder; none where it is not there.
fn entries(folder: &Path) -> BTreeSet<String> {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// The files below a folder, by their paths from it.
pub(super) fn files(folder: &Path) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for name in entries(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            all.extend(files(&path).into_iter().map(|inner| format!("{name}/{inner}")));
        } else {
            all.insert(name);
        }
    }
    all
}

/// A root image, as its list of sums names it.
fn root(current: &Path, path: &str) -> Option<rack::RootImage> {
    let sums = fs_err::read_to_string(current.join(path).join(SUMS)).ok()?;
    let (sha256, file) = sums.lines().next()?.split_once("  ")?;
    let size = fs_err::metadata(current.join(path).join(file)).ok()?.len();
    let profile = path.rsplit('/').next()?.to_owned();
    Some(rack::RootImage {
        profile,
        path: format!("{path}/{file}"),
        sha256: sha256.to_owned(),
        size,
    })
}
