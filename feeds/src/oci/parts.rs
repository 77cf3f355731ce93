//! Where bytes lie: in a file, or in a file within a tar, which is read where it is.

use std::collections::HashMap;
use std::io::{self, SeekFrom};
use std::path::{Component, Path, PathBuf};

use fs_err as fs;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncSeekExt as _};

/// The files of a tar by their paths.
pub(super) type Parts = HashMap<PathBuf, Part>;

/// A file within a tar.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// A file, or a part of one.
#[derive(Clone, Debug)]
pub(super) struct Extent {
    path: PathBuf,
    part: Option<Part>,
}

impl Extent {
    pub(super) fn file(path: PathBuf) -> Self {
        Self { path, part: None }
    }

    pub(super) fn part(path: PathBuf, part: Part) -> Self {
        Self { path, part: Some(part) }
    }

    pub(super) async fn open(&self) -> io::Result<impl AsyncRead + Send + use<>> {
        let mut file = fs::tokio::File::open(&self.path).await?;
        let Some(Part { offset, size }) = self.part else { return Ok(file.take(u64::MAX)) };
        file.seek(SeekFrom::Start(offset)).await?;
        Ok(file.take(size))
    }

    /// Reads it whole, but never more than a byte above the limit.
    pub(super) async fn read(&self, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open().await?.take(limit + 1).read_to_end(&mut bytes).await?;
        Ok(bytes)
    }
}

/// Lists the files of a tar; a layer that repeats an earlier one is a link to it.
pub(super) fn list(file: &mut fs::File) -> io::Result<Parts> {
    let mut parts = HashMap::new();
    let mut links = Vec::new();
    let mut tar = tar::Archive::new(file);
    for entry in tar.entries_with_seek()? {
        let entry = entry?;
        let path = plain(&entry.path()?);
        let kind = entry.header().entry_type();
        if kind.is_file() {
            parts.insert(path, Part { offset: entry.raw_file_position(), size: entry.size() });
        } else if let Some(target) = entry.link_name()? {
            let base = if kind.is_symlink() { path.parent() } else { None };
            let target = base.unwrap_or(Path::new("")).join(target);
            links.push((path, plain(&target)));
        }
    }
    for (path, target) in links {
        if let Some(part) = parts.get(&target).copied() {
            parts.insert(path, part);
        }
    }
    Ok(parts)
}

/// Resolves `.` and `..` by the letter; the path only names an entry of the tar.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::Normal(part) => plain.push(part),
            _ => {}
        }
    }
    plain
}
