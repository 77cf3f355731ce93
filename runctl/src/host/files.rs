//! Folders and files that runctl makes on the host: written beside, then renamed.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use crate::failure::{Class, Classify as _, Outcome};
use crate::services::{ConfigFile, Folder};

/// Makes a folder and gives it to its owner.
pub fn make_folder(folder: &Folder) -> Outcome {
    let path = &folder.path;
    let tried = || format!("cannot make folder {}", path.display());
    fs_err::create_dir_all(path).or_fail(Class::Missing, tried)?;
    chown(path, Some(folder.uid), Some(folder.gid)).or_fail(Class::Missing, tried)?;
    let mode = std::fs::Permissions::from_mode(folder.mode);
    fs_err::set_permissions(path, mode).or_fail(Class::Missing, tried)
}

/// Writes a configuration file.
pub fn write(file: &ConfigFile) -> Outcome {
    write_atomically(&file.path, file.contents.as_bytes(), file.mode, file.owner)
        .or_fail(Class::Missing, || format!("cannot write {}", file.path.display()))
}

/// Removes a file, and its folder if it was the last one in it.
pub fn unlink(path: &Path) -> Outcome {
    fs_err::remove_file(path)
        .or_fail(Class::Missing, || format!("cannot remove {}", path.display()))?;
    // A folder that holds something else stays.
    let _kept = path.parent().map(fs_err::remove_dir);
    Ok(())
}

/// Lists all files below a folder.
pub fn below(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files.extend(below(&entry.path())?);
        } else {
            files.push(entry.path());
        }
    }
    Ok(files)
}

/// A file as it was last touched: its inode, seconds and nanoseconds.
type Touched = (PathBuf, u64, i64, i64);

/// Which of these are there, and when each was touched in any way: an older file that takes the place of another shows, too.
pub fn touched(paths: impl IntoIterator<Item = PathBuf>) -> BTreeSet<Touched> {
    let found = |path: PathBuf| {
        let found = fs_err::symlink_metadata(&path).ok()?;
        Some((path, found.ino(), found.ctime(), found.ctime_nsec()))
    };
    paths.into_iter().filter_map(found).collect()
}

/// Writes a file beside its place, syncs it and renames it there, so that no reader ever sees half of it.
pub fn write_atomically(
    path: &Path,
    contents: &[u8],
    mode: u32,
    owner: Option<(u32, u32)>,
) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs_err::create_dir_all(folder)?;
    let mut beside = tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(mode))
        .tempfile_in(folder)?;
    beside.write_all(contents)?;
    // The builder's permissions pass through the umask.
    beside.as_file().set_permissions(std::fs::Permissions::from_mode(mode))?;
    if let Some((uid, gid)) = owner {
        chown(beside.path(), Some(uid), Some(gid))?;
    }
    beside.as_file().sync_all()?;
    beside.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_edit_shows() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name| folder.path().join(name);
        let look = || touched(["a", "b"].map(of));
        for name in ["a", "b", "restored"] {
            fs_err::write(of(name), name).unwrap();
        }
        let first = look();
        assert_eq!((look(), first.len()), (first.clone(), 2));
        let restored = fs_err::File::open(of("restored")).unwrap();
        restored.file().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        fs_err::rename(of("restored"), of("a")).unwrap();
        let second = look();
        assert_ne!(second, first);
        fs_err::remove_file(of("b")).unwrap();
        assert_ne!(look(), second);
    }
}
