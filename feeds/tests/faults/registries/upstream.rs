//! A registry that misbehaves as told: each request for a manifest or a blob takes the next of its faults, and none when they
//! are spent. It wants a password; beside it stands another host, which nobody may show one.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use feeds::digest::Sha256;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::http::{Request, head, outwait};

/// The repository that it has.
pub(crate) const REPOSITORY: &str = "tools/box";
/// Who may read, and the same as it is shown.
pub(crate) const LOGIN: (&str, &str) = ("somebody", "secret");
const SHOWN: &str = "Basic c29tZWJvZHk6c2VjcmV0";
/// Longer than a manifest may be.
const HUGE: usize = 5 << 20;

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// It has no such thing.
    Missing,
    /// It answers 500.
    Broken,
    /// It answers 429 and asks to come back at once.
    Busy,
    /// It closes before it answers.
    Reset,
    /// It never answers.
    Mute,
    /// It closes after half the body.
    Short,
    /// It stops after half the body and stays silent.
    Stall,
    /// It goes on after half the body byte by byte, as if it had for ever.
    Drip,
    /// Its bytes are others, of the same length.
    Corrupt,
    /// It has more bytes than there should be, and says so.
    Longer,
    /// It says that there are more bytes than come.
    Overstated,
    /// It does not know ranges.
    Rangeless,
    /// It answers ranges with others, and says so.
    Misplaced,
    /// It answers ranges with others, and says that they are what was asked for.
    Shifted,
    /// It shows a page for people.
    Page,
    /// It says that the manifest has another digest.
    Misnamed,
    /// What it answers has no end worth waiting for.
    Huge,
    /// It sends the client to the same place again.
    Circle,
    /// It sends the client to another host, which has the bytes.
    Away,
    /// It sends the client to another host, which has other bytes.
    Astray,
}

impl Fault {
    /// Whether whoever asks again is answered.
    pub(crate) fn passes(self) -> bool {
        use Fault::{
            Away, Broken, Busy, Drip, Misplaced, Mute, None, Overstated, Rangeless, Reset, Short,
            Stall,
        };
        let misses = matches!(self, Broken | Busy | Reset | Mute | Short | Stall | Drip);
        misses || matches!(self, None | Overstated | Rangeless | Misplaced | Away)
    }
}

/// All that a repository has, by tags and digests.
pub(crate) type Content = HashMap<String, Vec<u8>>;

/// A running upstream.
pub(crate) struct Upstream {
    /// `host:port`.
    pub(crate) host: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    content: Mutex<Content>,
    faults: Mutex<HashMap<String, VecDeque<Fault>>>,
    /// After how many more requests it has another content, and which.
    next: Mutex<Option<(usize, Content)>>,
    elsewhere: String,
    /// Whether the other host was shown something.
    betrayed: AtomicBool,
}

impl Upstream {
    pub(crate) async fn start(content: Content) -> Self {
        let (here, elsewhere) = (listen().await, listen().await);
        let host = here.local_addr().expect("bound").to_string();
        let address = elsewhere.local_addr().expect("bound").to_string();
        let state = State { content: Mutex::new(content), elsewhere: address, ..State::default() };
        let state = Arc::new(state);
        for (listener, home) in [(here, true), (elsewhere, false)] {
            let state = Arc::clone(&state);
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let state = Arc::clone(&state);
                    // A client that went away is no failure of the upstream.
                    tokio::spawn(async move { drop(serve(stream, &state, home).await) });
                }
            });
        }
        Self { host, state }
    }

    /// Has another content, and these faults by tags and digests.
    pub(crate) fn put(&self, content: Content, faults: HashMap<String, Vec<Fault>>) {
        *self.state.content.lock().expect("sound") = content;
        let faults = faults.into_iter().map(|(name, faults)| (name, faults.into())).collect();
        *self.state.faults.lock().expect("sound") = faults;
    }

    /// Replaces all content once so many more requests were answered; `None` forgets what was to come.
    pub(crate) fn change(&self, next: Option<(usize, Content)>) {
        *self.state.next.lock().expect("sound") = next;
    }

    /// Whether the other host was shown who we are.
    pub(crate) fn betrayed(&self) -> bool {
        self.state.betrayed.load(Ordering::Relaxed)
    }
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a free port")
}

impl State {
    /// Counts a request.
    fn pass(&self) {
        let mut next = self.next.lock().expect("sound");
        match next.take() {
            Some((0, mut content)) => {
                let mut now = self.content.lock().expect("sound");
                // What is asked for by its digest stays, as it does where a tag moves.
                content.extend(now.drain().filter(|(name, _)| name.contains(':')));
                *now = content;
            }
            Some((after, content)) => *next = Some((after - 1, content)),
            None => {}
        }
    }

