//! One registry over the wire: the only file that names oci-client. Failed requests are tried again within a budget.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};
use oci_distribution::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_distribution::errors::{OciDistributionError, OciErrorCode};
use oci_distribution::secrets::RegistryAuth;
use oci_distribution::{Client, Reference};

use reqwest::header::HeaderValue;

use super::manifest::{Descriptor, Digest, KINDS, LIMIT, Manifest, Unreadable};
use super::{Authority, Endpoint, Error, Retry};

const CONNECT: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_mins(1);

/// A registry that we speak with, and what we know of it by now.
pub struct Registry {
    client: Client,
    host: String,
    auth: RegistryAuth,
    pub(super) retry: Retry,
    /// The compressed form of layers by their digest before compression.
    pub(super) layers: Mutex<HashMap<Digest, Descriptor>>,
    /// A repository that holds a blob, to mount it from.
    homes: Mutex<HashMap<Digest, String>>,
}

/// A repository and what is asked for in it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    reference: Reference,
}

impl Registry {
    /// Prepares to speak with a registry; no request is made yet.
    pub fn connect(endpoint: &Endpoint) -> Result<Self, Error> {
        let pem = |data: &[u8]| {
            vec![Certificate { encoding: CertificateEncoding::Pem, data: data.to_vec() }]
        };
        let mut config = ClientConfig {
            protocol: if endpoint.plain { ClientProtocol::Http } else { ClientProtocol::Https },
            use_monolithic_push: true,
            platform_resolver: None,
            read_timeout: Some(SILENCE),
            connect_timeout: Some(CONNECT),
            user_agent: "booddies",
            ..ClientConfig::default()
        };
        match &endpoint.authority {
            Authority::System => {}
            Authority::Also(data) => config.extra_root_certificates = pem(data),
            Authority::Only(data) => config.tls_certs_only = pem(data),
        }
        let host = endpoint.host.clone();
        let client = Client::try_from(config)
            .map_err(|source| Error::Client { host: host.clone(), source: source.into() })?;
        let auth = endpoint.login.as_ref().map_or(RegistryAuth::Anonymous, |login| {
            RegistryAuth::Basic(login.user.clone(), login.password.clone())
        });
        let (retry, layers, homes) = (endpoint.retry, Mutex::default(), Mutex::default());
        Ok(Self { client, host, auth, retry, layers, homes })
    }

    /// The registry's host, for messages.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Finds the place of `repository[:tag|@digest]` here.
    pub(super) fn place(&self, name: &str) -> Result<Place, Error> {
        Place::parse(&format!("{}/{name}", self.host))
    }

    pub(super) fn unreadable(&self, what: String, source: impl Into<Fault>) -> Error {
        Error::Read { host: self.host.clone(), what, source: source.into() }
    }

    pub(super) fn unwritable(&self, what: String, source: impl Into<Fault>) -> Error {
        Error::Write { host: self.host.clone(), what, source: source.into() }
    }

    /// Asks which digest the place has; none where nothing is there.
    pub(super) async fn digest(&self, place: &Place) -> Result<Option<String>, Error> {
        let ask = || self.client.fetch_manifest_digest(&place.reference, &self.auth);
        match self.persist(ask).await {
            Ok(digest) => Ok(Some(digest)),
            Err(fault) if fault.absent() => Ok(None),
            Err(fault) => Err(self.unreadable(format!("the digest of {place}"), fault)),
        }
    }

