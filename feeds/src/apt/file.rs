//! Files as an index lists them: where each lies, how long it is, and what proves it.

use crate::digest::{Digest, Sha256};
use crate::store::RelPath;
use crate::transfer::{Bases, Want};

/// The strong digests of one file, the others are not looked at; without any, nothing proves it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Checksums {
    /// By SHA256, which also names it in the store.
    pub(super) sha256: Option<Sha256>,
    /// By SHA512.
    pub(super) sha512: Option<Digest>,
}

impl Checksums {
    /// Tells whether any of them is there.
    pub(super) fn prove(&self) -> bool {
        self.sha256.is_some() || self.sha512.is_some()
    }

    /// Asks of a file what they say.
    pub(super) fn demand(&self, want: &mut Want) {
        want.sha256 = self.sha256;
        if self.sha256.is_none() {
            want.other = self.sha512;
        }
    }

    /// The places of a file by its digest, below its folder: clients ask for the strongest that they are told.
    pub(super) fn by_hash(&self) -> impl Iterator<Item = String> + use<> {
        let sha512 = self.sha512.map(|digest| format!("by-hash/SHA512/{digest}"));
        let sha256 = self.sha256.map(|digest| format!("by-hash/SHA256/{digest}"));
        [sha512, sha256].into_iter().flatten()
    }
}

/// Reads the digits of a SHA512.
pub(super) fn sha512(hex: &str) -> Option<Digest> {
    Digest::parse("sha512", hex)
}

/// One file below a repository's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Where it lies.
    pub(super) path: RelPath,
    /// Its length.
    pub(super) size: u64,
    /// What proves it.
    pub(super) checksums: Checksums,
}

impl File {
    /// Tells what to fetch, from mirrors of its repository.
    pub(super) fn want(&self, mirrors: &Bases) -> Want {
        let mut want = Want::below(mirrors, &self.path);
        want.size = Some(self.size);
        self.checksums.demand(&mut want);
        want
    }
}
