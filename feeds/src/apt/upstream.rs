//! One suite as the upstream has it: its signature, its `Release` file, and its indexes, each verified by the one before.

use std::io::{self, BufReader, Read as _};

use futures_util::future::try_join;
use jiff::Timestamp;

use super::error::Error;
use super::release::{Index, Release, Unreadable};
use super::source::Suite;
use super::stream::each_paragraph;
use crate::compression::Compression;
use crate::events::Watch;
use crate::store::{Object, RelPath, Store};
use crate::transfer::{self, Place, Transfer, Want};
use crate::trust::{self, Keyring};

/// No `Release` file is larger.
const LARGEST_RELEASE: u64 = 64 << 20;
/// No index is larger, where a `Release` file does not tell how large it is.
const LARGEST_INDEX: u64 = 4 << 30;
/// No more memory than this is taken because an upstream says so.
const LARGEST_RESERVED: u64 = 256 << 20;

/// A suite whose `Release` file was verified.
pub(super) struct Verified<'a> {
    pub(super) suite: &'a Suite,
    pub(super) release: Release,
    /// The fingerprint of who signed it; nobody, where nobody has to.
    pub(super) signed_by: Option<String>,
    /// The files that prove it, by their place below the repository's root.
    pub(super) proof: Vec<(RelPath, Object)>,
}

/// An index that was verified, as it came.
#[derive(Clone, Debug)]
pub(super) struct Fetched {
    /// The suite that it belongs to.
    suite: String,
    /// Its path below the suite.
    path: String,
    /// Where it lies below the repository's root: by its name, then by its digests.
    pub(super) places: Vec<RelPath>,
    compression: Compression,
    /// The file.
    pub(super) object: Object,
    /// How long it is when it is decompressed, where that is told.
    size: Option<u64>,
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
    if keyring.is_some() && !release.proves() {
        return Err(Error::Release { suite: suite.name.clone(), source: Unreadable::Weak });
    }
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
        let both = try_join(self.unsigned_release(), self.file("Release.gpg"));
        let ((text, _, mut proof), (path, object, signature)) = both.await?;
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
    /// Finds an index such as `main/binary-amd64/Packages` in the compression that clients ask for first.
    fn best(&self, plain: &str) -> Option<(String, Compression, Index)> {
        [".xz", ".bz2", ".gz", ".zst", ""].iter().find_map(|end| {
            let path = format!("{plain}{end}");
            let index = self.release.indexes.get(&path)?;
            Some((path.clone(), Compression::of(&path)?, *index))
        })
    }

    /// Tells whether the suite has an index.
    pub(super) fn has(&self, plain: &str) -> bool {
        self.best(plain).is_some()
    }

    /// The places of an index: its name, and its digests where the upstream has them.
    pub(super) fn places(&self, path: &str, index: &Index) -> Result<Vec<RelPath>, Error> {
        let folder =
            path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let hashed = index.checksums.by_hash().filter(|_| self.release.by_hash);
        let hashed = hashed.map(|hashed| place(self.suite, &format!("{folder}{hashed}")));
        [place(self.suite, path)].into_iter().chain(hashed).collect()
    }

    /// Tells what to fetch for a file that the `Release` file lists.
    pub(super) fn want(&self, path: &str, index: &Index) -> Result<Want, Error> {
        let places = self.places(path, index)?;
        let mut want = Want::below(&self.suite.urls, &places[0]);
        if let Some(hashed) = places.get(1) {
            // By digest an index stays to be had while the mirror moves on; by name for those that keep none.
            want.place = Place::ByHash { hashed: hashed.clone(), path: places[0].clone() };
        }
        want.size = Some(index.size);
        index.checksums.demand(&mut want);
        Ok(want)
    }

    /// Tells what to fetch for an index in its best compression, with its places; nothing, if there is none.
    pub(super) fn index(&self, plain: &str) -> Result<Option<(Vec<RelPath>, Want)>, Error> {
        let Some((path, _, index)) = self.best(plain) else {
            return Ok(None);
        };
        Ok(Some((self.places(&path, &index)?, self.want(&path, &index)?)))
    }

    /// Fetches an index, such as `main/binary-amd64/Packages`.
    pub(super) async fn fetch(
        &self,
        plain: &str,
        transfer: &Transfer,
        watch: &dyn Watch,
    ) -> Result<Fetched, Error> {
        let suite = || self.suite.name.clone();
        let (path, compression, index) = self
            .best(plain)
            .ok_or_else(|| Error::NoIndex { suite: suite(), index: plain.to_owned() })?;
        let object = transfer
            .fetch(self.want(&path, &index)?, watch)
            .await
            .map_err(|source| Error::Fetch { suite: suite(), source: Box::new(source) })?;
        let size = self.release.indexes.get(plain).map(|index| index.size);
        let places = self.places(&path, &index)?;
        Ok(Fetched { suite: suite(), path, places, compression, object, size })
    }
}

impl Fetched {
    /// Shows each of its paragraphs while it is decompressed; it is never held as a whole.
    pub(super) fn each(
        &self,
        store: &Store,
        visit: impl FnMut(&str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let unreadable = |source| self.unreadable(source);
        let file = fs_err::File::open(store.path(&self.object.sha256)).map_err(unreadable)?;
        let reader = self.compression.reader(BufReader::new(file)).map_err(unreadable)?;
        each_paragraph(reader, self.limit(), visit).map_err(unreadable)?
    }

    /// Returns its text, held once.
    pub(super) fn text(&self, store: &Store) -> Result<String, Error> {
        let unreadable = |source| self.unreadable(source);
        let file = fs_err::File::open(store.path(&self.object.sha256)).map_err(unreadable)?;
        let reader = self.compression.reader(BufReader::new(file)).map_err(unreadable)?;
        let size = self.size.unwrap_or(0).min(LARGEST_RESERVED);
        // Reading to the end looks whether there is more than was told.
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 64);
        let limit = self.limit();
        reader.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > limit {
            let told = format!("there are more than the {limit} bytes that there should be");
            return Err(unreadable(io::Error::new(io::ErrorKind::FileTooLarge, told)));
        }
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|wrong| String::from_utf8_lossy(wrong.as_bytes()).into_owned()))
    }

    fn limit(&self) -> u64 {
        self.size.unwrap_or(LARGEST_INDEX)
    }

    fn unreadable(&self, source: io::Error) -> Error {
        Error::Decompress { suite: self.suite.clone(), index: self.path.clone(), source }
    }
}

/// The place of a suite's file below the repository's root.
pub(super) fn place(suite: &Suite, path: &str) -> Result<RelPath, Error> {
    RelPath::new(format!("{}{path}", suite.folder()))
        .map_err(|source| Error::Path { name: suite.name.clone(), source })
}
