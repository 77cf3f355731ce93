//! The floor of any mirror: N keep-alive connections that fetch a list of files, hash and write them; no index, no fsync,
//! no retry, no store.
//!
//! `floor ADDRESS:PORT CONNECTIONS FOLDER <LIST`, where each line of LIST is a path on the server.

use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::Digest as _;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, address, connections, folder] = &arguments[..] else {
        return Err(io::Error::other("usage: floor ADDRESS:PORT CONNECTIONS FOLDER <LIST"));
    };
    let connections: usize = connections.parse().map_err(io::Error::other)?;
    let paths: Vec<String> = io::stdin().lock().lines().collect::<io::Result<_>>()?;
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let work = || fetch(address, Path::new(folder), &paths, &next);
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("it does not panic"))
    })
}

/// Fetches what nobody else has begun, one file after the other.
fn fetch(address: &str, folder: &Path, paths: &[String], next: &AtomicUsize) -> io::Result<()> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(256 * 1024, stream.try_clone()?);
    let (mut stream, mut buffer) = (stream, vec![0; 256 * 1024]);
    while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
        write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\n\r\n")?;
        let mut left = length(&mut reader)?;
        let name = path.rsplit('/').next().unwrap_or(path);
        let mut file = fs_err::File::create(folder.join(name))?;
        let mut hasher = sha2::Sha256::new();
        while left > 0 {
            let most = buffer.len().min(left);
            let count = reader.read(&mut buffer[..most])?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            hasher.update(&buffer[..count]);
            file.write_all(&buffer[..count])?;
            left -= count;
        }
        std::hint::black_box(hasher.finalize());
    }
    Ok(())
}

/// Reads the head of an answer and returns the length of its body.
fn length(reader: &mut impl BufRead) -> io::Result<usize> {
    let (mut line, mut length) = (String::new(), None);
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().ok();
            }
            None if line.starts_with("HTTP/1.1 200") => {}
            None if line == "\r\n" => break,
            None => return Err(io::Error::other(format!("it answered {line:?}"))),
            Some(_) => {}
        }
    }
    length.ok_or_else(|| io::Error::other("it told no length"))
}
