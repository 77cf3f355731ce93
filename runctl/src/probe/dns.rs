//! One DNS question for an address, by UDP: a whole resolver would hide who answered.

use std::net::Ipv4Addr;

use tokio::net::UdpSocket;

use super::Unready;

const QUERY: u16 = 0x1d05;
const ADDRESS: [u8; 4] = [0, 1, 0, 1];

/// Asks the server for a name that must be the server's own address.
pub(super) async fn resolves(server: Ipv4Addr, name: &str) -> Result<(), Unready> {
    let whom = || format!("DNS at {server}");
    let socket =
        UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.map_err(Unready::socket(whom()))?;
    socket.connect((server, 53)).await.map_err(Unready::socket(whom()))?;
    socket.send(&question(name)).await.map_err(Unready::socket(whom()))?;
    let mut buffer = [0; 512];
    let length = socket.recv(&mut buffer).await.map_err(Unready::socket(whom()))?;
    match addresses(&buffer[..length]) {
        Some(found) if found.contains(&server) => Ok(()),
        Some(found) => Err(Unready::wrong(whom(), format!("{found:?} for {name}"))),
        None => Err(Unready::wrong(whom(), format!("something unreadable for {name}"))),
    }
}

/// Asks for the name's IPv4 address, recursion wanted.
fn question(name: &str) -> Vec<u8> {
    let mut packet = QUERY.to_be_bytes().to_vec();
    packet.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.').filter(|label| !label.is_empty()) {
        // A checked site's labels have at most 63 bytes.
        packet.push(u8::try_from(label.len()).unwrap_or(63));
        packet.extend(label.bytes().take(63));
    }
    packet.push(0);
    packet.extend(ADDRESS);
    packet
}

/// The addresses in an answer to our question; none where it is no such thing.
fn addresses(packet: &[u8]) -> Option<Vec<Ipv4Addr>> {
    let word = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
    let is_answer = word(0)? == QUERY && word(2)? & 0x8000 != 0;
    if !is_answer {
        return None;
    }
    let (questions, answers) = (word(4)?, word(6)?);
    let mut at = 12;
    for _ in 0..questions {
        at = after_name(packet, at)? + 4;
    }
    let mut found = Vec::new();
    for _ in 0..answers {
        at = after_name(packet, at)?;
        let length = usize::from(word(at + 8)?);
        let data = packet.get(at + 10..at + 10 + length)?;
        if packet.get(at..at + 4)? == ADDRESS
            && let Ok(octets) = <[u8; 4]>::try_from(data)
        {
            found.push(octets.into());
        }
        at += 10 + length;
    }
    Some(found)
}

/// Where a name ends: at an empty label, or after a pointer.
fn after_name(packet: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *packet.get(at)? {
            0 => return Some(at + 1),
            pointer if pointer >= 0xc0 => return Some(at + 2),
            length => at += usize::from(length) + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(records: &[([u8; 2], &[u8])]) -> Vec<u8> {
        let mut packet = question("boot01.rack.lan");
        packet[2] |= 0x80;
        packet[7] = u8::try_from(records.len()).unwrap();
        for (kind, data) in records {
            packet.extend([0xc0, 12]);
            packet.extend(kind);
            packet.extend([0, 1, 0, 0, 0, 60, 0, u8::try_from(data.len()).unwrap()]);
            packet.extend(*data);
        }
        packet
    }

    #[test]
    fn asks_in_labels() {
        let packet = question("a.bc");
        assert_eq!(packet[12..], [1, b'a', 2, b'b', b'c', 0, 0, 1, 0, 1]);
    }

    #[test]
    fn addresses_are_read_past_other_records() {
        let packet = answer(&[([0, 5], &[0xc0, 12]), ([0, 1], &[10, 0, 0, 2])]);
        assert_eq!(addresses(&packet), Some(vec![[10, 0, 0, 2].into()]));
        assert_eq!(addresses(&answer(&[])), Some(vec![]));
    }

    #[test]
    fn a_cut_or_foreign_answer_is_not_read() {
        let packet = answer(&[([0, 1], &[10, 0, 0, 2])]);
        for length in 0..packet.len() {
            assert_eq!(addresses(&packet[..length]), None, "{length} bytes");
        }
        assert_eq!(addresses(&question("a")), None);
    }
}
