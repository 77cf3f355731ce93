//! An upstream that misbehaves as told: each request to a file takes the next of its faults, and none when they are spent.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use feeds::digest::Sha256;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::http::{Request, head, outwait};
use crate::http2;

/// A path that leads to itself.
const CIRCLE: &str = "/circle";

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing: a server that knows ranges.
    None,
    /// It has no such file.
    Missing,
    /// It answers 500.
    Broken,
    /// It answers 503 and asks to come back at once.
    Busy,
    /// It closes before it answers; of a connection for many requests only this one.
    Reset,
    /// It closes after half the body; of a connection for many requests only this one.
    Short,
    /// It takes leave after half the body, of all that goes over the connection.
    Farewell,
    /// It stops after half the body and stays silent.
    Stall,
    /// It goes on after half the body byte by byte, for minutes.
    Drip,
    /// Its bytes are others, of the same length.
    Corrupt,
    /// Its file is longer than it should be, and it says so.
    Longer,
    /// It says that the file is longer than it is.
    Overstated,
    /// It does not know ranges.
    Rangeless,
    /// It answers ranges with the wrong ones.
    Misplaced,
    /// It sends the client to the same place again.
    Circle,
}

/// A running upstream.
pub(crate) struct Upstream {
    pub(crate) base: url::Url,
    state: Arc<State>,
}

/// What a file holds, and what goes wrong with its next requests.
type File = (Vec<u8>, VecDeque<Fault>);

type Files = HashMap<String, File>;

#[derive(Default)]
pub(crate) struct State {
    files: Mutex<Files>,
    /// After how many more requests it has other files, and which.
    next: Mutex<Option<(usize, Files)>>,
    log: Mutex<Vec<String>>,
}

impl Upstream {
    /// Starts one that speaks HTTP/1.1.
    pub(crate) async fn start() -> Self {
        Self::start_with(None).await
    }

    /// Starts one that speaks HTTP/2 where it has a certificate to show, else HTTP/1.1.
    pub(crate) async fn start_with(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let base = format!("{scheme}://{}/", listener.local_addr().expect("bound"));
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, shared) = (tls.clone(), Arc::clone(&shared));
                // A client that went away is no failure of the upstream.
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => drop(http2::serve(stream, &tls, &shared).await),
                        None => drop(serve(stream, &shared).await),
                    }
                });
            }
        });
        Self { base: base.parse().expect("a URL"), state }
    }

    pub(crate) fn put(&self, path: &str, content: &[u8], faults: &[Fault]) {
        let file = (content.to_vec(), faults.iter().copied().collect());
        self.state.files.lock().expect("sound").insert(format!("/{path}"), file);
    }

    /// Replaces all files once so many more requests were answered; `None` forgets what was to come.
    pub(crate) fn change(&self, next: Option<(usize, HashMap<String, Vec<u8>>)>) {
        let whole = |(path, content)| (path, (content, VecDeque::new()));
        let next = next.map(|(after, files)| (after, files.into_iter().map(whole).collect()));
        *self.state.next.lock().expect("sound") = next;
    }

    /// Returns what was asked since the last call: the path, and the range or condition.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state.log.lock().expect("sound"))
    }
}

impl State {
    /// Counts a request.
    fn pass(&self) {
        let mut next = self.next.lock().expect("sound");
        if let Some((after, files)) = next.take() {
            if after == 0 {
                *self.files.lock().expect("sound") = files;
            } else {
                *next = Some((after - 1, files));
            }
        }
    }
}

/// What a request is answered with, whatever it is spoken over.
pub(crate) struct Answer {
    pub(crate) status: &'static str,
    /// Its headers but the length, each with its line break.
    pub(crate) headers: String,
    /// How long it says that its body is.
    pub(crate) length: usize,
    pub(crate) body: Vec<u8>,
    pub(crate) end: End,
}

/// How an answer ends.
pub(crate) enum End {
    /// As it should.
    Whole,
    /// It breaks off.
    Broken,
    /// It breaks off, and all that goes over the connection.
    Farewell,
    /// Nothing more is said.
    Silent,
    /// These come byte by byte.
    Dripping(Vec<u8>),
}

