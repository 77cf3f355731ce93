//! A registry in memory that can be told to misbehave.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::super::manifest::Digest;
use super::super::{Authority, Endpoint, Registry, Retry};

/// What the registry holds and how it fails.
#[derive(Default)]
pub(super) struct Inside {
    /// By `repository digest`.
    pub(super) blobs: BTreeMap<String, Bytes>,
    /// By `repository tag` and `repository digest`.
    pub(super) manifests: BTreeMap<String, Bytes>,
    /// Every request, as `METHOD path`.
    pub(super) log: Vec<String>,
    /// So many requests answer 500 from now on.
    pub(super) fail: u32,
    /// Blobs come with one byte changed.
    pub(super) corrupt: bool,
    /// So many blobs break off in the middle.
    pub(super) cut: u32,
    /// Whether `Range` is heeded.
    pub(super) ranges: bool,
    /// Requests before that answer 429, and say for how many seconds.
    pub(super) closed: Option<(Instant, u64)>,
    /// Manifests come as pages for people.
    pub(super) page: bool,
    /// Blobs are there, below that address.
    pub(super) elsewhere: Option<String>,
    /// Whether only those may come in who bring a token, and whether it is one for each repository.
    pub(super) guarded: Option<bool>,
    /// What refers to a manifest, by `repository digest`; without any there is no such API.
    pub(super) referrers: BTreeMap<String, Bytes>,
    /// What was shown with each request that showed something.
    pub(super) shown: Vec<String>,
}

#[derive(Clone, Default)]
pub(super) struct Fake {
    inside: Arc<Mutex<Inside>>,
    address: Option<SocketAddr>,
}

