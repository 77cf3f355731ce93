//! The site's registry: strict, and honest but for what it is told to do wrong. It takes only what is what its digest says, and
//! a manifest only once it holds all that this names; whoever tries otherwise is remembered.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use feeds::digest::Sha256;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::http::{Request, head, outwait};

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// It answers 500.
    Broken,
    /// It answers 429 and asks to come back at once.
    Busy,
    /// It closes before it answers, and does nothing.
    Reset,
    /// It closes when half of the body came.
    Cut,
    /// It does what it is asked for, and closes without a word.
    Lost,
    /// It never answers.
    Mute,
    /// It knows nothing of the upload that it began.
    Forgets,
    /// Its disk is full, and it says so by the status.
    Full,
    /// The same, as the distribution registry says it.
    Crammed,
    /// It shows a page for people, and does nothing.
    Page,
    /// It tells another digest of a manifest.
    Misnamed,
}

impl Mishap {
    /// Whether whoever asks again is served.
    pub(crate) fn passes(self) -> bool {
        use Mishap::{Broken, Busy, Cut, Forgets, Lost, Mute, Reset};
        matches!(self, Broken | Busy | Reset | Cut | Lost | Mute | Forgets)
    }
}

/// What the registry holds: blobs by their digests, manifests by tags and digests.
#[derive(Default)]
struct Inside {
    blobs: BTreeMap<String, Vec<u8>>,
    manifests: BTreeMap<String, Vec<u8>>,
    /// Manifests that came before what they name.
    early: Vec<String>,
    /// What goes wrong, by how many requests come before.
    mishaps: HashMap<usize, Mishap>,
    requests: usize,
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
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let host = listener.local_addr().expect("bound").to_string();
        let target = Self { host, ..Self::default() };
        let serving = target.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let target = serving.clone();
                // A client that went away is no failure of the registry.
                tokio::spawn(async move { drop(serve(stream, &target).await) });
            }
        });
        target
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("sound")
    }

    /// From now on this goes wrong, by how many requests come before.
    pub(crate) fn suffer(&self, mishaps: HashMap<usize, Mishap>) {
        let mut inside = self.inside();
        (inside.mishaps, inside.requests) = (mishaps, 0);
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

/// What is answered.
struct Reply {
    status: &'static str,
    headers: String,
    body: Vec<u8>,
}

impl Reply {
    fn new(status: &'static str, headers: String) -> Self {
        Self { status, headers, body: Vec::new() }
    }

    fn with(self, body: &[u8]) -> Self {
        Self { body: body.to_vec(), ..self }
    }

    fn named(status: &'static str, digest: &str) -> Self {
        Self::new(status, format!("Docker-Content-Digest: {digest}\r\n"))
    }

    fn missing() -> Self {
        Self::new("404 Not Found", String::new())
    }

    fn of(mishap: Mishap) -> Option<Self> {
        let plain = |status| Some(Self::new(status, String::new()));
        match mishap {
            Mishap::Broken => plain("500 Broken"),
            Mishap::Full => plain("507 Insufficient Storage"),
            Mishap::Busy => Some(Self::new("429 Busy", "Retry-After: 0\r\n".to_owned())),
            Mishap::Crammed => plain("500 Internal Server Error").map(|reply| {
                reply.with(br#"{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":{"Err":"write: no space left on device"}}]}"#)
            }),
            Mishap::Page => {
                let page = Self::new("200 OK", "Content-Type: text/html\r\n".to_owned());
                Some(page.with(b"<html>"))
            }
            _ => None,
        }
    }
}

impl Inside {
    /// What goes wrong with the next request.
    fn next(&mut self) -> Option<Mishap> {
        self.requests += 1;
        self.mishaps.get(&(self.requests - 1)).copied()
    }

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

    fn answer(&mut self, request: &Request, body: Vec<u8>, mishap: Option<Mishap>) -> Reply {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        if let Some((_, name)) = path.split_once("/manifests/") {
            return self.manifest(&request.method, name, body, mishap);
        }
        if let Some((repository, _)) = path.split_once("/blobs/uploads/") {
            if mishap == Some(Mishap::Forgets) && request.method == "PUT" {
                return Reply::missing();
            }
            return self.upload(repository, query, body);
        }
        let found = self.blobs.get(path.rsplit('/').next().unwrap_or_default());
        found
            .map_or_else(Reply::missing, |bytes| Reply::named("200 OK", &digest(bytes)).with(bytes))
    }

    fn manifest(
        &mut self,
        method: &str,
        name: &str,
        body: Vec<u8>,
        mishap: Option<Mishap>,
    ) -> Reply {
        let named = |status, bytes: &[u8]| {
            let wrong = mishap == Some(Mishap::Misnamed);
            Reply::named(status, &digest(if wrong { b"another" } else { bytes }))
        };
        if method == "PUT" {
            if let Some(lack) = self.lacks(&body, false) {
                self.early.push(format!("{name} lacks {lack}"));
                return Reply::new("400 Bad Request", String::new());
            }
            let reply = named("201 Created", &body);
            self.manifests.insert(digest(&body), body.clone());
            self.manifests.insert(name.to_owned(), body);
            return reply;
        }
        let found = self.manifests.get(name);
        found.map_or_else(Reply::missing, |bytes| named("200 OK", bytes).with(bytes))
    }

    fn upload(&mut self, repository: &str, query: &str, body: Vec<u8>) -> Reply {
        let query = query.replace("%3A", ":");
        let value = |key: &str| {
            let found = query.split('&').find_map(|it| it.strip_prefix(key)?.strip_prefix('='));
            found.unwrap_or_default()
        };
        let to = |status, to: &str| Reply::new(status, format!("Location: {to}\r\n"));
        if self.blobs.contains_key(value("mount")) {
            return to("201 Created", "/v2/there");
        }
        let wanted = value("digest");
        if wanted.is_empty() {
            return to("202 Accepted", &format!("{repository}/blobs/uploads/1"));
        }
        if digest(&body) != wanted {
            return Reply::new("400 Bad Request", String::new());
        }
        self.blobs.insert(wanted.to_owned(), body);
        to("201 Created", "/v2/there")
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", Sha256::of(bytes))
}

/// Answers one request and closes.
async fn serve(stream: TcpStream, target: &Target) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let request = Request::read(&mut stream).await?;
    let mishap = target.inside().next();
    let length = request.header("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
    let mut body = vec![0; if mishap == Some(Mishap::Cut) { length / 2 } else { length }];
    // A body that broke off is none.
    stream.read_exact(&mut body).await?;
    let stream = stream.get_mut();
    let reply = match mishap {
        Some(Mishap::Reset | Mishap::Cut) => return Ok(()),
        Some(Mishap::Mute) => return outwait(stream).await,
        Some(mishap) => Reply::of(mishap),
        None => None,
    };
    let reply = reply.unwrap_or_else(|| target.inside().answer(&request, body, mishap));
    if mishap == Some(Mishap::Lost) {
        return Ok(());
    }
    head(stream, reply.status, reply.body.len(), &reply.headers).await?;
    if request.method == "HEAD" { Ok(()) } else { stream.write_all(&reply.body).await }
}
