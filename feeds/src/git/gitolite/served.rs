//! Which repositories gitolite serves: those that it made, or took over, with its hooks.

use std::io;
use std::path::Path;

use fs_err as fs;

use crate::git::{Error, bare};

/// gitolite writes it into each repository, and gives hooks to those without it when it reads its rules.
const MARK: &str = "gl-conf";
/// Asks gitolite about each push.
const HOOK: &str = "hooks/update";

/// Whether gitolite serves the repository at `bare`.
pub fn is_served(bare: &Path) -> bool {
    // Its hooks are links to where they are inside its container.
    [MARK, HOOK].iter().all(|name| fs::symlink_metadata(bare.join(name)).is_ok())
}

/// Readies a repository that gitolite does not serve, if it is there, for gitolite to take over.
pub fn release(bare: &Path, owner: (u32, u32)) -> Result<(), Error> {
    match fs::metadata(bare) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Ok(found) if found.is_dir() => {}
        // Below a file there is nothing either.
        Ok(_) | Err(_) => return Err(Error::InTheWay { path: bare.to_owned() }),
    }
    let ready = || {
        // gitolite links its hooks into the folder, and does not make it.
        fs::create_dir_all(bare.join("hooks"))?;
        match fs::remove_file(bare.join(MARK)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    };
    ready().map_err(|source| Error::Write { path: bare.to_owned(), source })?;
    bare::hand_over(bare, owner)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    #[test]
    fn a_repository_without_gitolites_hooks_is_readied_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let bare = folder.path().join("words.git");
        let owner = fs::metadata(folder.path()).map(|it| (it.uid(), it.gid())).unwrap();
        release(&bare, owner).unwrap();
        assert!(!is_served(&bare) && !bare.exists());
        fs::write(&bare, "no repository").unwrap();
        for taken in [&bare, &bare.join("below.git")] {
            let error = release(taken, owner).unwrap_err();
            assert!(matches!(error, Error::InTheWay { path } if path == *taken));
        }
        fs::remove_file(&bare).unwrap();
        fs::create_dir(&bare).unwrap();
        fs::write(bare.join(MARK), "").unwrap();
        assert!(!is_served(&bare));
        release(&bare, owner).unwrap();
        assert!(!bare.join(MARK).exists() && bare.join("hooks").is_dir());
        release(&bare, owner).unwrap();

        symlink("/nowhere/update", bare.join(HOOK)).unwrap();
        assert!(!is_served(&bare));
        fs::write(bare.join(MARK), "").unwrap();
        assert!(is_served(&bare));
    }
}
