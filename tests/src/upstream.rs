//! An upstream of our own on loopback: a folder over HTTP that can be made to misbehave, file by file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::loopback::Loopback;

/// What goes wrong with one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answered with this status and no body.
    Status(u16),
    /// One byte is not what it was.
    Corrupt,
    /// The connection breaks halfway through.
    Broken,
    /// The first half comes, then nothing more until the fault is healed.
    Stalled,
}

/// A running upstream; it stops when dropped.
pub struct Upstream {
    loopback: Loopback,
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    faults: Mutex<BTreeMap<String, Fault>>,
    requests: Mutex<Vec<String>>,
}

impl Upstream {
    /// Serves a folder on a free port of loopback.
    pub fn serving(folder: &Path) -> Self {
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            faults: Mutex::default(),
            requests: Mutex::default(),
        });
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&shared));
        Self { loopback: Loopback::answering(router), shared }
    }

    /// The URL of a path below the folder.
    pub fn url(&self, path: &str) -> String {
        self.loopback.url(path)
    }

    /// Makes every file whose path ends so misbehave, until healed.
    pub fn break_file(&self, ending: &str, fault: Fault) {
        self.faults().insert(ending.to_owned(), fault);
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.faults().clear();
    }

    /// How often files were asked for whose path ends so.
    pub fn asked(&self, ending: &str) -> usize {
        let requests = self.shared.requests.lock().expect("no test panics while it holds this");
        requests.iter().filter(|path| path.ends_with(ending)).count()
    }

    fn faults(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Fault>> {
        self.shared.faults.lock().expect("no test panics while it holds this")
    }
}

impl Shared {
    fn fault(&self, path: &str) -> Option<Fault> {
        let faults = self.faults.lock().expect("no test panics while it holds this");
        faults.iter().find(|(ending, _)| path.ends_with(ending.as_str())).map(|(_, fault)| *fault)
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    shared.requests.lock().expect("no test panics while it holds this").push(path.clone());
    let fault = shared.fault(&path);
    if let Some(Fault::Status(code)) = fault {
        return StatusCode::from_u16(code).expect("tests name real codes").into_response();
    }
    let Ok(mut content) = fs_err::tokio::read(shared.folder.join(&path)).await else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let length = content.len();
    let etag = format!("\"{length:x}\"");
    if fault == Some(Fault::Corrupt) && length > 0 {
        content[length / 2] ^= 0x55;
    }
    let start = range_start(request.headers(), &etag).filter(|start| *start < length);
    let status = if start.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let first = start.unwrap_or(0);
    let mut response = Response::builder()
        .status(status)
        .header(header::ETAG, etag)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CONTENT_LENGTH, length - first);
    if start.is_some() {
        let range = format!("bytes {first}-{}/{length}", length - 1);
        response = response.header(header::CONTENT_RANGE, range);
    }
    let content = Bytes::from(content).slice(first..);
    let body = match fault {
        Some(Fault::Broken | Fault::Stalled) => {
            halved(content, Arc::clone(&shared), path, fault == Some(Fault::Stalled))
        }
        _ => Body::from(content),
    };
    response.body(body).expect("the response is well-formed")
}

/// The first half of a body, then a broken connection; stalled ones wait for the fault to be healed first.
fn halved(content: Bytes, shared: Arc<Shared>, path: String, stalled: bool) -> Body {
    let (sender, receiver) = tokio::sync::mpsc::channel::<std::io::Result<Bytes>>(1);
    tokio::spawn(async move {
        if sender.send(Ok(content.slice(..content.len() / 2))).await.is_err() {
            return;
        }
        while stalled && shared.fault(&path).is_some() && !sender.is_closed() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        // The reader may be gone already; then nobody needs the error.
        drop(sender.send(Err(std::io::ErrorKind::ConnectionReset.into())).await);
    });
    Body::from_stream(Receiver(receiver))
}

/// A channel as the stream that a body is made of.
struct Receiver(tokio::sync::mpsc::Receiver<std::io::Result<Bytes>>);

impl futures_util::Stream for Receiver {
    type Item = std::io::Result<Bytes>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

/// Where an open-ended range begins, if one is asked for and its validator still holds.
fn range_start(headers: &HeaderMap, etag: &str) -> Option<usize> {
    if headers
        .get(header::IF_RANGE)
        .is_some_and(|validator| validator.as_bytes() != etag.as_bytes())
    {
        return None;
    }
    let range = headers.get(header::RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes=")?.split('-').next()?.parse().ok()
}
