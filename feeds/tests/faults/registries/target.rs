//! The site's registry: honest and strict. It takes only what is what its digest says, and a manifest only once it holds all
//! that this names; whoever tries otherwise is remembered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use feeds::digest::Sha256;
use serde_json::Value;

const DIGEST: &str = "docker-content-digest";

/// What the registry holds: blobs by their digests, manifests by tags and digests.
#[derive(Default)]
struct Inside {
    blobs: BTreeMap<String, Bytes>,
    manifests: BTreeMap<String, Bytes>,
    /// Manifests that came before what they name.
    early: Vec<String>,
}

/// A running registry of one repository.
#[derive(Clone, Default)]
pub(crate) struct Target {
    inside: Arc<Mutex<Inside>>,
    /// `host:port`.
    pub(crate) host: String,
}

impl Target {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let host = listener.local_addr().expect("bound").to_string();
        let target = Self { host, ..Self::default() };
        let router = Router::new().fallback(answer).with_state(target.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        target
    }

    fn inside(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.inside.lock().expect("sound")
    }

    /// The digest of what a tag names, if all that it needs is there.
    pub(crate) fn whole(&self, tag: &str) -> Result<Option<String>, String> {
        let inside = self.inside();
        let Some(bytes) = inside.manifests.get(tag) else { return Ok(None) };
        inside.lacks(bytes, true).map_or(Ok(Some(digest(bytes))), Err)
    }

    /// Manifests that were pushed before all that they name.
    pub(crate) fn early(&self) -> Vec<String> {
        self.inside().early.clone()
    }
}

impl Inside {
    /// What a manifest names and is not here; looks into those that it lists where it goes `deep`.
    fn lacks(&self, bytes: &[u8], deep: bool) -> Option<String> {
        let Ok(manifest) = serde_json::from_slice::<Value>(bytes) else {
            return Some("any sense".to_owned());
        };
        let named = |key: &str| manifest[key].as_array().cloned().unwrap_or_default();
        let blobs = named("layers").into_iter().chain([manifest["config"].clone()]);
        for blob in blobs.filter(|blob| !blob.is_null()) {
            let name = blob["digest"].as_str().unwrap_or_default();
            if !self.blobs.contains_key(name) {
                return Some(format!("blob {name}"));
            }
        }
        for child in named("manifests") {
            let name = child["digest"].as_str().unwrap_or_default();
            match self.manifests.get(name) {
                None => return Some(format!("manifest {name}")),
                Some(child) if deep => {
                    if let Some(lack) = self.lacks(child, deep) {
                        return Some(lack);
                    }
                }
                Some(_) => {}
            }
        }
        None
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", Sha256::of(bytes))
}

async fn answer(State(target): State<Target>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // A body that broke off is none.
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let path = parts.uri.path();
    let mut inside = target.inside();
    if let Some((_, name)) = path.split_once("/manifests/") {
        return manifest(&mut inside, &parts.method, name, body);
    }
    if let Some((repository, _)) = path.split_once("/blobs/uploads/") {
        return upload(&mut inside, repository, parts.uri.query().unwrap_or_default(), body);
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let found = inside.blobs.get(name).cloned();
    found.map_or_else(missing, |bytes| Body::from(bytes).into_response())
}

fn missing() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

fn manifest(inside: &mut Inside, method: &Method, name: &str, body: Bytes) -> Response {
    if method == Method::PUT {
        if let Some(lack) = inside.lacks(&body, false) {
            inside.early.push(format!("{name} lacks {lack}"));
            return StatusCode::BAD_REQUEST.into_response();
        }
        let digest = digest(&body);
        inside.manifests.insert(digest.clone(), body.clone());
        inside.manifests.insert(name.to_owned(), body);
        return (StatusCode::CREATED, [(DIGEST, digest)]).into_response();
    }
    let found = inside.manifests.get(name).cloned();
    found.map_or_else(missing, |bytes| ([(DIGEST, digest(&bytes))], bytes).into_response())
}

fn upload(inside: &mut Inside, repository: &str, query: &str, body: Bytes) -> Response {
    let query = query.replace("%3A", ":");
    let value = |key: &str| {
        query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('=')).unwrap_or("")
    };
    let location = |to: String| [(header::LOCATION, to)];
    if inside.blobs.contains_key(value("mount")) {
        return (StatusCode::CREATED, location("/v2/there".to_owned())).into_response();
    }
    let wanted = value("digest");
    if wanted.is_empty() {
        let session = format!("{repository}/blobs/uploads/1");
        return (StatusCode::ACCEPTED, location(session)).into_response();
    }
    if digest(&body) != wanted {
        return StatusCode::BAD_REQUEST.into_response();
    }
    inside.blobs.insert(wanted.to_owned(), body);
    (StatusCode::CREATED, location("/v2/there".to_owned())).into_response()
}
