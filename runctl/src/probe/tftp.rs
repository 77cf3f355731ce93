//! Reads a file by TFTP to its end, as a loader would: in blocks as large as an Ethernet frame takes.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::UdpSocket;

use super::Unready;

/// What fits into one frame: 1500 bytes less the headers of IP, UDP and TFTP.
const BLOCK: usize = 1468;
/// Nothing that is read to ask whether TFTP works is larger.
const LARGEST: usize = 8 << 20;

/// A packet of the server's.
#[derive(Debug, PartialEq, Eq)]
enum Packet<'a> {
    Data(u16, &'a [u8]),
    Options(usize),
    Error(String),
}

/// Reads the file and returns its size.
pub(super) async fn read(server: Ipv4Addr, file: &str) -> Result<usize, Unready> {
    let whom = || format!("TFTP at {server}");
    let socket =
        UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.map_err(Unready::socket(whom()))?;
    socket.send_to(&request(file), (server, 69)).await.map_err(Unready::socket(whom()))?;
    let mut transfer = Transfer { block: 512, expected: 1, size: 0 };
    let mut buffer = [0; BLOCK + 4];
    loop {
        let (length, peer) =
            socket.recv_from(&mut buffer).await.map_err(Unready::socket(whom()))?;
        if peer.ip() != server {
            continue;
        }
        let wrong = |what: String| Unready::wrong(whom(), format!("{what} for {file}"));
        let packet =
            parse(&buffer[..length]).ok_or_else(|| wrong("something unreadable".into()))?;
        let done = transfer.take(&packet).map_err(wrong)?;
        acknowledge(&socket, peer, transfer.expected.wrapping_sub(1))
            .await
            .map_err(Unready::socket(whom()))?;
        if done {
            return Ok(transfer.size);
        }
    }
}

/// How far a transfer is.
struct Transfer {
    block: usize,
    expected: u16,
    size: usize,
}

impl Transfer {
    /// Takes the next packet; tells whether it was the last.
    fn take(&mut self, packet: &Packet<'_>) -> Result<bool, String> {
        match packet {
            Packet::Options(block) => self.block = *block,
            Packet::Data(number, data) if *number == self.expected => {
                self.expected = self.expected.wrapping_add(1);
                self.size += data.len();
                if self.size > LARGEST {
                    return Err(format!("more than {LARGEST} bytes"));
                }
                return Ok(data.len() < self.block);
            }
            // A block that came twice.
            Packet::Data(..) => {}
            Packet::Error(message) => return Err(format!("`{message}`")),
        }
        Ok(false)
    }
}

async fn acknowledge(socket: &UdpSocket, peer: SocketAddr, block: u16) -> std::io::Result<()> {
    let [high, low] = block.to_be_bytes();
    socket.send_to(&[0, 4, high, low], peer).await.map(drop)
}

/// Asks to read a file in large blocks.
fn request(file: &str) -> Vec<u8> {
    let mut packet = vec![0, 1];
    for word in [file, "octet", "blksize", &BLOCK.to_string()] {
        packet.extend(word.bytes());
        packet.push(0);
    }
    packet
}

fn parse(packet: &[u8]) -> Option<Packet<'_>> {
    let (code, rest) = packet.split_first_chunk::<2>()?;
    match code {
        [0, 3] => {
            let (number, data) = rest.split_first_chunk()?;
            Some(Packet::Data(u16::from_be_bytes(*number), data))
        }
        [0, 5] => {
            let message = rest.get(2..)?.split(|byte| *byte == 0).next()?;
            Some(Packet::Error(String::from_utf8_lossy(message).into_owned()))
        }
        [0, 6] => {
            let mut words = rest.split(|byte| *byte == 0);
            let block = words.find(|word| word.eq_ignore_ascii_case(b"blksize"));
            let block = block.and_then(|_| std::str::from_utf8(words.next()?).ok()?.parse().ok());
            Some(Packet::Options(block.filter(|block| *block <= BLOCK).unwrap_or(512)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_large_blocks() {
        assert_eq!(request("a.efi"), b"\0\x01a.efi\0octet\0blksize\x001468\0");
    }

    #[test]
    fn packets_are_parsed() {
        assert_eq!(parse(b"\0\x03\x01\x02xy"), Some(Packet::Data(0x102, b"xy")));
        assert_eq!(parse(b"\0\x06blksize\x001024\0"), Some(Packet::Options(1024)));
        assert_eq!(parse(b"\0\x06tsize\x007\0"), Some(Packet::Options(512)));
        assert_eq!(parse(b"\0\x05\0\x01not there\0"), Some(Packet::Error("not there".into())));
        for wrong in [&b""[..], b"\0", b"\0\x03\0", b"\0\x05\0", b"\0\x09xx"] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_transfer_ends_at_the_first_short_block() {
        let mut transfer = Transfer { block: 512, expected: 1, size: 0 };
        assert_eq!(transfer.take(&Packet::Options(4)), Ok(false));
        assert_eq!(transfer.take(&Packet::Data(1, b"abcd")), Ok(false));
        assert_eq!(transfer.take(&Packet::Data(1, b"abcd")), Ok(false), "a repetition");
        assert_eq!(transfer.take(&Packet::Data(2, b"ab")), Ok(true));
        assert_eq!(transfer.size, 6);
        assert!(transfer.take(&Packet::Error("gone".into())).is_err());
    }
}
