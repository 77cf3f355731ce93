//! One registry in the words of its API: manifests, blobs, tags. Everything that is said to a registry is said here.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream::poll_fn;
use futures_util::{Stream, StreamExt as _};
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use reqwest::{Body, Method, StatusCode};
use tokio::sync::OnceCell;

use super::fault::Fault;
use super::lock::lock;
use super::manifest::{Descriptor, Digest, INDEX, KINDS, LIMIT, Manifest, Unreadable};
use super::place::Place;
use super::token::Scope;
use super::wire::{Answer, Moved, Wire};
use super::{Endpoint, Error};
use crate::transfer::{Reason, content_range};

const DIGEST: &str = "docker-content-digest";
/// Tags that we ask for at once, and the most that a repository may have.
const PAGE: usize = 1000;
const MOST_TAGS: usize = 200_000;

#[derive(serde::Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

/// Where a blob is, once one image has brought it; whoever needs it meanwhile waits for that one.
type Home = Arc<OnceCell<String>>;

/// A registry that we speak with, and what we know of it by now.
pub struct Registry {
    wire: Wire,
    host: String,
    /// The compressed form of layers by their digest before compression.
    pub(super) layers: Mutex<HashMap<Digest, Descriptor>>,
    homes: Mutex<HashMap<Digest, Home>>,
}

impl Registry {
    /// Prepares to speak with a registry; no request is made yet.
    pub fn connect(endpoint: &Endpoint) -> Result<Self, Error> {
        let host = endpoint.host.clone();
        let wire =
            Wire::new(endpoint).map_err(|source| Error::Client { host: host.clone(), source })?;
        Ok(Self { wire, host, layers: Mutex::default(), homes: Mutex::default() })
    }

    /// The registry's host, for messages.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Finds the place of `repository[:tag|@digest]` here.
    pub(super) fn place(&self, name: &str) -> Result<Place, Error> {
        Place::parse(&format!("{}/{name}", self.host))
    }

    pub(super) fn unreadable(&self, what: String, source: Fault) -> Error {
        Error::Read { host: self.host.clone(), what, source }
    }

    pub(super) fn unwritable(&self, what: String, source: Fault) -> Error {
        Error::Write { host: self.host.clone(), what, source }
    }

    /// How often a request is made at most.
    pub(super) fn attempts(&self) -> u32 {
        self.wire.attempts()
    }

    /// Pauses after a failed attempt.
    pub(super) async fn rest(&self, attempt: u32) {
        self.wire.rest(attempt).await;
    }

    /// Asks which digest the place has; none where nothing is there.
    pub(super) async fn digest(&self, place: &Place) -> Result<Option<Digest>, Error> {
        let ask = || async {
            let answer = self.manifest_request(Method::HEAD, place).await?;
            let told = answer.header(DIGEST).and_then(|it| it.parse::<Digest>().ok());
            let page = answer.is_page();
            answer.close().await;
            match told {
                Some(digest) => Ok(digest),
                None if page => Err(Fault::Page),
                None => {
                    let answer = self.manifest_request(Method::GET, place).await?;
                    answer.bytes(LIMIT).await.map(|bytes| Digest::of(&bytes))
                }
            }
        };
        match self.wire.persist(ask).await {
            Ok(digest) => Ok(Some(digest)),
            Err(fault) if fault.is_absent() => Ok(None),
            Err(fault) => Err(self.unreadable(format!("the digest of {place}"), fault)),
        }
    }

    async fn manifest_request(&self, method: Method, place: &Place) -> Result<Answer, Fault> {
        let path = format!("{}/manifests/{}", place.repository(), place.wanted());
        let url = self.wire.address(&path)?;
        let make = || self.wire.request(method.clone(), &url).header(ACCEPT, KINDS.join(", "));
        self.wire.ask(reading(place), make).await
    }

    /// Reads a manifest; `listed` is what an index says about it.
    pub(super) async fn manifest(
        &self,
        place: &Place,
        listed: Option<&Descriptor>,
    ) -> Result<Manifest, Error> {
        let (host, what) = (self.host.clone(), place.to_string());
        let oversized = |size| Error::Oversized { host: host.clone(), what: what.clone(), size };
        if let Some(size) = listed.map(|it| it.size).filter(|size| *size > LIMIT) {
            return Err(oversized(size));
        }
        let get = || async {
            let answer = self.manifest_request(Method::GET, place).await?;
            answer.bytes(LIMIT).await
        };
        let bytes = self.wire.persist(get).await.map_err(|fault| match fault {
            Fault::Long { limit } => oversized(limit + 1),
            fault => self.unreadable(format!("the manifest of {place}"), fault),
        })?;
        let actual = Digest::of(&bytes);
        if let Some(expected) = place.pinned().filter(|expected| *expected != actual) {
            let (digest, actual) = (expected.to_string(), actual.to_string());
            return Err(Error::Altered { host, digest, actual });
        }
        Manifest::read(bytes).map_err(|unreadable| match unreadable {
            Unreadable::Json(source) => Error::Malformed { host, what, source },
            Unreadable::Kind(kind) => Error::Unsupported { host, what, kind },
        })
    }