    fn find(&self, name: &str) -> (Option<Vec<u8>>, Fault) {
        let found = self.content.lock().expect("sound").get(name).cloned();
        let mut faults = self.faults.lock().expect("sound");
        (found, faults.get_mut(name).and_then(VecDeque::pop_front).unwrap_or(Fault::None))
    }

    /// Whoever comes again finds the same.
    fn repeat(&self, name: &str, fault: Fault) {
        let mut faults = self.faults.lock().expect("sound");
        faults.entry(name.to_owned()).or_default().push_front(fault);
    }
}

/// Answers one request and closes: faults must not leak from one to the next.
async fn serve(stream: TcpStream, state: &State, home: bool) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let request = Request::read(&mut stream).await?;
    let stream = stream.get_mut();
    let name = request.path.rsplit('/').next().unwrap_or_default();
    if !home {
        state.betrayed.fetch_or(request.header("authorization").is_some(), Ordering::Relaxed);
        let content = state.content.lock().expect("sound").get(name).cloned().unwrap_or_default();
        let fault = if request.path.starts_with("/astray") { Fault::Corrupt } else { Fault::None };
        return deliver(stream, &request, content, fault).await;
    }
    if request.header("authorization") != Some(SHOWN) {
        let asks = "WWW-Authenticate: Basic realm=\"upstream\"\r\n";
        return head(stream, "401 Unauthorized", 0, asks).await;
    }
    state.pass();
    let (found, fault) = state.find(name);
    let to = |address: String| format!("Location: {address}\r\n");
    match (found, fault) {
        (None, _) | (_, Fault::Missing) => head(stream, "404 Not Found", 0, "").await,
        (_, Fault::Broken) => head(stream, "500 Broken", 0, "").await,
        (_, Fault::Busy) => head(stream, "429 Busy", 0, "Retry-After: 0\r\n").await,
        (_, Fault::Reset) => Ok(()),
        (_, Fault::Mute) => outwait(stream).await,
        (_, Fault::Page) => {
            head(stream, "200 OK", 6, "Content-Type: text/html\r\n").await?;
            stream.write_all(b"<html>").await
        }
        (_, Fault::Circle) => {
            state.repeat(name, Fault::Circle);
            head(stream, "302 Found", 0, &to(request.path.clone())).await
        }
        (_, Fault::Away) => {
            let address = format!("http://{}{}", state.elsewhere, request.path);
            head(stream, "302 Found", 0, &to(address)).await
        }
        (_, Fault::Astray) => {
            let address = format!("http://{}/astray{}", state.elsewhere, request.path);
            head(stream, "302 Found", 0, &to(address)).await
        }
        (Some(content), fault) => deliver(stream, &request, content, fault).await,
    }
}

async fn deliver(
    stream: &mut TcpStream,
    request: &Request,
    mut content: Vec<u8>,
    fault: Fault,
) -> std::io::Result<()> {
    let named = if fault == Fault::Misnamed { Sha256::of(b"") } else { Sha256::of(&content) };
    let named = format!("Docker-Content-Digest: sha256:{named}\r\n");
    if request.method == "HEAD" {
        return head(stream, "200 OK", content.len(), &named).await;
    }
    match fault {
        Fault::Corrupt => content.iter_mut().for_each(|byte| *byte ^= 0x55),
        Fault::Longer => content.extend_from_slice(b"and more"),
        Fault::Huge => content.resize(HUGE, b' '),
        _ => {}
    }
    let offset = request.offset.filter(|offset| *offset < content.len());
    if let Some(offset) = offset.filter(|_| fault != Fault::Rangeless) {
        let (whole, before) = (content.len(), offset.saturating_sub(1));
        let wrong = matches!(fault, Fault::Misplaced | Fault::Shifted);
        content.drain(..if wrong { before } else { offset });
        let said = if fault == Fault::Misplaced { before } else { offset };
        let range = format!("{named}Content-Range: bytes {said}-{}/{whole}\r\n", whole - 1);
        head(stream, "206 Partial Content", content.len(), &range).await?;
    } else {
        let more = if fault == Fault::Overstated { 7 } else { 0 };
        head(stream, "200 OK", content.len() + more, &named).await?;
    }
    let broken = matches!(fault, Fault::Short | Fault::Stall | Fault::Drip);
    let sent = if broken { content.len() / 2 } else { content.len() };
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
