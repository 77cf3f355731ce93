//! A forge over HTTP: git's own `http-backend` behind a login, which can be made to insist on protocol version 2 or to
//! send whoever asks elsewhere. It looks for its password wherever other people could.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::loopback::Loopback;

/// Who may read.
pub const USER: &str = "ada";
/// With which password.
pub const PASSWORD: &str = "correct-horse-battery";
/// The two as HTTP has them.
const BASIC: &str = "Basic YWRhOmNvcnJlY3QtaG9yc2UtYmF0dGVyeQ==";
/// A repository below this folder is answered in protocol version 2 only.
pub const MODERN: &str = "modern";
/// What is asked below this folder is answered by the forge that was named.
pub const MOVED: &str = "moved";

/// A running forge; it stops when dropped.
pub struct Forge {
    loopback: Loopback,
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    /// Where `MOVED` leads.
    elsewhere: Option<String>,
    seen: Mutex<Seen>,
}

/// What came.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Method and path of each request that was let in.
    pub requests: Vec<String>,
    /// Requests that brought any login at all.
    pub logins: usize,
    /// Command lines that held the password while a request was answered.
    pub leaks: Vec<String>,
}

impl Forge {
    /// Serves the repositories below a folder on a free port of loopback.
    pub fn serving(folder: &Path, elsewhere: Option<String>) -> Self {
        let shared =
            Arc::new(Shared { folder: folder.to_owned(), elsewhere, seen: Mutex::default() });
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&shared));
        Self { loopback: Loopback::answering(router), shared }
    }

    /// The URL of a path below the folder.
    pub fn url(&self, path: &str) -> String {
        self.loopback.url(path)
    }

    /// What came since this was asked last.
    pub fn seen(&self) -> Seen {
        std::mem::take(&mut *self.shared.seen())
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no test panics while it holds this")
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let value = |name: &str| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let login = value("authorization");
    shared.seen().logins += usize::from(!login.is_empty());
    let leaks = command_lines_with(PASSWORD);
    shared.seen().leaks.extend(leaks);
    if let (Some(elsewhere), true) = (&shared.elsewhere, uri.path().starts_with("/moved/")) {
        let to = format!("{elsewhere}{uri}");
        return (StatusCode::FOUND, [(header::LOCATION, to)]).into_response();
    }
    if login != BASIC {
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"forge\"")];
        return (StatusCode::UNAUTHORIZED, challenge).into_response();
    }
    if uri.path().contains(MODERN) && value("git-protocol") != "version=2" {
        return (StatusCode::BAD_REQUEST, "protocol version 2 only").into_response();
    }
    shared.seen().requests.push(format!("{method} {}", uri.path()));
    let mut backend = Command::new("git");
    backend
        .args(["-c", "safe.directory=*", "http-backend"])
        .env("GIT_PROJECT_ROOT", &shared.folder)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", USER)
        .env("REQUEST_METHOD", method.as_str())
        .env("PATH_INFO", uri.path())
        .env("QUERY_STRING", uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", value("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", value("content-encoding"))
        .env("GIT_PROTOCOL", value("git-protocol"));
    relay(backend, &body).await
}

/// Runs a CGI program, and answers as it does.
async fn relay(mut program: Command, body: &[u8]) -> Response {
    let piped = program.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.spawn().expect("git runs");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // Its answer is read only after its question: both are small here.
    stdin.write_all(body).await.expect("git reads its question");
    drop(stdin);
    let said = child.wait_with_output().await.expect("git answers").stdout;
    let end = said.windows(4).position(|it| it == b"\r\n\r\n").expect("a head and a body");
    let head = String::from_utf8_lossy(&said[..end]);
    let mut response = Response::builder();
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        response = match name {
            "Status" => response.status(value.split(' ').next().expect("a code")),
            _ => response.header(name, value),
        };
    }
    response.body(said[end + 4..].to_vec().into()).expect("the response is well-formed")
}

/// The command lines of all that runs which have this text.
fn command_lines_with(text: &str) -> Vec<String> {
    let processes = fs_err::read_dir("/proc").expect("processes are listed").flatten();
    let lines = processes.filter_map(|it| fs_err::read(it.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(text))
        .collect()
}
