//! One suite as the upstream has it: its signature, its `Release` file, and its indexes, each verified by the one before.

use jiff::Timestamp;

use super::error::Error;
use super::release::{Index, Release};
use super::source::Suite;
use crate::compression::Compression;
use crate::events::Watch;
use crate::store::{Object, RelPath};
use crate::transfer::{self, Place, Transfer, Want};
use crate::trust::{self, Keyring};

/// No `Release` file is larger.
const LARGEST_RELEASE: u64 = 64 << 20;
/// No index is larger, where a `Release` file does not tell how large it is.
const LARGEST_INDEX: u64 = 4 << 30;

/// A suite whose `Release` file was verified.
pub(super) struct Verified<'a> {
    pub(super) suite: &'a Suite,
    pub(super) release: Release,
    /// The fingerprint of who signed it; nobody, where nobody has to.
    pub(super) signed_by: Option<String>,
    /// The files that prove it, by their place below the repository's root.
    pub(super) proof: Vec<(RelPath, Object)>,
}

/// An index that was verified, as it came and decompressed.
pub(super) struct Packages {
    pub(super) path: String,
    pub(super) text: String,
    pub(super) object: Object,
}

/// Reads the suite's `Release` file and verifies who signed it and that it still holds.
pub(super) async fn verify<'a>(
    suite: &'a Suite,
    check_valid_until: bool,
    now: Timestamp,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Result<Verified<'a>, Error> {
    let asking = Asking { suite, transfer, watch };
    let keyring = suite.trust.keyring().map_err(|error| asking.distrust(error))?;
    let (text, signed_by, proof) = match &keyring {
        None => asking.unsigned_release().await,
        Some(keyring) => match asking.inline_release(keyring).await {
            Err(Error::Fetch { source, .. }) if is_absent(&source) => {
                asking.detached_release(keyring).await
            }
            read => read,
        },
    }?;
    let release = Release::parse(&text)
        .map_err(|source| Error::Release { suite: suite.name.clone(), source })?;
    match release.valid_until {
        Some(until) if check_valid_until && until < now => {
            Err(Error::Expired { suite: suite.name.clone(), until })
        }
        _ => Ok(Verified { suite, release, signed_by, proof }),
    }
}

/// Tells whether the upstream answered that there is no such file, as old repositories do for `InRelease`.
fn is_absent(error: &transfer::Error) -> bool {
    let transfer::Error::Unavailable { failures, .. } = error else {
        return false;
    };
    let status = |failure: &transfer::Failure| match failure.reason {
        transfer::Reason::Status(status) => Some(status),
        _ => None,
    };
    failures.iter().filter_map(status).any(|status| matches!(status, 403 | 404 | 410))
}

type ReadRelease = (String, Option<String>, Vec<(RelPath, Object)>);

/// A suite being asked for its files.
struct Asking<'a> {
    suite: &'a Suite,
    transfer: &'a Transfer,
    watch: &'a dyn Watch,
}

impl Asking<'_> {
    async fn inline_release(&self, keyring: &Keyring) -> Result<ReadRelease, Error> {
        let (path, object, bytes) = self.file("InRelease").await?;
        let verified = keyring.verify_cleartext(&bytes);
        let (text, by) = verified.map_err(|error| self.distrust(error))?;
        Ok((text, Some(by.fingerprint), vec![(path, object)]))
    }

    async fn detached_release(&self, keyring: &Keyring) -> Result<ReadRelease, Error> {
        let (text, _, mut proof) = self.unsigned_release().await?;
        let (path, object, signature) = self.file("Release.gpg").await?;
        let verified = keyring.verify_detached(text.as_bytes(), &signature);
        let by = verified.map_err(|error| self.distrust(error))?;
        proof.push((path, object));
        Ok((text, Some(by.fingerprint), proof))
    }

    async fn unsigned_release(&self) -> Result<ReadRelease, Error> {
        let (path, object, bytes) = self.file("Release").await?;
        Ok((String::from_utf8_lossy(&bytes).into_owned(), None, vec![(path, object)]))
    }

    fn distrust(&self, source: trust::Error) -> Error {
        Error::Trust { suite: self.suite.name.clone(), source: Box::new(source) }
    }

    async fn file(&self, name: &str) -> Result<(RelPath, Object, Vec<u8>), Error> {
        let path = place(self.suite, name)?;
        let mut want = Want::below(&self.suite.urls, &path);
        want.limit = LARGEST_RELEASE;
        let surveyed = self.transfer.survey(want, self.watch).await;
        let object = surveyed
            .map_err(|source| Error::Fetch {
                suite: self.suite.name.clone(),
                source: Box::new(source),
            })?
            .object;
        let bytes = self.transfer.store().read(&object.sha256).map_err(|source| Error::Store {
            name: self.suite.name.clone(),
            source: Box::new(source),
        })?;
        Ok((path, object, bytes))
    }
}