impl Fake {
    pub(super) async fn start() -> Self {
        let mut fake = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        fake.address = Some(listener.local_addr().unwrap());
        fake.inside().ranges = true;
        let router = Router::new().fallback(answer).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    pub(super) fn inside(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint {
            host: self.address.unwrap().to_string(),
            plain: true,
            authority: Authority::System,
            login: None,
            retry: Retry { attempts: 3, pause: std::time::Duration::ZERO, ..Retry::default() },
            parallel: 4,
        }
    }

    pub(super) fn registry(&self) -> Arc<Registry> {
        Arc::new(Registry::connect(&self.endpoint()).unwrap())
    }

    pub(super) fn blob(&self, repository: &str, data: &[u8]) -> Digest {
        let digest = Digest::of(data);
        let data = Bytes::copy_from_slice(data);
        self.inside().blobs.insert(format!("{repository} {digest}"), data);
        digest
    }

    pub(super) fn manifest(&self, repository: &str, tag: &str, text: &str) -> Digest {
        let digest = Digest::of(text.as_bytes());
        for name in [tag.to_owned(), digest.to_string()] {
            let data = Bytes::copy_from_slice(text.as_bytes());
            self.inside().manifests.insert(format!("{repository} {name}"), data);
        }
        digest
    }

    /// Forgets the requests made so far and returns those that `verb` begins.
    pub(super) fn requests(&self, verb: &str) -> Vec<String> {
        let log = std::mem::take(&mut self.inside().log);
        log.into_iter().filter(|line| line.starts_with(verb)).collect()
    }
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut inside = fake.inside();
    inside.log.push(format!("{} {}", parts.method, parts.uri));
    let shown = parts.headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    inside.shown.extend(shown.map(str::to_owned));
    if inside.fail > 0 {
        inside.fail -= 1;
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    if let Some((_, seconds)) = inside.closed.filter(|(until, _)| *until > Instant::now()) {
        let told = [(header::RETRY_AFTER, seconds.to_string())];
        return (StatusCode::TOO_MANY_REQUESTS, told).into_response();
    }
    if let Some(scoped) = inside.guarded
        && let Some(answer) = guard(&parts, fake.address.unwrap(), shown, scoped)
    {
        return answer;
    }
    let path = parts.uri.path().trim_start_matches("/v2/").to_owned();
    let query = parts.uri.query().unwrap_or("").replace("%3A", ":").replace("%2F", "/");
    if path.is_empty() {
        return StatusCode::OK.into_response();
    }
    if let Some((repository, _)) = path.split_once("/tags/list") {
        return tags(&inside, repository, &query);
    }
    if let Some((repository, digest)) = path.split_once("/referrers/") {
        let found = inside.referrers.get(&format!("{repository} {digest}")).cloned();
        return found.map_or_else(
            || StatusCode::NOT_FOUND.into_response(),
            axum::response::IntoResponse::into_response,
        );
    }
    if let Some((repository, reference)) = path.split_once("/manifests/") {
        return manifest(&mut inside, &parts.method, repository, reference, &body);
    }
    if let Some((repository, _)) = path.split_once("/blobs/uploads/") {
        return upload(&mut inside, repository, &query, body);
    }
    let Some((repository, digest)) = path.split_once("/blobs/") else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if let Some(base) = inside.elsewhere.as_ref().filter(|_| parts.method == Method::GET) {
        return axum::response::Redirect::temporary(&format!("{base}/v2/{path}")).into_response();
    }
    let range = parts.headers.get(header::RANGE).and_then(|it| it.to_str().ok());
    let offset = range.and_then(|it| it.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    blob(&mut inside, &parts.method, repository, digest, offset.unwrap_or(0))
}

/// Lists tags, two on each page.
fn tags(inside: &Inside, repository: &str, query: &str) -> Response {
    let last = query.split('&').find_map(|pair| pair.strip_prefix("last=")).unwrap_or("");
    let prefix = format!("{repository} ");
    let names = inside.manifests.keys().filter_map(|name| name.strip_prefix(&prefix));
    let mut names: Vec<_> = names
        .filter(|name| !name.contains(':') && *name > last)
        .map(|it| format!("\"{it}\""))
        .collect();
    let more = names.len() > 2;
    names.truncate(2);
    let body = format!(r#"{{"name":"{repository}","tags":[{}]}}"#, names.join(","));
    if !more {
        return body.into_response();
    }
    let last = names[1].trim_matches('"');
    let next = format!("</v2/{repository}/tags/list?last={last}&n=2>; rel=\"next\"");
    ([(header::LINK, next)], body).into_response()
}

/// Lets in who brings a token; it costs the password of `somebody`.
fn guard(
    parts: &axum::http::request::Parts,
    address: SocketAddr,
    shown: Option<&str>,
    scoped: bool,
) -> Option<Response> {
    let query = parts.uri.query().unwrap_or("");
    if parts.uri.path() == "/token" {
        let known = shown == Some("Basic c29tZWJvZHk6c2VjcmV0");
        let scope = query.split("scope=").nth(1).unwrap_or("all");
        let answer = || format!(r#"{{"token":"{scope}"}}"#).into_response();
        return Some(if known { answer() } else { StatusCode::UNAUTHORIZED.into_response() });
    }
    if shown.is_some_and(|shown| shown.starts_with("Bearer ")) {
        return None;
    }
    let scope = if scoped { r#",scope="repository:x:pull""# } else { "" };
    let challenge = format!(r#"Bearer realm="http://{address}/token",service="fake"{scope}"#);
    Some((StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response())
}

fn manifest(
    inside: &mut Inside,
    method: &Method,
    repository: &str,
    reference: &str,
    body: &Bytes,
) -> Response {
    if method == Method::PUT {
        let digest = Digest::of(body).to_string();
        for name in [reference, &digest] {
            inside.manifests.insert(format!("{repository} {name}"), body.clone());
        }
        return (StatusCode::CREATED, [(header::LOCATION, "/v2/there")]).into_response();
    }
    if method == Method::DELETE {
        let before = inside.manifests.len();
        // With the manifest go all tags that name it.
        inside.manifests.retain(|name, data| {
            !name.starts_with(&format!("{repository} "))
                || Digest::of(data).to_string() != reference
        });
        let gone = inside.manifests.len() < before;
        return if gone { StatusCode::ACCEPTED } else { StatusCode::NOT_FOUND }.into_response();
    }
    if inside.page {
        return axum::response::Html("<html>Please log in").into_response();
    }
    match inside.manifests.get(&format!("{repository} {reference}")) {
        Some(data) => {
            let digest = Digest::of(data).to_string();
            ([("Docker-Content-Digest", digest)], data.clone()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn upload(inside: &mut Inside, repository: &str, query: &str, body: Bytes) -> Response {
    let value = |key: &str| {
        query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('=')).unwrap_or("")
    };
    let location = |to: &str| [(header::LOCATION, to.to_owned())];
    if let Some(data) = inside.blobs.get(&format!("{} {}", value("from"), value("mount"))).cloned()
    {
        inside.blobs.insert(format!("{repository} {}", value("mount")), data);
        return (StatusCode::CREATED, location("/v2/there")).into_response();
    }
    let digest = value("digest");
    if digest.is_empty() {
        let session = format!("/v2/{repository}/blobs/uploads/1");
        return (StatusCode::ACCEPTED, location(&session)).into_response();
    }
    if Digest::of(&body).to_string() != digest {
        return StatusCode::BAD_REQUEST.into_response();
    }
    inside.blobs.insert(format!("{repository} {digest}"), body);
    (StatusCode::CREATED, location("/v2/there")).into_response()
}

fn blob(
    inside: &mut Inside,
    method: &Method,
    repository: &str,
    digest: &str,
    offset: usize,
) -> Response {
    let Some(data) = inside.blobs.get(&format!("{repository} {digest}")).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if method == Method::HEAD {
        return StatusCode::OK.into_response();
    }
    let mut data = data.to_vec();
    if inside.corrupt
        && let Some(last) = data.last_mut()
    {
        *last ^= 1;
    }
    let (status, data) = if inside.ranges && offset > 0 {
        (StatusCode::PARTIAL_CONTENT, data.split_off(offset))
    } else {
        (StatusCode::OK, data)
    };
    let length = [(header::CONTENT_LENGTH, data.len().to_string())];
    if inside.cut > 0 {
        inside.cut -= 1;
        let half = Ok(Bytes::copy_from_slice(&data[..data.len() / 2]));
        let parts = [half, Err(std::io::Error::other("cut"))];
        let body = Body::from_stream(futures_util::stream::iter(parts));
        return (status, length, body).into_response();
    }
    (status, length, data).into_response()
}
