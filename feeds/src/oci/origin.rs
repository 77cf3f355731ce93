//! Where a blob's bytes come from: a registry, resumed where the connection broke and checked against the digest before
//! the last byte is handed on; or a file.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream::try_unfold;
use futures_util::{Stream, TryStreamExt as _};
use sha2::{Digest as _, Sha256 as Hasher};

use super::Error;
use super::fault::Fault;
use super::lock::lock;
use super::manifest::{Descriptor, Digest};
use super::parts::Extent;
use super::place::Place;
use super::registry::Registry;
use super::wire::Answer;
use crate::digest::Sha256;
use crate::events::{Event, Id, Watch as _};
use crate::relay::Relay;

/// Remembers why an origin ran dry, which a push could only report as its own failure.
#[derive(Clone, Default)]
pub(super) struct Blame(Arc<Mutex<Option<Error>>>);

impl Blame {
    pub(super) fn take(&self) -> Option<Error> {
        lock(&self.0).take()
    }

    fn put(&self, error: Error) -> io::Error {
        let message = error.to_string();
        *lock(&self.0) = Some(error);
        io::Error::other(message)
    }
}

/// Counts bytes for whoever watches.
#[derive(Clone)]
pub(super) struct Meter {
    pub(super) relay: Relay,
    pub(super) id: Id,
}

impl Meter {
    pub(super) fn advance(&self, by: u64) {
        self.relay.event(Event::Advanced { id: self.id, by });
    }
}

/// Streams a blob of a registry.
pub(super) fn registry(
    from: Arc<Registry>,
    place: Place,
    blob: Descriptor,
    blame: Blame,
    meter: Meter,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let reader = Reader::new(from, place, blob);
    try_unfold(reader, move |mut reader| {
        let (blame, meter) = (blame.clone(), meter.clone());
        async move {
            match reader.next().await {
                Ok(Some(bytes)) => {
                    meter.advance(bytes.len() as u64);
                    Ok(Some((bytes, reader)))
                }
                Ok(None) => Ok(None),
                Err(error) => Err(blame.put(error)),
            }
        }
    })
}

/// Streams a blob of a layout at `place`, checked against the digest before its last byte.
pub(super) fn checked(
    extent: io::Result<Extent>,
    place: PathBuf,
    blob: &Descriptor,
    blame: Blame,
    meter: Meter,
) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    let mut check = Check::of(blob);
    let host = place.display().to_string();
    let (altered, digest) = (blame.clone(), blob.digest.to_string());
    stored(extent, place, blame, meter).and_then(move |bytes| {
        let checked = check.take(&bytes).map_err(|actual| {
            let (host, digest) = (host.clone(), digest.clone());
            altered.put(Error::Altered { host, digest, actual })
        });
        std::future::ready(checked.map(|()| bytes))
    })
}

/// Compares what comes with what was promised.
struct Check {
    digest: Digest,
    size: u64,
    got: u64,
    hasher: Hasher,
}

impl Check {
    fn of(blob: &Descriptor) -> Self {
        Self { digest: blob.digest, size: blob.size, got: 0, hasher: Hasher::new() }
    }

    fn is_done(&self) -> bool {
        self.got >= self.size
    }

    /// Takes the next bytes; says what they are instead, where they cannot be right.
    fn take(&mut self, bytes: &Bytes) -> Result<(), String> {
        self.got += bytes.len() as u64;
        self.hasher.update(bytes);
        if self.got > self.size {
            return Err(format!("more than the {} bytes listed", self.size));
        }
        if self.got < self.size {
            return Ok(());
        }
        let digest = Digest(Sha256(self.hasher.clone().finalize().into()));
        if digest == self.digest { Ok(()) } else { Err(digest.to_string()) }
    }
}

/// Streams what lies in a file, which is part of an image at `place`.
pub(super) fn stored(
    extent: io::Result<Extent>,
    place: PathBuf,
    blame: Blame,
    meter: Meter,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let failed = move |source| {
        blame.put(Error::Archive { what: "read a layer of the", folder: place.clone(), source })
    };
    futures_util::stream::once(async { extent?.open().await })
        .map_ok(|file| tokio_util::io::ReaderStream::with_capacity(file, 1 << 18))
        .try_flatten()
        .inspect_ok(move |bytes: &Bytes| meter.advance(bytes.len() as u64))
        .map_err(failed)
}

/// Reads a small blob whole.
pub(super) async fn whole(
    from: Arc<Registry>,
    place: Place,
    blob: Descriptor,
) -> Result<Vec<u8>, Error> {
    let mut reader = Reader::new(from, place, blob);
    let mut bytes = Vec::new();
    while let Some(chunk) = reader.next().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

struct Reader {
    from: Arc<Registry>,
    place: Place,
    blob: Descriptor,
    answer: Option<Answer>,
    check: Check,
    /// So many bytes come once more: the registry began anew.
    again: u64,
    /// Whether the registry can be asked for what is missing; one that resumes at the wrong place begins anew.
    resumes: bool,
    failures: u32,
}

impl Reader {
    fn new(from: Arc<Registry>, place: Place, blob: Descriptor) -> Self {
        let check = Check::of(&blob);
        Self { from, place, blob, answer: None, check, again: 0, resumes: true, failures: 0 }
    }

    /// The next bytes; the last ones only after the digest was found right.
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while !self.check.is_done() {
            match self.more().await {
                Ok(Some(mut bytes)) => {
                    let passed = self.again.min(bytes.len() as u64);
                    self.again -= passed;
                    let bytes = bytes.split_off(usize::try_from(passed).unwrap_or(bytes.len()));
                    if !bytes.is_empty() {
                        self.check.take(&bytes).map_err(|actual| self.altered(actual))?;
                        return Ok(Some(bytes));
                    }
                }
                Ok(None) => self.bear(None).await?,
                Err(fault) => self.bear(Some(fault)).await?,
            }
        }
        self.answer = None;
        Ok(None)
    }

    /// What the connection brings; a new one goes on where the last one broke.
    async fn more(&mut self) -> Result<Option<Bytes>, Fault> {
        if let Some(answer) = &mut self.answer {
            return answer.chunk().await;
        }
        let got = self.check.got;
        let offset = if self.resumes { got } else { 0 };
        let (heeded, answer) = self.from.open(&self.place, &self.blob, offset).await?;
        self.again = if heeded { got - offset } else { got };
        self.answer.insert(answer).chunk().await
    }

    fn altered(&self, actual: String) -> Error {
        let (host, digest) = (self.from.host().to_owned(), self.blob.digest.to_string());
        Error::Altered { host, digest, actual }
    }

    /// Takes a failure, or gives up.
    async fn bear(&mut self, fault: Option<Fault>) -> Result<(), Error> {
        self.answer = None;
        self.failures += 1;
        self.resumes &= !fault.as_ref().is_some_and(Fault::is_misplaced);
        let hopeful = fault.as_ref().is_none_or(Fault::is_hopeful);
        if hopeful && self.failures < self.from.attempts() {
            self.from.rest(self.failures).await;
            return Ok(());
        }
        let digest = self.blob.digest.to_string();
        Err(match fault {
            Some(fault) => self.from.unreadable(format!("blob {digest} of {}", self.place), fault),
            None => Error::Truncated {
                host: self.from.host().to_owned(),
                digest,
                got: self.check.got,
                size: self.blob.size,
            },
        })
    }
}