    /// Reads a manifest; `listed` is what an index says about it.
    pub(super) async fn manifest(
        &self,
        place: &Place,
        listed: Option<&Descriptor>,
    ) -> Result<Manifest, Error> {
        let (host, what) = (self.host.clone(), place.to_string());
        if let Some(size) = listed.map(|it| it.size).filter(|size| *size > LIMIT) {
            return Err(Error::Oversized { host, what, size });
        }
        let get = || self.client.pull_manifest_raw(&place.reference, &self.auth, &KINDS);
        let (bytes, _) = self
            .persist(get)
            .await
            .map_err(|fault| self.unreadable(format!("the manifest of {place}"), fault))?;
        if bytes.len() as u64 > LIMIT {
            return Err(Error::Oversized { host, what, size: bytes.len() as u64 });
        }
        let manifest = Manifest::read(bytes).map_err(|unreadable| match unreadable {
            Unreadable::Json(source) => {
                Error::Malformed { host: host.clone(), what: what.clone(), source }
            }
            Unreadable::Kind(kind) => {
                Error::Unsupported { host: host.clone(), what: what.clone(), kind }
            }
        })?;
        match listed {
            Some(listed) if listed.digest != manifest.digest => Err(Error::Altered {
                host,
                digest: listed.digest.to_string(),
                actual: manifest.digest.to_string(),
            }),
            _ => Ok(manifest),
        }
    }

    /// Opens a blob from `offset` on; tells whether the registry heeded the offset.
    pub(super) async fn open(
        &self,
        place: &Place,
        digest: &Digest,
        offset: u64,
    ) -> Result<(bool, BoxStream<'static, io::Result<Bytes>>), Fault> {
        use oci_distribution::client::BlobResponse;
        self.client.store_auth_if_needed(place.reference.resolve_registry(), &self.auth).await;
        let digest = digest.to_string();
        let response = self
            .client
            .pull_blob_stream_partial(&place.reference, digest.as_str(), offset, None)
            .await?;
        Ok(match response {
            BlobResponse::Full(stream) => (false, stream.stream),
            BlobResponse::Partial(stream) => (true, stream.stream),
        })
    }

    /// Whether the repository holds the blob, taking it over from a sister repository where that is possible.
    pub(super) async fn adopt(&self, place: &Place, digest: &Digest) -> Result<bool, Error> {
        self.client.store_auth_if_needed(place.reference.resolve_registry(), &self.auth).await;
        let text = digest.to_string();
        let held = self
            .persist(|| self.client.blob_exists(&place.reference, &text))
            .await
            .map_err(|fault| self.unwritable(format!("blob {text}"), fault))?;
        if held {
            self.remember(place, digest);
            return Ok(true);
        }
        let home = lock(&self.homes).get(digest).cloned();
        let Some(home) = home.filter(|home| home != place.reference.repository()) else {
            return Ok(false);
        };
        let home = self.place(&home)?.reference;
        // A registry that cannot mount says so by one of several statuses; the blob is pushed then.
        Ok(self.client.mount_blob(&place.reference, &home, &text).await.is_ok())
    }

