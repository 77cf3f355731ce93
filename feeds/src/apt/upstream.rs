//! One suite as the upstream has it: its signature, its `Release` file, and its indexes, each verified by the one before.

use std::io::{self, BufReader, Read as _};

use futures_util::future::try_join;
use jiff::Timestamp;
use url::Url;

use super::error::Error;
use super::release::{Index, Release, Unreadable};
use super::source::Suite;
use super::stream::each_paragraph;
use crate::age;
use crate::compression::Compression;
use crate::events::Watch;
use crate::heads::{self, Blamed, which};
use crate::store::{Object, RelPath, Store};
use crate::transfer::{self, Bases, Place, Transfer, Want, masked};
use crate::trust::{self, Keyring};

/// What a suite says, with its signature around it.
pub(super) const IN_RELEASE: &str = "InRelease";
/// The same without, and its signature beside.
pub(super) const RELEASE: &str = "Release";
const SIGNATURE: &str = "Release.gpg";
/// No `Release` file is larger.
const LARGEST_RELEASE: u64 = 64 << 20;
/// No index is larger, where a `Release` file does not tell how large it is.
const LARGEST_INDEX: u64 = 4 << 30;
/// No more memory than this is taken because an upstream says so.
const LARGEST_RESERVED: u64 = 256 << 20;

/// A suite whose `Release` file was verified.
pub(super) struct Verified<'a> {
    pub(super) suite: &'a Suite,
    /// All mirrors, the one first that told.
    pub(super) bases: Bases,
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

/// What must hold for a `Release` file, whoever signed it.
#[derive(Clone, Copy)]
pub(super) struct Demands {
    /// When it must be valid, if that is looked at.
    pub(super) valid_at: Option<Timestamp>,
    /// When what is served was made, if nothing older is taken.
    pub(super) served: Option<Timestamp>,
}

/// Reads the suite's `Release` file of a mirror where it holds, and verifies who signed it.
pub(super) async fn verify<'a>(
    suite: &'a Suite,
    demands: Demands,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Result<Verified<'a>, Error> {
    let distrust = |source| Error::Trust { suite: suite.name.clone(), source: Box::new(source) };
    let keyring = suite.trust.keyring().map_err(distrust)?;
    let asking = Asking { suite, demands, keyring, transfer, watch };
    let of = format!("apt suite {}", suite.name);
    let (bases, head) = heads::first(&suite.urls, &of, watch, |bases| asking.ask(bases)).await?;
    let Head { release, signed_by, proof } = head;
    Ok(Verified { suite, bases, release, signed_by, proof })
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

/// What a mirror has of a suite: it holds.
struct Head {
    release: Release,
    signed_by: Option<String>,
    proof: Vec<(RelPath, Object)>,
}

/// What a mirror tells of a suite, signed as it must be.
struct Told {
    mirror: Url,
    text: String,
    signed_by: Option<String>,
    proof: Vec<(RelPath, Object)>,
}

/// A file of a mirror.
struct Read {
    mirror: Url,
    place: RelPath,
    object: Object,
    bytes: Vec<u8>,
}

/// A suite being asked for its files.
struct Asking<'a> {
    suite: &'a Suite,
    demands: Demands,
    /// Who must have signed it, if somebody must.
    keyring: Option<Keyring>,
    transfer: &'a Transfer,
    watch: &'a dyn Watch,
}

