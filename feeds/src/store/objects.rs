//! Objects: files named by their sha256. A file gets such a name only when its bytes are known to be on disk.

use std::fs::Permissions;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fs_err as fs;
use fs_err::os::unix::fs::symlink;
use rustix::fs::Advice;

use super::{Error, Object, Store};
use crate::digest::{Digest, Hasher, Sha256};

/// Objects are served by other users.
const OBJECT_MODE: u32 = 0o644;
/// From so many files on, one sync of the file system is cheaper than one of each file.
const SYNC_TOGETHER: usize = 4;
const COPY_BUFFER: usize = 256 * 1024;
/// What of a new object stays in memory.
const REMEMBERED: u64 = 64 * 1024;

/// A finished and verified file of `partial/`, about to become an object. The open file holds its lock.
#[derive(Debug)]
pub struct Ready {
    pub(crate) file: fs::File,
    pub(crate) object: Object,
    pub(crate) other: Option<Digest>,
}

impl Store {
    /// Tells whether the store holds an object.
    pub fn holds(&self, sha256: &Sha256) -> bool {
        self.path(sha256).is_file()
    }

    /// Returns where an object lies, or would lie.
    pub fn path(&self, sha256: &Sha256) -> PathBuf {
        let name = sha256.to_string();
        self.objects().join(&name[..2]).join(name)
    }

    /// Returns the object of that name, if the store holds it.
    pub fn find(&self, sha256: &Sha256) -> Option<Object> {
        let found = self.path(sha256).metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some(Object { sha256: *sha256, size: found.len() })
    }

    /// Returns the object known to have another digest.
    pub fn find_other(&self, digest: &Digest) -> Option<Object> {
        let target = fs::read_link(self.known_path(digest)).ok()?;
        self.find(&target.file_name()?.to_str()?.parse().ok()?)
    }

    /// Reads a whole object.
    pub fn read(&self, sha256: &Sha256) -> Result<Vec<u8>, Error> {
        fs::read(self.path(sha256)).map_err(|source| Error::Read { sha256: *sha256, source })
    }

    /// Puts bytes made or read by us into the store.
    pub fn insert_bytes(&self, bytes: &[u8]) -> Result<Object, Error> {
        self.insert_reader(bytes)
    }

    /// Copies a file into the store, hashing it on the way.
    pub fn insert_file(&self, path: &Path) -> Result<Object, Error> {
        self.insert_reader(fs::File::open(path).map_err(Error::Insert)?)
    }

    /// Copies what a reader gives into the store, hashing it on the way.
    pub fn insert_reader(&self, source: impl Read) -> Result<Object, Error> {
        let (object, ready) = self.take_in(source)?;
        self.admit(ready.into_iter().collect())?;
        Ok(object)
    }

    /// Copies what a reader gives into a file that is yet to be admitted, unless the store holds the same already.
    pub(crate) fn take_in(&self, mut source: impl Read) -> Result<(Object, Option<Ready>), Error> {
        let mut file = tempfile::Builder::new()
            .prefix("insert-")
            .tempfile_in(self.partial())
            .map_err(Error::Insert)?;
        let mut hasher = Hasher::new(None);
        let mut size = 0;
        let mut buffer = vec![0; COPY_BUFFER];
        loop {
            let length = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::Insert(error)),
            };
            hasher.update(&buffer[..length]);
            file.write_all(&buffer[..length]).map_err(Error::Insert)?;
            size += length as u64;
        }
        let object = Object { sha256: hasher.finish().0, size };
        if self.find(&object.sha256) == Some(object) {
            return Ok((object, None));
        }
        let (file, path) = file.keep().map_err(|error| Error::Insert(error.error))?;
        let ready = Ready { file: fs::File::from_parts(file, path), object, other: None };
        Ok((object, Some(ready)))
    }

    /// Makes verified files objects, all at once, after their bytes have reached the disk.
    pub(crate) fn admit(&self, files: Vec<Ready>) -> Result<(), Error> {
        if files.is_empty() {
            return Ok(());
        }
        if files.len() < SYNC_TOGETHER {
            for ready in &files {
                ready.file.sync_data().map_err(Error::Insert)?;
            }
        } else {
            self.sync().map_err(Error::Insert)?;
        }
        for ready in files {
            forget(&ready.file);
            self.settle(ready.file.path(), &ready.object).map_err(Error::Insert)?;
            if let Some(other) = &ready.other {
                self.remember_other(other, &ready.object.sha256).map_err(Error::Insert)?;
            }
        }
        Ok(())
    }

    fn settle(&self, from: &Path, object: &Object) -> io::Result<()> {
        let path = self.path(&object.sha256);
        fs::set_permissions(from, Permissions::from_mode(OBJECT_MODE))?;
        match (fs::rename(from, &path), path.parent()) {
            // Its folder is made with the first object in it.
            (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(folder)?;
                fs::rename(from, path)
            }
            (renamed, _) => renamed,
        }
    }

    fn known_path(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.known().join(digest.algorithm()).join(&name[..2]).join(name)
    }

    fn remember_other(&self, digest: &Digest, sha256: &Sha256) -> io::Result<()> {
        let link = self.known_path(digest);
        if let Some(folder) = link.parent() {
            fs::create_dir_all(folder)?;
        }
        let name = sha256.to_string();
        let target = Path::new("../../../objects").join(&name[..2]).join(name);
        match fs::remove_file(&link) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => symlink(target, link),
        }
    }

    /// Waits until all that was written to the store's file system is on disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(fs::File::open(self.root())?.file())?)
    }
}

/// Takes most of a file that is on disk out of memory: whoever mirrors more than fits there would push out what the host
/// needs. What a package begins with stays, as its signature may be read soon. It is advice, so failure does not matter.
fn forget(file: &fs::File) {
    let _advised = rustix::fs::fadvise(file.file(), REMEMBERED, None, Advice::DontNeed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserts_once_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let object = store.insert_bytes(b"kernel").unwrap();
        assert_eq!(object, Object { sha256: Sha256::of(b"kernel"), size: 6 });
        assert!(store.holds(&object.sha256));
        assert_eq!(store.read(&object.sha256).unwrap(), b"kernel");
        assert_eq!(store.insert_file(&store.path(&object.sha256)).unwrap(), object);
        let mode = store.path(&object.sha256).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
        assert_eq!(fs::read_dir(store.partial()).unwrap().count(), 0, "nothing is left behind");
    }

    #[test]
    fn repairs_an_object_of_the_wrong_length() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let object = store.insert_bytes(b"kernel").unwrap();
        fs::write(store.path(&object.sha256), b"ker").unwrap();
        assert_eq!(store.insert_bytes(b"kernel").unwrap(), object);
        assert_eq!(store.read(&object.sha256).unwrap(), b"kernel");
    }

    #[test]
    fn finds_by_another_digest() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let object = store.insert_bytes(b"abc").unwrap();
        let sha1 = Digest::parse("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d").unwrap();
        assert_eq!(store.find_other(&sha1), None);
        store.remember_other(&sha1, &object.sha256).unwrap();
        store.remember_other(&sha1, &object.sha256).unwrap();
        assert_eq!(store.find_other(&sha1), Some(object));
    }
}