    /// Lists all tags of a repository, page after page.
    pub(super) async fn tags(&self, place: &Place) -> Result<Vec<String>, Error> {
        let failed = |fault| self.unreadable(format!("the tags of {}", place.repository()), fault);
        let path = format!("{}/tags/list?n={PAGE}", place.repository());
        let mut next = Some(self.wire.address(&path).map_err(failed)?);
        let mut tags = Vec::new();
        while let Some(url) = next {
            let get = || async {
                let make = || self.wire.request(Method::GET, &url);
                let answer = self.wire.ask(reading(place), make).await?;
                let next = answer.header("link").and_then(following).map(str::to_owned);
                let next = next.map(|link| url.join(&link)).transpose();
                let next = next.map_err(|_| Fault::Nonsense("its next page is none".to_owned()))?;
                let tags: Tags = serde_json::from_slice(&answer.bytes(LIMIT).await?)
                    .map_err(|error| Fault::Nonsense(format!("its list of tags: {error}")))?;
                Ok((tags.tags.unwrap_or_default(), next))
            };
            let (more, link) = self.wire.persist(get).await.map_err(failed)?;
            // A list that leads back to itself, or never ends, is none.
            next = link.filter(|link| !more.is_empty() && *link != url);
            tags.extend(more);
            if tags.len() > MOST_TAGS {
                return Err(failed(Fault::Nonsense("its list of tags never ends".to_owned())));
            }
        }
        Ok(tags)
    }

    /// Asks what refers to a manifest; none where the registry cannot tell.
    pub(super) async fn referrers(
        &self,
        place: &Place,
        digest: &Digest,
    ) -> Result<Option<Manifest>, Error> {
        let what = || format!("what refers to {digest} in {}", place.repository());
        let failed = |fault| self.unreadable(what(), fault);
        let path = format!("{}/referrers/{digest}", place.repository());
        let url = self.wire.address(&path).map_err(failed)?;
        let get = || async {
            let make = || self.wire.request(Method::GET, &url).header(ACCEPT, INDEX);
            self.wire.ask(reading(place), make).await?.bytes(LIMIT).await
        };
        match self.wire.persist(get).await {
            Ok(bytes) => Ok(Manifest::read(bytes).ok()),
            // Those that do not know the API say so in several ways.
            Err(Fault::Refused { status, .. }) if status.is_client_error() => Ok(None),
            Err(fault) => Err(failed(fault)),
        }
    }

    /// Opens a blob from `offset` on; tells whether the registry heeded the offset, and not another one.
    pub(super) async fn open(
        &self,
        place: &Place,
        blob: &Descriptor,
        offset: u64,
    ) -> Result<(bool, Answer), Fault> {
        let url = self.blob(place, &blob.digest)?;
        let make = || {
            let request = self.wire.request(Method::GET, &url);
            if offset == 0 { request } else { request.header(RANGE, format!("bytes={offset}-")) }
        };
        let answer = self.wire.ask(reading(place), make).await?;
        if answer.is_page() && answer.length() != Some(blob.size) {
            return Err(Fault::Page);
        }
        if answer.status() != StatusCode::PARTIAL_CONTENT {
            return Ok((false, answer));
        }
        let range = answer.header(CONTENT_RANGE.as_str()).and_then(content_range);
        match range {
            Some((start, size)) if start == offset && size.is_none_or(|it| it == blob.size) => {
                Ok((true, answer))
            }
            _ => Err(Fault::Delivery(Reason::Resumed.into())),
        }
    }

    fn blob(&self, place: &Place, digest: &Digest) -> Result<reqwest::Url, Fault> {
        self.wire.address(&format!("{}/blobs/{digest}", place.repository()))
    }

    /// Where a blob is known to be, or will be.
    pub(super) fn home(&self, digest: &Digest) -> Home {
        Arc::clone(lock(&self.homes).entry(*digest).or_default())
    }

    /// Whether the repository holds the blob, taking it over from a sister repository where that is possible.
    pub(super) async fn adopt(&self, place: &Place, digest: &Digest) -> Result<bool, Error> {
        let failed = |fault| self.unwritable(format!("blob {digest}"), fault);
        let url = self.blob(place, digest).map_err(failed)?;
        let make = || self.wire.request(Method::HEAD, &url);
        let ask = || async {
            self.wire.ask(reading(place), make).await?.close().await;
            Ok(())
        };
        match self.wire.persist(ask).await {
            Ok(()) => return Ok(true),
            Err(fault) if fault.is_absent() => {}
            Err(fault) => return Err(failed(fault)),
        }
        let home = self.home(digest);
        match home.get().filter(|home| *home != place.repository()) {
            Some(home) => {
                let begun = self.begin(place, digest, home).await.map_err(failed)?;
                // An upload that nobody goes on with is forgotten by the registry itself.
                Ok(begun.is_none())
            }
            None => Ok(false),
        }
    }