impl Verified<'_> {
    /// Finds the index of a folder such as `main/binary-amd64/Packages` in the best compression there is.
    fn best_index(&self, plain: &str) -> Option<(String, Compression, Index)> {
        [".xz", ".zst", ".gz", ""].iter().find_map(|end| {
            let path = format!("{plain}{end}");
            let index = self.release.indexes.get(&path)?;
            Some((path.clone(), Compression::of(&path)?, *index))
        })
    }

    /// Tells whether the suite has an index of the packages of a folder.
    pub(super) fn has_packages(&self, folder: &str) -> bool {
        self.best_index(&format!("{folder}/Packages")).is_some()
    }

    /// Tells what to fetch for an index that the `Release` file lists.
    pub(super) fn want(&self, path: &str, index: Index) -> Result<Want, Error> {
        let suite = self.suite;
        let at = place(suite, path)?;
        let mut want = Want::below(&suite.urls, &at);
        if self.release.by_hash {
            // By digest an index stays to be had while the mirror moves on; by name for those that keep none.
            let hashed = place(suite, &by_hash(path, &index))?;
            want.place = Place::ByHash { hashed, path: at };
        }
        want.size = Some(index.size);
        want.sha256 = Some(index.sha256);
        Ok(want)
    }

    /// Fetches and decompresses the index of packages of one component and architecture.
    pub(super) async fn packages(
        &self,
        folder: &str,
        transfer: &Transfer,
        watch: &dyn Watch,
    ) -> Result<Packages, Error> {
        let suite = || self.suite.name.clone();
        let plain = format!("{folder}/Packages");
        let (path, compression, index) = self
            .best_index(&plain)
            .ok_or_else(|| Error::NoIndex { suite: suite(), index: plain.clone() })?;
        let object = transfer
            .fetch(self.want(&path, index)?, watch)
            .await
            .map_err(|source| Error::Fetch { suite: suite(), source: Box::new(source) })?;
        let limit = self.release.indexes.get(&plain).map_or(LARGEST_INDEX, |index| index.size);
        let store = transfer.store().clone();
        let bytes = super::blocking(move || {
            let compressed = store.read(&object.sha256)?;
            Ok(compression.decompress(&compressed, limit))
        })
        .await
        .map_err(|source| Error::Store { name: suite(), source: Box::new(source) })?
        .map_err(|source| Error::Decompress {
            suite: suite(),
            index: path.clone(),
            source,
        })?;
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|wrong| String::from_utf8_lossy(wrong.as_bytes()).into_owned());
        Ok(Packages { path, text, object })
    }
}

/// The place of a suite's file below the repository's root.
pub(super) fn place(suite: &Suite, path: &str) -> Result<RelPath, Error> {
    RelPath::new(format!("dists/{}/{path}", suite.name))
        .map_err(|source| Error::Path { name: suite.name.clone(), source })
}

/// The place of an index under its digest, beside its name.
pub(super) fn by_hash(path: &str, index: &Index) -> String {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/by-hash/SHA256/{}", index.sha256)
}