impl Answer {
    fn empty(status: &'static str, headers: impl Into<String>) -> Self {
        let headers = headers.into();
        Self { status, headers, length: 0, body: Vec::new(), end: End::Whole }
    }
}

impl State {
    /// Decides what a request is answered with; with nothing at all, if it is broken off before.
    pub(crate) fn answer(&self, request: &Request) -> Option<Answer> {
        let circle = format!("Location: {CIRCLE}\r\n");
        if request.path == CIRCLE {
            return Some(Answer::empty("302 Found", circle));
        }
        self.pass();
        let found =
            self.files.lock().expect("sound").get_mut(&request.path).map(|(content, faults)| {
                (content.clone(), faults.pop_front().unwrap_or(Fault::None))
            });
        let condition = match (&request.offset, request.header("if-none-match")) {
            (Some(offset), _) => format!(" from {offset}"),
            (None, Some(_)) => " if changed".to_owned(),
            (None, None) => String::new(),
        };
        self.log.lock().expect("sound").push(format!("{}{condition}", request.path));
        Some(match found {
            None | Some((_, Fault::Missing)) => Answer::empty("404 Not Found", ""),
            Some((_, Fault::Broken)) => Answer::empty("500 Broken", ""),
            Some((_, Fault::Busy)) => Answer::empty("503 Busy", "Retry-After: 0\r\n"),
            Some((_, Fault::Reset)) => return None,
            Some((_, Fault::Circle)) => Answer::empty("302 Found", circle),
            Some((content, fault)) => deliver(request, content, fault),
        })
    }
}

/// Answers with a file, or the part of it that is asked for.
fn deliver(request: &Request, mut content: Vec<u8>, fault: Fault) -> Answer {
    let etag = format!("\"{}\"", Sha256::of(&content));
    let mut headers = format!("ETag: {etag}\r\n");
    if request.header("if-none-match") == Some(&etag) && request.offset.is_none() {
        return Answer::empty("304 Not Modified", headers);
    }
    match fault {
        Fault::Corrupt => content.iter_mut().for_each(|byte| *byte ^= 0x55),
        Fault::Longer => content.extend_from_slice(b"and more"),
        _ => {}
    }
    let whole = content.len();
    let same = request.header("if-range").is_none_or(|tag| tag == etag);
    let offset = request.offset.filter(|_| same && fault != Fault::Rangeless);
    let (status, length) = match offset {
        Some(offset) if offset >= whole => {
            return Answer::empty("416 Range Not Satisfiable", "");
        }
        Some(offset) => {
            let start = if fault == Fault::Misplaced { offset - 1 } else { offset };
            content.drain(..start);
            let last = whole - 1;
            write!(headers, "Content-Range: bytes {start}-{last}/{whole}\r\n").expect("it grows");
            ("206 Partial Content", content.len())
        }
        None => ("200 OK", whole + if fault == Fault::Overstated { 7 } else { 0 }),
    };
    let half = content.len() / 2;
    let end = match fault {
        Fault::Short => End::Broken,
        Fault::Farewell => End::Farewell,
        Fault::Stall => End::Silent,
        Fault::Drip => End::Dripping(content[half..].to_vec()),
        _ => End::Whole,
    };
    if !matches!(end, End::Whole) {
        content.truncate(half);
    }
    Answer { status, headers, length, body: content, end }
}

/// Answers one request over HTTP/1.1 and closes: faults must not leak from one to the next.
async fn serve(stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let request = Request::read(&mut stream).await?;
    let Some(answer) = state.answer(&request) else {
        return Ok(());
    };
    let stream = stream.get_mut();
    head(stream, answer.status, answer.length, &answer.headers).await?;
    stream.write_all(&answer.body).await?;
    stream.flush().await?;
    match answer.end {
        End::Whole | End::Broken | End::Farewell => Ok(()),
        End::Silent => outwait(stream).await,
        End::Dripping(rest) => {
            for byte in rest {
                stream.write_all(&[byte]).await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(())
        }
    }
}
