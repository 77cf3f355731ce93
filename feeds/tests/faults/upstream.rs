//! An upstream that misbehaves as told: each request to a file takes the next of its faults, and none when they are spent.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use feeds::digest::Sha256;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::http::{Request, head, outwait};

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
    /// It closes before it answers.
    Reset,
    /// It closes after half the body.
    Short,
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
struct State {
    files: Mutex<Files>,
    /// After how many more requests it has other files, and which.
    next: Mutex<Option<(usize, Files)>>,
    log: Mutex<Vec<String>>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}/", listener.local_addr().expect("bound"));
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                // A client that went away is no failure of the upstream.
                tokio::spawn(async move { drop(serve(stream, &shared).await) });
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

/// Answers one request and closes: faults must not leak from one to the next.
async fn serve(stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let request = Request::read(&mut stream).await?;
    let stream = stream.get_mut();
    if request.path == CIRCLE {
        return head(stream, "302 Found", 0, &format!("Location: {CIRCLE}\r\n")).await;
    }
    state.pass();
    let found = state
        .files
        .lock()
        .expect("sound")
        .get_mut(&request.path)
        .map(|(content, faults)| (content.clone(), faults.pop_front().unwrap_or(Fault::None)));
    let condition = match (&request.offset, request.header("if-none-match")) {
        (Some(offset), _) => format!(" from {offset}"),
        (None, Some(_)) => " if changed".to_owned(),
        (None, None) => String::new(),
    };
    state.log.lock().expect("sound").push(format!("{}{condition}", request.path));
    match found {
        None | Some((_, Fault::Missing)) => head(stream, "404 Not Found", 0, "").await,
        Some((_, Fault::Broken)) => head(stream, "500 Broken", 0, "").await,
        Some((_, Fault::Busy)) => head(stream, "503 Busy", 0, "Retry-After: 0\r\n").await,
        Some((_, Fault::Reset)) => Ok(()),
        Some((_, Fault::Circle)) => {
            head(stream, "302 Found", 0, &format!("Location: {CIRCLE}\r\n")).await
        }
        Some((content, fault)) => deliver(stream, &request, content, fault).await,
    }
}

async fn deliver(
    stream: &mut TcpStream,
    request: &Request,
    mut content: Vec<u8>,
    fault: Fault,
) -> std::io::Result<()> {
    let etag = format!("\"{}\"", Sha256::of(&content));
    let tag = format!("ETag: {etag}\r\n");
    if request.header("if-none-match") == Some(&etag) && request.offset.is_none() {
        return head(stream, "304 Not Modified", 0, &tag).await;
    }
    match fault {
        Fault::Corrupt => content.iter_mut().for_each(|byte| *byte ^= 0x55),
        Fault::Longer => content.extend_from_slice(b"and more"),
        _ => {}
    }
    let whole = content.len();
    let same = request.header("if-range").is_none_or(|tag| tag == etag);
    let offset = request.offset.filter(|_| same && fault != Fault::Rangeless);
    match offset {
        Some(offset) if offset >= whole => {
            return head(stream, "416 Range Not Satisfiable", 0, "").await;
        }
        Some(offset) => {
            let start = if fault == Fault::Misplaced { offset - 1 } else { offset };
            content.drain(..start);
            let range = format!("{tag}Content-Range: bytes {start}-{}/{whole}\r\n", whole - 1);
            head(stream, "206 Partial Content", content.len(), &range).await?;
        }
        None => {
            let more = if fault == Fault::Overstated { 7 } else { 0 };
            head(stream, "200 OK", content.len() + more, &tag).await?;
        }
    }
    let sent = match fault {
        Fault::Short | Fault::Stall | Fault::Drip => content.len() / 2,
        _ => content.len(),
    };
    stream.write_all(&content[..sent]).await?;
    stream.flush().await?;
    if fault == Fault::Drip {
        for byte in &content[sent..] {
            stream.write_all(&[*byte]).await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    if fault == Fault::Stall { outwait(stream).await } else { Ok(()) }
}