impl Asking<'_> {
    /// Asks mirrors for the head of the suite; a failure names the one that is to blame, if one is.
    async fn ask(&self, bases: Bases) -> Result<(Url, Head), Blamed<Error>> {
        let told = match &self.keyring {
            None => self.unsigned(&bases).await,
            Some(keyring) => match self.inline(keyring, &bases).await {
                Err((None, Error::Fetch { source, .. })) if is_absent(&source) => {
                    self.detached(keyring, &bases).await
                }
                told => told,
            },
        };
        let Told { mirror, text, signed_by, proof } = told?;
        match self.read(&mirror, &text) {
            Ok(release) => Ok((mirror, Head { release, signed_by, proof })),
            Err(error) => Err((Some(mirror), error)),
        }
    }

    async fn unsigned(&self, bases: &Bases) -> Result<Told, Blamed<Error>> {
        let read = self.file(RELEASE, bases).await.map_err(|error| (None, error))?;
        let (text, proof) = (read.text(), vec![(read.place, read.object)]);
        Ok(Told { mirror: read.mirror, text, signed_by: None, proof })
    }

    async fn inline(&self, keyring: &Keyring, bases: &Bases) -> Result<Told, Blamed<Error>> {
        let read = self.file(IN_RELEASE, bases).await.map_err(|error| (None, error))?;
        let verified = keyring.verify_cleartext(&read.bytes);
        let (text, by) =
            verified.map_err(|error| (Some(read.mirror.clone()), self.distrust(error)))?;
        let (signed_by, proof) = (Some(by.fingerprint), vec![(read.place, read.object)]);
        Ok(Told { mirror: read.mirror, text, signed_by, proof })
    }

    /// Asks for a `Release` file and its signature at once.
    async fn detached(&self, keyring: &Keyring, bases: &Bases) -> Result<Told, Blamed<Error>> {
        let both = try_join(self.file(RELEASE, bases), self.file(SIGNATURE, bases)).await;
        let (read, mut signature) = both.map_err(|error| (None, error))?;
        let blame = |error| (Some(read.mirror.clone()), error);
        if signature.mirror != read.mirror {
            // Two mirrors answered, and one may be older: both files must be of the same.
            let same = Bases::from([read.mirror.clone()]);
            signature = self.file(SIGNATURE, &same).await.map_err(blame)?;
        }
        let verified = keyring.verify_detached(&read.bytes, &signature.bytes);
        let by = verified.map_err(|error| blame(self.distrust(error)))?;
        let text = read.text();
        let proof = vec![(read.place, read.object), (signature.place, signature.object)];
        Ok(Told { mirror: read.mirror, text, signed_by: Some(by.fingerprint), proof })
    }

    /// Reads a `Release` file, and looks whether what must hold for it does.
    fn read(&self, mirror: &Url, text: &str) -> Result<Release, Error> {
        let suite = || self.suite.name.clone();
        let unreadable = |source| Error::Release { suite: suite(), source };
        let release = Release::parse(text).map_err(unreadable)?;
        if self.keyring.is_some() && !release.proves() {
            return Err(unreadable(Unreadable::Weak));
        }
        let outlived = release.valid_until.filter(|until| self.demands.valid_at > Some(*until));
        if let Some(until) = outlived {
            return Err(Error::Expired { suite: suite(), until });
        }
        age::compare(Some(release.date), self.demands.served).map_err(|age| Error::Older {
            suite: suite(),
            url: masked(mirror),
            age,
        })?;
        Ok(release)
    }

    fn distrust(&self, source: trust::Error) -> Error {
        Error::Trust { suite: self.suite.name.clone(), source: Box::new(source) }
    }

    async fn file(&self, name: &str, bases: &Bases) -> Result<Read, Error> {
        let place = place(self.suite, name)?;
        let suite = || self.suite.name.clone();
        let want = Want { limit: LARGEST_RELEASE, ..Want::below(bases, &place) };
        let surveyed = self.transfer.survey(want, self.watch).await;
        let surveyed =
            surveyed.map_err(|source| Error::Fetch { suite: suite(), source: Box::new(source) })?;
        let (mirror, object) = (which(bases, &surveyed.url, &place), surveyed.object);
        let bytes = self.transfer.store().read(&object.sha256);
        let bytes =
            bytes.map_err(|source| Error::Store { name: suite(), source: Box::new(source) })?;
        Ok(Read { mirror, place, object, bytes })
    }
}

impl Read {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
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
        let mut want = Want::below(&self.bases, &places[0]);
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
