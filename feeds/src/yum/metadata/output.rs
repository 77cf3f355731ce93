//! A metadata file in the making: compressed while it is written, and hashed on both sides of that.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Made;
use crate::digest::{Hasher, Sha256};
use crate::store::{self, Store};

/// Writes one file. No time is written, so equal input gives equal output.
pub(in crate::yum) struct Output {
    file: GzEncoder<tempfile::NamedTempFile>,
    open: Hasher,
    open_size: u64,
}

impl Output {
    pub(super) fn begin(store: &Store) -> io::Result<Self> {
        let file = tempfile::NamedTempFile::new_in(store.partial())?;
        let file = GzEncoder::new(file, Compression::default());
        Ok(Self { file, open: Hasher::new(None), open_size: 0 })
    }

    /// Puts what was written into the store.
    pub(super) fn finish(self, store: &Store) -> Result<Made, store::Error> {
        let file = self.file.finish().map_err(store::Error::Insert)?;
        let object = store.insert_file(file.path())?;
        let open_sha256: Sha256 = self.open.finish().0;
        Ok(Made { object, open_sha256, open_size: self.open_size })
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.file.write(bytes)?;
        self.open.update(&bytes[..length]);
        self.open_size += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