    /// Pushes a blob once.
    pub(super) async fn write(
        &self,
        place: &Place,
        blob: &Descriptor,
        stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<(), Fault> {
        let stream = stream.map(|chunk| chunk.map_err(OciDistributionError::from));
        self.client.store_auth_if_needed(place.reference.resolve_registry(), &self.auth).await;
        let digest = blob.digest.to_string();
        self.client.push_blob_stream(&place.reference, stream, &digest, Some(blob.size)).await?;
        self.remember(place, &blob.digest);
        Ok(())
    }

    fn remember(&self, place: &Place, digest: &Digest) {
        lock(&self.homes).insert(*digest, place.reference.repository().to_owned());
    }

    /// Puts a manifest under the place's tag or digest.
    pub(super) async fn put(&self, place: &Place, manifest: &Manifest) -> Result<(), Error> {
        self.client.store_auth_if_needed(place.reference.resolve_registry(), &self.auth).await;
        let fail = |fault: Fault| self.unwritable(format!("the manifest of {place}"), fault);
        let kind: HeaderValue = manifest
            .kind
            .parse()
            .map_err(|_| fail(Fault::of("its kind cannot be sent in a header")))?;
        let put = || {
            self.client.push_manifest_raw(&place.reference, manifest.bytes.clone(), kind.clone())
        };
        self.persist(put).await.map(drop).map_err(fail)
    }

    /// Makes a request, again and again where there is hope.
    async fn persist<T, F>(&self, request: impl Fn() -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, OciDistributionError>>,
    {
        for attempt in 1.. {
            match request().await.map_err(Fault::from) {
                Err(fault) if fault.hopeful() && attempt < self.retry.attempts => {
                    tracing::debug!(host = self.host, attempt, error = %fault, "trying again");
                    self.retry.rest(attempt).await;
                }
                other => return other,
            }
        }
        Err(Fault::of("no attempt is allowed"))
    }
}

impl Retry {
    /// Pauses after a failed attempt.
    pub(super) async fn rest(&self, attempt: u32) {
        tokio::time::sleep(self.pause * 2_u32.pow(attempt.saturating_sub(1).min(10))).await;
    }
}

/// Locks a map of things learned; one poisoned by a panic is still true.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Place {
    /// Reads `host/repository[:tag|@digest]`.
    pub(super) fn parse(name: &str) -> Result<Self, Error> {
        let reference = name.parse::<Reference>().map_err(|source| Error::Name {
            name: name.to_owned(),
            source: Some(Fault::new(source)),
        })?;
        Ok(Self { reference })
    }

    /// The registry's host.
    pub(super) fn host(&self) -> &str {
        self.reference.registry()
    }

    /// A manifest of the same repository by its digest.
    pub(super) fn at(&self, digest: &Digest) -> Self {
        Self { reference: self.reference.clone_with_digest(digest.to_string()) }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.reference.fmt(f)
    }
}

/// What a registry, or the way to it, got wrong.
#[derive(Debug)]
pub struct Fault(Box<dyn std::error::Error + Send + Sync>);

impl Fault {
    fn new(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }

    pub(super) fn of(message: &str) -> Self {
        Self(message.into())
    }

    fn wire(&self) -> Option<&OciDistributionError> {
        self.0.downcast_ref()
    }

    fn status(&self) -> Option<u16> {
        match self.wire()? {
            OciDistributionError::ServerError { code, .. } => Some(*code),
            OciDistributionError::RequestError(error) => error.status().map(|it| it.as_u16()),
            OciDistributionError::UnauthorizedError { .. } => Some(401),
            _ => None,
        }
    }

    fn says(&self, codes: &[OciErrorCode]) -> bool {
        matches!(self.wire(), Some(OciDistributionError::RegistryError { envelope, .. })
            if envelope.errors.iter().any(|error| codes.contains(&error.code)))
    }

    /// Whether trying again may help: the network, an overloaded or failing server.
    pub(super) fn hopeful(&self) -> bool {
        match self.status() {
            Some(code) => code == 429 || code >= 500,
            None => {
                self.says(&[OciErrorCode::Toomanyrequests])
                    || self.0.is::<io::Error>()
                    || matches!(
                        self.wire(),
                        Some(
                            OciDistributionError::RequestError(_)
                                | OciDistributionError::IoError(_)
                        )
                    )
            }
        }
    }

    /// Whether there is nothing under this name.
    pub(super) fn absent(&self) -> bool {
        self.status() == Some(404)
            || self.says(&[OciErrorCode::ManifestUnknown, OciErrorCode::NameUnknown])
    }

    /// Whether we may not do that.
    pub(super) fn refused(&self) -> bool {
        matches!(self.status(), Some(401 | 403))
            || self.says(&[OciErrorCode::Unauthorized, OciErrorCode::Denied])
            || matches!(self.wire(), Some(OciDistributionError::AuthenticationFailure(_)))
    }

    /// Whether the registry contradicts a digest.
    pub(super) fn altered(&self) -> bool {
        matches!(self.wire(), Some(OciDistributionError::DigestError(_)))
    }
}

impl From<OciDistributionError> for Fault {
    fn from(error: OciDistributionError) -> Self {
        Self::new(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::new(error)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
