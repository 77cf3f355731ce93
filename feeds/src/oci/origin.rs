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
use super::manifest::{Descriptor, Digest};
use super::place::Place;
use super::registry::{Registry, lock};
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

/// Streams a file, which is part of an archive in `folder`.
pub(super) fn file(
    path: PathBuf,
    folder: PathBuf,
    blame: Blame,
    meter: Meter,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let failed = move |source| {
        blame.put(Error::Archive { what: "read a layer of the", folder: folder.clone(), source })
    };
    futures_util::stream::once(fs_err::tokio::File::open(path))
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
    got: u64,
    /// So many bytes come once more: the registry began anew.
    again: u64,
    hasher: Hasher,
    failures: u32,
}

impl Reader {
    fn new(from: Arc<Registry>, place: Place, blob: Descriptor) -> Self {
        let hasher = Hasher::new();
        Self { from, place, blob, answer: None, got: 0, again: 0, hasher, failures: 0 }
    }

    /// The next bytes; the last ones only after the digest was found right.
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while self.got < self.blob.size {
            match self.more().await {
                Ok(Some(mut bytes)) => {
                    let passed = self.again.min(bytes.len() as u64);
                    self.again -= passed;
                    let bytes = bytes.split_off(usize::try_from(passed).unwrap_or(bytes.len()));
                    if !bytes.is_empty() {
                        self.check(&bytes)?;
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
        let (heeded, answer) = self.from.open(&self.place, &self.blob, self.got).await?;
        self.again = if heeded { 0 } else { self.got };
        self.answer.insert(answer).chunk().await
    }

    fn check(&mut self, bytes: &Bytes) -> Result<(), Error> {
        self.got += bytes.len() as u64;
        self.hasher.update(bytes);
        let altered = |actual| Error::Altered {
            host: self.from.host().to_owned(),
            digest: self.blob.digest.to_string(),
            actual,
        };
        if self.got > self.blob.size {
            return Err(altered(format!("more than the {} bytes listed", self.blob.size)));
        }
        if self.got < self.blob.size {
            return Ok(());
        }
        let digest = Digest(Sha256(self.hasher.clone().finalize().into()));
        if digest == self.blob.digest { Ok(()) } else { Err(altered(digest.to_string())) }
    }

    /// Takes a failure, or gives up.
    async fn bear(&mut self, fault: Option<Fault>) -> Result<(), Error> {
        self.answer = None;
        self.failures += 1;
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
                got: self.got,
                size: self.blob.size,
            },
        })
    }
}
