//! The program on loopback addresses, and its clients: each machine asks from an address of its own.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, UnixStream};

use crate::book;

/// What must never stand in a log.
pub(crate) const SECRET: &str = "$6$salt$hash-of-a-password";

/// The service, and the folder it lives in.
pub(crate) struct Rack {
    folder: tempfile::TempDir,
    listen: SocketAddrV4,
    process: Child,
}

/// A machine of the book.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) mac: String,
    pub(crate) address: Ipv4Addr,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    /// Its JSON, when the status is this one.
    pub(crate) fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        serde_json::from_str(&self.body).expect("JSON")
    }
}

impl Rack {
    /// Starts it with a book of so many machines.
    pub(crate) fn start(machines: u16) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["state", "run", "secrets"] {
            fs_err::create_dir(folder.path().join(name)).expect("a folder");
        }
        fs_err::write(folder.path().join("secrets/web.ops"), SECRET).expect("a secret");
        fs_err::write(folder.path().join("book.json"), book::text(machines)).expect("a book");
        let listen = free_port();
        let process = spawn(folder.path(), listen);
        let rack = Self { folder, listen, process };
        rack.until("it is ready", || rack.is_ready());
        rack
    }

    /// Kills it as a power failure would, and starts it again.
    pub(crate) fn kill_and_start(&mut self) {
        self.process.kill().expect("it is killed");
        self.process.wait().expect("it is gone");
        self.process = spawn(self.folder.path(), self.listen);
        self.until("it is ready again", || self.is_ready());
    }

    fn is_ready(&self) -> bool {
        let asked = block_on(tcp(Ipv4Addr::LOCALHOST, self.listen, "GET", "/healthz", ""));
        asked.is_ok_and(|answer| answer.status == 200)
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    pub(crate) fn log(&self) -> String {
        fs_err::read_to_string(self.path("log")).expect("a log")
    }

    /// Writes the book as runctl does: beside, then renamed.
    pub(crate) fn write_book(&self, text: &str) {
        fs_err::write(self.path("book.new"), text).expect("a book");
        fs_err::rename(self.path("book.new"), self.path("book.json")).expect("a book");
    }

    pub(crate) fn get(&self, from: Ipv4Addr, path: &str) -> Answer {
        self.send("GET", from, path, "")
    }

    pub(crate) fn send(&self, method: &str, from: Ipv4Addr, path: &str, body: &str) -> Answer {
        block_on(tcp(from, self.listen, method, path, body)).expect("an answer")
    }

    pub(crate) fn tell(&self, who: &Machine, token: &str, stage: &str, detail: &str) -> Answer {
        self.send("POST", who.address, &format!("/callback/{token}/{stage}"), detail)
    }

    /// The machine's own script.
    pub(crate) fn script(&self, who: &Machine) -> String {
        let answer = self.get(who.address, &format!("/boot/{}?arch=x86_64&platform=efi", who.mac));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    /// The token that its script sends it to.
    pub(crate) fn token(&self, who: &Machine) -> String {
        let script = self.script(who);
        let (_, rest) = script.split_once("/install/").expect("it is armed");
        rest.split('/').next().expect("a token").to_owned()
    }

    /// All scripts, asked for at the same time.
    pub(crate) fn scripts_at_once(&self, machines: &[Machine]) -> Vec<String> {
        let listen = self.listen;
        block_on(async {
            let asked: Vec<_> = machines
                .iter()
                .map(|machine| {
                    let (from, path) = (machine.address, format!("/boot/{}", machine.mac));
                    tokio::spawn(async move { tcp(from, listen, "GET", &path, "").await })
                })
                .collect();
            let mut scripts = Vec::new();
            for answer in asked {
                let answer = answer.await.expect("no panic").expect("an answer");
                assert_eq!(answer.status, 200, "{}", answer.body);
                scripts.push(answer.body);
            }
            scripts
        })
    }

    /// Asks on the control socket.
    pub(crate) fn control(&self, method: &str, path: &str, body: &Value) -> Answer {
        let socket = self.path("run/control.sock");
        block_on(async {
            let stream = UnixStream::connect(socket).await?;
            let body = if body.is_null() { String::new() } else { body.to_string() };
            http(stream, method, path, &body).await
        })
        .expect("an answer")
    }

    /// What the operator is told of a machine.
    pub(crate) fn told(&self, who: &Machine) -> Value {
        self.control("GET", &format!("/machines/{}", who.name), &Value::Null).json(200)
    }

    /// Waits for a condition; that it never holds is a failure.
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let end = Instant::now() + Duration::from_mins(1);
        while !holds() {
            assert!(Instant::now() < end, "{what}: not within a minute\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Rack {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn spawn(folder: &std::path::Path, listen: SocketAddrV4) -> Child {
    let log = fs_err::OpenOptions::new().create(true).append(true).open(folder.join("log"));
    Command::new(env!("CARGO_BIN_EXE_rack"))
        .env("RACK_LISTEN", listen.to_string())
        .env("RACK_BOOK", folder.join("book.json"))
        .env("RACK_SECRETS", folder.join("secrets"))
        .env("RACK_STATE", folder.join("state"))
        .env("RACK_SOCKET", folder.join("run/control.sock"))
        .stdout(Stdio::from(log.expect("a log").into_parts().0))
        .spawn()
        .expect("rack starts")
}

fn free_port() -> SocketAddrV4 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    match listener.local_addr().expect("its address") {
        SocketAddr::V4(address) => address,
        SocketAddr::V6(_) => unreachable!("it was bound to IPv4"),
    }
}

/// The nth machine of the book.
pub(crate) fn machine(n: u16) -> Machine {
    Machine { name: format!("m{n}"), mac: book::mac(n).hyphens(), address: book::address(n) }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

async fn tcp(
    from: Ipv4Addr,
    to: SocketAddrV4,
    method: &str,
    path: &str,
    body: &str,
) -> std::io::Result<Answer> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    http(socket.connect(to.into()).await?, method, path, body).await
}

async fn http(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    method: &str,
    path: &str,
    body: &str,
) -> std::io::Result<Answer> {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: rack\r\nConnection: close\r\nUser-Agent: test\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    // A body that is refused need not be read to its end.
    let _sent = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ended = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok(Answer { status: status.unwrap_or_default(), body: body.to_owned() })
}
