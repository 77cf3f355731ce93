//! A DHCP DISCOVER on the bridge, as a machine would send it. Listens a moment longer than needed: two servers that
//! answer the same machines are the one mistake that no single answer shows.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use dhcproto::v4::{
    Architecture, Decodable, Decoder, DhcpOption, Encodable, Flags, Message, MessageType, Opcode,
    OptionCode,
};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::Unready;

/// How long rivals are waited for, once our own server has answered.
const LINGER: Duration = Duration::from_millis(30);

/// What the firmware of a BIOS machine calls itself (option 60).
const FIRMWARE: &[u8] = b"PXEClient:Arch:00000:UNDI:002001";

/// An offer for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Offer {
    address: Ipv4Addr,
    server: Ipv4Addr,
}

/// Asks for an address and returns the one that `server` offers.
pub(super) async fn offer(
    bridge: &str,
    server: Ipv4Addr,
    mac: [u8; 6],
) -> Result<Ipv4Addr, Unready> {
    let whom = || format!("DHCP on {bridge}");
    let id = transaction();
    let socket = ask(bridge, &discover(id, mac)).await?;
    let offer = next(&socket, id).await.map_err(Unready::socket(whom()))?;
    if offer.server != server {
        return Err(rival(offer, bridge));
    }
    // Nobody else within a moment is what is hoped for.
    while let Ok(other) = tokio::time::timeout(LINGER, next(&socket, id)).await {
        let other = other.map_err(Unready::socket(whom()))?;
        if other.server != server {
            return Err(rival(other, bridge));
        }
    }
    Ok(offer.address)
}

/// Asks as firmware that boots from the network does, and waits for the answer of `server`, which lends no address.
/// Whoever does lend one is no rival.
pub(super) async fn proxy(bridge: &str, server: Ipv4Addr, mac: [u8; 6]) -> Result<(), Unready> {
    let id = transaction();
    let mut discover = discover(id, mac);
    discover.opts_mut().insert(DhcpOption::ClassIdentifier(FIRMWARE.to_vec()));
    discover.opts_mut().insert(DhcpOption::ClientSystemArchitecture(Architecture::X86_Bios));
    let socket = ask(bridge, &discover).await?;
    loop {
        let offer =
            next(&socket, id).await.map_err(Unready::socket(format!("DHCP on {bridge}")))?;
        if offer.server == server {
            return Ok(());
        }
    }
}

/// Broadcasts a question on the bridge; the socket is where the answers come.
async fn ask(bridge: &str, discover: &Message) -> Result<UdpSocket, Unready> {
    let whom = || format!("DHCP on {bridge}");
    let socket = open(bridge).map_err(Unready::socket(whom()))?;
    let question = discover.to_vec().map_err(|error| Unready::wrong(whom(), error.to_string()))?;
    let everybody = SocketAddrV4::new(Ipv4Addr::BROADCAST, 67);
    socket.send_to(&question, everybody).await.map_err(Unready::socket(whom()))?;
    Ok(socket)
}

fn rival(offer: Offer, bridge: &str) -> Unready {
    Unready::Rival { rival: offer.server, bridge: bridge.to_owned() }
}

/// Opens port 68 on the bridge alone, beside others who do the same.
fn open(bridge: &str) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_broadcast(true)?;
    socket.bind_device(Some(bridge.as_bytes()))?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68).into())?;
    UdpSocket::from_std(socket.into())
}

/// Waits for the next offer to us; everything else on the port is somebody else's.
async fn next(socket: &UdpSocket, id: u32) -> std::io::Result<Offer> {
    let mut buffer = [0; 1500];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if let Some(offer) = read(&buffer[..length], id) {
            return Ok(offer);
        }
    }
}

fn transaction() -> u32 {
    use ssh_key::rand_core::{OsRng, RngCore as _};
    OsRng.next_u32()
}

fn discover(id: u32, mac: [u8; 6]) -> Message {
    let mut message = Message::new_with_id(
        id,
        Ipv4Addr::UNSPECIFIED,
        Ipv4Addr::UNSPECIFIED,
        Ipv4Addr::UNSPECIFIED,
        Ipv4Addr::UNSPECIFIED,
        &mac,
    );
    // The bridge does not have the address that is offered: only a broadcast reaches us.
    message.set_flags(Flags::default().set_broadcast());
    message.opts_mut().insert(DhcpOption::MessageType(MessageType::Discover));
    message
}

/// Reads an offer with our transaction's number.
fn read(packet: &[u8], id: u32) -> Option<Offer> {
    let message = Message::decode(&mut Decoder::new(packet)).ok()?;
    let options = message.opts();
    let is_offer = message.opcode() == Opcode::BootReply
        && message.xid() == id
        && options.msg_type() == Some(MessageType::Offer);
    match options.get(OptionCode::ServerIdentifier) {
        Some(DhcpOption::ServerIdentifier(server)) if is_offer => {
            Some(Offer { address: message.yiaddr(), server: *server })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(id: u32, kind: MessageType) -> Vec<u8> {
        let mut message = discover(id, [2, 0, 0, 0, 0, 1]);
        message.set_opcode(Opcode::BootReply);
        message.set_yiaddr([10, 0, 0, 9]);
        message.opts_mut().insert(DhcpOption::MessageType(kind));
        message.opts_mut().insert(DhcpOption::ServerIdentifier([10, 0, 0, 2].into()));
        message.to_vec().unwrap()
    }

    #[test]
    fn an_offer_of_this_transaction_is_read() {
        let offer = Offer { address: [10, 0, 0, 9].into(), server: [10, 0, 0, 2].into() };
        assert_eq!(read(&reply(7, MessageType::Offer), 7), Some(offer));
    }

    #[test]
    fn other_packets_are_not_ours() {
        assert_eq!(read(&reply(8, MessageType::Offer), 7), None);
        assert_eq!(read(&reply(7, MessageType::Nak), 7), None);
        assert_eq!(read(&discover(7, [2; 6]).to_vec().unwrap(), 7), None);
        assert_eq!(read(b"short", 7), None);
    }
}
