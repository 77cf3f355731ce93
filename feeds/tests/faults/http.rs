//! HTTP as far as upstreams that misbehave need it: a request is read, the head of an answer written, and then, perhaps,
//! nothing more said.

use std::collections::HashMap;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// What a client asks for.
#[derive(Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Where the range begins that it wants.
    pub(crate) offset: Option<usize>,
    headers: HashMap<String, String>,
}

impl Request {
    /// Reads one.
    pub(crate) async fn read(stream: &mut BufReader<TcpStream>) -> std::io::Result<Self> {
        let mut request = Self::default();
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let mut words = line.split(' ');
        words.next().unwrap_or_default().clone_into(&mut request.method);
        words.next().unwrap_or_default().clone_into(&mut request.path);
        loop {
            line.clear();
            stream.read_line(&mut line).await?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            request.headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        Ok(request.ranged())
    }

    /// Reads one that came over HTTP/2.
    pub(crate) fn of<T>(request: &axum::http::Request<T>) -> Self {
        let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers = request.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value)));
        let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
        Self { method, path, headers: headers.collect(), ..Self::default() }.ranged()
    }

    fn ranged(mut self) -> Self {
        let start = self.header("range").map(|range| range.trim_start_matches("bytes="));
        self.offset = start.and_then(|start| start.trim_end_matches('-').parse().ok());
        self
    }

    /// What it says of itself, by a name in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// Writes the head of an answer; no other comes over this connection.
pub(crate) async fn head(
    stream: &mut TcpStream,
    status: &str,
    length: usize,
    more: &str,
) -> std::io::Result<()> {
    let text =
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n");
    stream.write_all(text.as_bytes()).await
}

/// Says nothing until the client gives up and closes.
pub(crate) async fn outwait(stream: &mut TcpStream) -> std::io::Result<()> {
    tokio::io::copy(stream, &mut tokio::io::sink()).await.map(drop)
}