    /// Begins to upload a blob, unless `home` has it: then the repository has it, too, and there is nothing to upload.
    async fn begin(
        &self,
        place: &Place,
        digest: &Digest,
        home: &str,
    ) -> Result<Option<reqwest::Url>, Fault> {
        let mut url = self.wire.address(&format!("{}/blobs/uploads/", place.repository()))?;
        url.query_pairs_mut().append_pair("mount", &digest.to_string()).append_pair("from", home);
        let make = || self.wire.request(Method::POST, &url).header(CONTENT_LENGTH, 0);
        let answer = self.wire.ask(writing(place), make).await?;
        let session = match answer.status() {
            StatusCode::CREATED => None,
            _ => Some(answer.leads_to("location")?),
        };
        answer.close().await;
        Ok(session)
    }

    /// Sees to it that the repository has a blob, by one request where `home` has it, else by two; returns whether its
    /// bytes went over the wire.
    pub(super) async fn land<S>(
        &self,
        place: &Place,
        blob: &Descriptor,
        home: &str,
        origin: impl Fn() -> S,
    ) -> Result<bool, Fault>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let Some(session) = self.begin(place, &blob.digest, home).await? else {
            return Ok(false);
        };
        let mut url = session.clone();
        url.query_pairs_mut().append_pair("digest", &blob.digest.to_string());
        let moved = Arc::new(Moved::default());
        let make = || {
            let (moved, mut origin) = (Arc::clone(&moved), Box::pin(origin()));
            let stream = poll_fn(move |context| {
                let next = origin.poll_next_unpin(context);
                if next.is_ready() {
                    moved.moves();
                } else {
                    moved.waits();
                }
                next
            });
            self.wire
                .request(Method::PUT, &url)
                .header(CONTENT_LENGTH, blob.size)
                .header(CONTENT_TYPE, "application/octet-stream")
                .body(Body::wrap_stream(stream))
        };
        let sent = self.wire.send(writing(place), &moved, make).await;
        if matches!(&sent, Err(fault) if fault.is_full()) {
            self.abandon(place, &session).await;
        }
        sent?.created()?.close().await;
        Ok(true)
    }

    /// Tells the registry to throw away what came of an upload: it would take up room for a week.
    async fn abandon(&self, place: &Place, session: &reqwest::Url) {
        let make = || self.wire.request(Method::DELETE, session);
        match self.wire.ask(writing(place), make).await {
            Ok(answer) => answer.close().await,
            Err(error) => tracing::debug!(%error, %place, "half an upload stays behind"),
        }
    }

    /// Puts a manifest under the place's tag or digest; the registry must agree about its digest.
    pub(super) async fn put(&self, place: &Place, manifest: &Manifest) -> Result<(), Error> {
        let failed = |fault| self.unwritable(format!("the manifest of {place}"), fault);
        let path = format!("{}/manifests/{}", place.repository(), place.wanted());
        let url = self.wire.address(&path).map_err(failed)?;
        let make = || {
            let request = self.wire.request(Method::PUT, &url);
            request.header(CONTENT_TYPE, &manifest.kind).body(manifest.bytes.clone())
        };
        let put = || async {
            let answer = self.wire.ask(writing(place), make).await?.created()?;
            let told = answer.header(DIGEST).map(str::to_owned);
            answer.close().await;
            Ok(told)
        };
        let expected = manifest.digest.to_string();
        match self.wire.persist(put).await.map_err(failed)? {
            Some(actual) if actual != expected => {
                Err(Error::Altered { host: self.host.clone(), digest: expected, actual })
            }
            _ => Ok(()),
        }
    }

    /// Deletes a manifest by its digest, and all tags that name it; one that is not there is gone already.
    pub(super) async fn delete(&self, place: &Place) -> Result<(), Error> {
        let failed = |fault| self.unwritable(format!("that {place} is gone"), fault);
        let path = format!("{}/manifests/{}", place.repository(), place.wanted());
        let url = self.wire.address(&path).map_err(failed)?;
        let make = || self.wire.request(Method::DELETE, &url);
        let delete = || async {
            self.wire.ask(writing(place), make).await?.close().await;
            Ok(())
        };
        match self.wire.persist(delete).await {
            Err(fault) if !fault.is_absent() => Err(failed(fault)),
            _ => Ok(()),
        }
    }
}

/// The address of the next page, out of a `Link`.
fn following(link: &str) -> Option<&str> {
    let (address, about) = link.strip_prefix('<')?.split_once('>')?;
    about.contains("next").then_some(address)
}

fn reading(place: &Place) -> Scope<'_> {
    Scope { repository: place.repository(), push: false }
}

fn writing(place: &Place) -> Scope<'_> {
    Scope { repository: place.repository(), push: true }
}
