//! A partial file: bytes that came so far, hashed, locked against other runs, with what is needed to resume them.

use std::io::{self, IoSlice, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use fs_err as fs;
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};
use url::Url;

use super::want::Want;
use crate::digest::{Digest, Hasher, Sha256};
use crate::remove::remove_if_there;
use crate::store::{Object, Ready, Store};

const READ_BUFFER: usize = 256 * 1024;

/// What tells whether a file on a mirror is still the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Validator {
    /// The sha256 of the address: addresses may hold secrets.
    pub(super) address: Option<Sha256>,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
}

impl Validator {
    pub(super) fn is_of(&self, url: &Url) -> bool {
        self.address == Some(address_key(url))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    /// Returns what `If-Range` takes: a strong tag, or a time.
    pub(super) fn for_range(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|tag| !tag.starts_with("W/"));
        strong.or(self.last_modified.as_deref())
    }
}

pub(super) fn address_key(url: &Url) -> Sha256 {
    Sha256::of(url.as_str().as_bytes())
}

pub(super) struct Partial {
    folder: PathBuf,
    key: String,
    /// Opened with the first byte: what comes in one breath is not there before.
    file: Option<(PathBuf, fs::File)>,
    hasher: Hasher,
    length: u64,
    longest: u64,
    other: Option<Digest>,
    /// What proves itself in the end needs nothing else to be resumed.
    proved: bool,
    validator: Validator,
}

impl Partial {
    /// The partial file of a want, as if nothing had come yet.
    pub(super) fn of(store: &Store, want: &Want) -> Self {
        Self {
            folder: store.partial(),
            key: want.key().to_string(),
            file: None,
            hasher: Hasher::new(want.other.as_ref()),
            length: 0,
            longest: want.longest(),
            other: want.other,
            proved: want.is_proved(),
            validator: Validator::default(),
        }
    }

    /// Tells whether an earlier run left something.
    pub(super) fn is_there(&self) -> bool {
        self.folder.join(&self.key).exists()
    }

    /// Opens it and hashes what is there already.
    pub(super) fn open(mut self) -> io::Result<Self> {
        let (path, mut file) = lock_first_free(&self.folder, &self.key)?;
        if !self.proved {
            let told = fs::read(sidecar(&path)).ok();
            let told = told.and_then(|text| serde_json::from_slice(&text).ok());
            self.validator = told.unwrap_or_default();
        }
        let length = file.metadata()?.len();
        if length <= self.longest {
            self.hash_all(&mut file)?;
        }
        self.file = Some((path, file));
        if length > self.longest {
            self.length = length;
            self.restart()?;
        }
        Ok(self)
    }

    fn hash_all(&mut self, file: &mut fs::File) -> io::Result<()> {
        let mut buffer = vec![0; READ_BUFFER];
        loop {
            let length = match file.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.hasher.update(&buffer[..length]);
            self.length += length as u64;
        }
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn validator(&self) -> &Validator {
        &self.validator
    }

    /// Throws away what is there.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        if self.length == 0 && self.validator.is_empty() {
            return Ok(());
        }
        if let Some((_, file)) = &mut self.file {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
        }
        self.hasher = Hasher::new(self.other.as_ref());
        self.length = 0;
        self.remember(Validator::default())
    }

    /// Keeps what a later run needs to resume these bytes.
    pub(super) fn remember(&mut self, validator: Validator) -> io::Result<()> {
        if self.proved || validator == self.validator {
            return Ok(());
        }
        let path = sidecar(&self.opened()?.0);
        if validator.is_empty() {
            remove_if_there(&path)?;
        } else {
            fs::write(path, serde_json::to_vec(&validator)?)?;
        }
        self.validator = validator;
        Ok(())
    }

    /// Appends and hashes.
    pub(super) fn append(&mut self, chunks: &[Bytes]) -> io::Result<()> {
        write_together(&mut self.opened()?.1, chunks)?;
        for chunk in chunks {
            self.hasher.update(chunk);
            self.length += chunk.len() as u64;
        }
        Ok(())
    }

    fn opened(&mut self) -> io::Result<&mut (PathBuf, fs::File)> {
        match &mut self.file {
            Some(opened) => Ok(opened),
            none => {
                let opened = lock_first_free(&self.folder, &self.key)?;
                // Another run may have left something since we looked.
                if opened.1.metadata()?.len() > 0 {
                    opened.1.set_len(0)?;
                }
                Ok(none.insert(opened))
            }
        }
    }

    /// Returns both digests of what is there.
    pub(super) fn digests(&self) -> (Sha256, Option<Digest>) {
        self.hasher.clone().finish()
    }

    /// Removes it: nothing of it is worth keeping.
    pub(super) fn discard(self) -> io::Result<()> {
        let Some((path, _)) = &self.file else {
            return Ok(());
        };
        remove_if_there(&sidecar(path))?;
        remove_if_there(path)
    }

    /// Hands it over as verified.
    pub(super) fn into_ready(mut self) -> io::Result<Ready> {
        let path = self.opened()?.0.clone();
        if !self.validator.is_empty() {
            remove_if_there(&sidecar(&path))?;
        }
        let (sha256, other) = self.hasher.finish();
        let (_, file) = self.file.take().ok_or_else(|| io::Error::other("it was never opened"))?;
        Ok(Ready { file, object: Object { sha256, size: self.length }, other })
    }
}

/// Writes all chunks at once, as far as the system takes so many: over HTTP/2 they have a few kilobytes each.
fn write_together(mut output: impl Write, chunks: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<_> = chunks.iter().map(|chunk| IoSlice::new(chunk)).collect();
    let mut rest = &mut slices[..];
    // Empty ones would look like a disk that takes nothing.
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        match output.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Opens and locks the first of `key`, `key.1`, `key.2`, … that no other run writes to.
fn lock_first_free(folder: &Path, key: &str) -> io::Result<(PathBuf, fs::File)> {
    let mut attempt = 0_u32;
    loop {
        let name = if attempt == 0 { key.to_owned() } else { format!("{key}.{attempt}") };
        let path = folder.join(name);
        let mut options = fs::OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path)?;
        match rustix::fs::flock(file.file(), FlockOperation::NonBlockingLockExclusive) {
            // Another run may have made it an object since it was opened: then it must not be touched.
            Ok(()) if is_at(&file, &path)? => return Ok((path, file)),
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => attempt += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_at(file: &fs::File, path: &Path) -> io::Result<bool> {
    let opened = file.metadata()?;
    match fs::metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (opened.dev(), opened.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn sidecar(path: &Path) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(".json");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a few bytes at a time, and is interrupted in between.
    struct Narrow(Vec<u8>, bool);

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let taken = bytes.len().min(3);
            self.0.extend(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn writes_all_chunks_whatever_is_taken_at_once() {
        let chunks =
            ["", "a", "bcdefgh", "", "ijk", ""].map(|text| Bytes::from_static(text.as_bytes()));
        let mut narrow = Narrow(Vec::new(), false);
        write_together(&mut narrow, &chunks).expect("all is taken");
        assert_eq!(narrow.0, b"abcdefghijk");
        write_together(&mut narrow, &chunks[..1]).expect("nothing is to be written");
        write_together(&mut &mut [0; 4][..], &chunks).expect_err("it is full");
    }
}
