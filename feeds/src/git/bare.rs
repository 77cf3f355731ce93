//! The bare repository that a mirror lives in: opened or made, never taken from somebody else, handed to its owner.

use std::io;
use std::os::unix::fs::{MetadataExt as _, lchown};
use std::path::Path;

use fs_err as fs;
use git2::{Config, ConfigLevel, ErrorCode, Repository};
use tempfile::NamedTempFile;

use super::{Card, Error};

/// The mark of a repository that a mirror may write to.
const MARK: &str = "booddies.mirror";

/// Where gito's script finds what it pushes on to.
const PUSH_MIRROR: &str = "gitolite.mirror.simple";

/// Opens the repository, makes it where it is missing, and marks it as ours where it is empty.
pub(super) fn open(path: &Path) -> Result<Repository, Error> {
    let failed = |source| Error::Open { path: path.to_owned(), source };
    let repository = match Repository::open_bare(path) {
        Ok(repository) => repository,
        Err(error) if error.code() == ErrorCode::NotFound && vacant(path) => {
            Repository::init_bare(path).map_err(failed)?
        }
        Err(error) => return Err(failed(error)),
    };
    let configure = |source| Error::Configure { path: path.to_owned(), source };
    let mut config = repository.config().map_err(configure)?;
    if !config.get_bool(MARK).unwrap_or(false) {
        if repository.references().map_err(failed)?.next().is_some() {
            return Err(Error::Foreign { path: path.to_owned() });
        }
        config.set_bool(MARK, true).map_err(configure)?;
    }
    Ok(repository)
}

/// The repository with this host's settings instead of its own, and one more: a redirect to another place is an error.
///
/// libgit2 takes that from a file only, which goes with what is returned.
pub(super) fn unredirected(path: &Path) -> Result<(Repository, NamedTempFile), Error> {
    let file = NamedTempFile::new()
        .map_err(|source| Error::Write { path: std::env::temp_dir(), source })?;
    let opened = || {
        let repository = Repository::open_bare(path)?;
        let mut config = Config::open_default()?;
        config.add_file(file.path(), ConfigLevel::App, true)?;
        config.set_bool("http.followRedirects", false)?;
        repository.set_config(&config)?;
        Ok(repository)
    };
    let repository = opened().map_err(|source| Error::Open { path: path.to_owned(), source })?;
    Ok((repository, file))
}

/// Whether a repository may be made here: nothing there, or an empty folder.
fn vacant(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Removes packs that a killed run left unfinished; libgit2 gives them names of their own.
pub(super) fn sweep(path: &Path) -> Result<(), Error> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    let packs = path.join("objects/pack");
    if !packs.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(packs).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().contains("_git2_") {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// Writes what people see: cgit reads the configuration, git's own tools the description file.
///
/// It goes here and not into gitolite's configuration because gitolite refuses values with `( ) & ; #` and more.
pub(super) fn present(repository: &Repository, card: &Card) -> Result<(), Error> {
    let path = repository.path();
    let mut config =
        repository.config().map_err(|source| Error::Configure { path: path.to_owned(), source })?;
    let values = [
        ("gitweb.owner", Some(card.owner.as_str())),
        ("gitweb.description", Some(card.description.as_str())),
        ("gitweb.category", Some(card.category.as_str())),
        (PUSH_MIRROR, card.push_mirror.as_deref()),
    ];
    for (key, value) in values {
        let value = value.filter(|value| !value.is_empty());
        let now = config.get_string(key).ok();
        if now.as_deref() == value {
            continue;
        }
        match value {
            Some(value) => config.set_str(key, value),
            None => config.remove(key),
        }
        .map_err(|source| Error::Configure { path: path.to_owned(), source })?;
    }
    let file = path.join("description");
    let text = format!("{}\n", card.description);
    if fs::read_to_string(&file).is_ok_and(|now| now == text) {
        return Ok(());
    }
    fs::write(&file, text).map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// Where the repository is pushed on to so far.
pub(super) fn push_mirror(repository: &Repository) -> Option<String> {
    repository.config().and_then(|config| config.get_string(PUSH_MIRROR)).ok()
}

/// Gives everything below `path` to its owner.
pub(super) fn hand_over(path: &Path, owner: (u32, u32)) -> Result<(), Error> {
    walk(path, owner).map_err(|source| Error::Write { path: path.to_owned(), source })
}

fn walk(path: &Path, owner: (u32, u32)) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if (metadata.uid(), metadata.gid()) != owner {
        lchown(path, Some(owner.0), Some(owner.1))?;
    }
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            match walk(&entry?.path(), owner) {
                // gitolite's own processes come and go with lock files.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
    }
    Ok(())
}
