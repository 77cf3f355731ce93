//! One NTP question (RFC 5905, client mode): the answer's stratum says whether the time is worth anything.

use std::net::Ipv4Addr;

use tokio::net::UdpSocket;

use super::Unready;

/// Version 4, mode 3 (client).
const CLIENT: u8 = 0x23;
/// Not synchronised, by RFC 5905.
const UNSYNCHRONISED: u8 = 16;

/// Asks the server and tells its stratum.
pub(super) async fn stratum(server: Ipv4Addr) -> Result<String, Unready> {
    let whom = || format!("NTP at {server}");
    let socket =
        UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.map_err(Unready::socket(whom()))?;
    socket.connect((server, 123)).await.map_err(Unready::socket(whom()))?;
    let mut question = [0; 48];
    question[0] = CLIENT;
    socket.send(&question).await.map_err(Unready::socket(whom()))?;
    let mut buffer = [0; 128];
    let length = socket.recv(&mut buffer).await.map_err(Unready::socket(whom()))?;
    match read(&buffer[..length]) {
        Some(stratum @ 1..UNSYNCHRONISED) => Ok(format!("stratum {stratum}")),
        Some(stratum) => Err(Unready::wrong(whom(), format!("unsynchronised (stratum {stratum})"))),
        None => Err(Unready::wrong(whom(), "something unreadable")),
    }
}

/// The stratum of a server's answer; a clock that says it is in alarm counts as unsynchronised.
fn read(packet: &[u8]) -> Option<u8> {
    let is_answer = packet.len() >= 48 && packet[0] & 7 == 4;
    let alarm = packet.first()? >> 6 == 3;
    is_answer.then(|| if alarm { UNSYNCHRONISED } else { packet[1] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stratum_is_read_from_a_servers_answer() {
        let mut packet = [0; 48];
        (packet[0], packet[1]) = (0x24, 10);
        assert_eq!(read(&packet), Some(10));
        packet[0] = 0xe4;
        assert_eq!(read(&packet), Some(UNSYNCHRONISED), "in alarm");
        packet[0] = CLIENT;
        assert_eq!(read(&packet), None, "a client's packet");
        assert_eq!(read(&[0x24; 47]), None, "cut");
        assert_eq!(read(&[]), None);
    }
}
