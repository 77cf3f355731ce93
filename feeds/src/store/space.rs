//! Free space, asked for before anything is fetched: a full disk halfway helps nobody.

use super::{Error, Store};

/// Left free for indexes, lock files and the rest of the machine.
pub(super) const RESERVE: u64 = 64 * 1024 * 1024;

impl Store {
    /// Refuses if fewer than `needed` bytes and a small reserve are free.
    pub fn require_space(&self, needed: u64) -> Result<(), Error> {
        let free = self.free()?;
        if needed > 0 && needed.saturating_add(RESERVE) > free {
            return Err(Error::NoSpace { path: self.root().to_owned(), needed, free });
        }
        Ok(())
    }

    /// Counts the bytes that can still be written.
    pub fn free(&self) -> Result<u64, Error> {
        let found = rustix::fs::statvfs(self.root())
            .map_err(|error| Error::Space { path: self.root().to_owned(), source: error.into() })?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_needed_and_free_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert!(store.require_space(0).is_ok());
        let refused = store.require_space(u64::MAX / 2).unwrap_err();
        assert!(matches!(refused, Error::NoSpace { free, .. } if free > 0), "{refused}");
    }
}
