//! A wire that takes time: relays TCP connections and hands on each byte half a round trip after it came.
//!
//! `delay LISTEN-PORT TO-PORT ROUND-TRIP-MS`, on loopback. A connection is made a whole round trip after it was asked for.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// What is on its way at most, in pieces: more than any window holds.
const PIECES: usize = 1024;
const PIECE: usize = 256 * 1024;

fn main() -> io::Result<()> {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let &[from, to, round_trip] = &numbers[..] else {
        return Err(io::Error::other("usage: delay LISTEN-PORT TO-PORT ROUND-TRIP-MS"));
    };
    let port = |number| u16::try_from(number).map_err(io::Error::other);
    let (listener, to) = (TcpListener::bind(("127.0.0.1", port(from)?))?, port(to)?);
    let round_trip = Duration::from_millis(round_trip);
    for client in listener.incoming() {
        let client = client?;
        thread::spawn(move || relay(&client, to, round_trip));
    }
    Ok(())
}

fn relay(client: &TcpStream, to: u16, round_trip: Duration) -> io::Result<()> {
    thread::sleep(round_trip);
    let server = TcpStream::connect(("127.0.0.1", to))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (up, down) = (client.try_clone()?, server.try_clone()?);
    let (back, out) = (server, client.try_clone()?);
    thread::spawn(move || carry(up, back, round_trip / 2));
    carry(down, out, round_trip / 2)
}

/// Carries bytes one way.
fn carry(mut from: TcpStream, mut to: TcpStream, delay: Duration) -> io::Result<()> {
    let (send, receive) = mpsc::sync_channel::<(Instant, Vec<u8>)>(PIECES);
    let reader = thread::spawn(move || -> io::Result<()> {
        let mut buffer = vec![0; PIECE];
        loop {
            let count = from.read(&mut buffer)?;
            let due = Instant::now() + delay;
            if count == 0 || send.send((due, buffer[..count].to_vec())).is_err() {
                return Ok(());
            }
        }
    });
    for (due, piece) in receive {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        to.write_all(&piece)?;
    }
    drop(to.shutdown(Shutdown::Write));
    reader.join().expect("it does not panic")
}
