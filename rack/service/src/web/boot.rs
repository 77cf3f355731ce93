//! Boot scripts: the first of everybody, each machine's own, and the menus.

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::StatusCode;
use rack::control::Said;
use rack::{Mac, Syntax};

use super::{Page, Refusal};
use crate::house::House;
use crate::listener::Peer;
use crate::memory::asking::{self, Question};
use crate::{clock, lines};

/// What a loader tells is cut to this.
const SAID: usize = 64;
/// PXELINUX puts the kind of the network before the address; 1 is Ethernet.
const ETHERNET: &str = "01-";

/// What a loader, or whoever sits before it, says in a query.
#[derive(serde::Deserialize)]
pub(super) struct Words {
    #[serde(flatten)]
    said: Said,
    #[serde(rename = "become")]
    becomes: Option<String>,
}

type Asked = State<Arc<House>>;

/// The first script.
pub(super) async fn first(State(house): Asked) -> Page {
    let book = house.shelf.book().ok_or_else(Refusal::no_book)?;
    book.first_script().map_err(|error| Refusal::fault(lines::chain(&error)))
}

/// The first page of the menu.
pub(super) async fn main_menu(house: Asked) -> Page {
    menu(house, Path(String::new())).await
}

/// A page of the menu.
pub(super) async fn menu(State(house): Asked, Path(page): Path<String>) -> Page {
    let book = house.shelf.book().ok_or_else(Refusal::no_book)?;
    let page = book.menu(&page).ok_or_else(Refusal::unknown)?;
    page.map_err(|error| Refusal::fault(lines::chain(&error)))
}

/// A machine's own script, for iPXE.
pub(super) async fn ipxe(
    house: Asked,
    peer: ConnectInfo<Peer>,
    mac: Path<String>,
    words: Query<Words>,
) -> Page {
    script(house, peer, &mac, words.0, Syntax::Ipxe).await
}

/// A machine's own script, for PXELINUX.
pub(super) async fn pxelinux(
    house: Asked,
    peer: ConnectInfo<Peer>,
    mac: Path<String>,
    words: Query<Words>,
) -> Page {
    script(house, peer, mac.strip_prefix(ETHERNET).unwrap_or(&mac), words.0, Syntax::Pxelinux).await
}

/// A machine's own script, for GRUB.
pub(super) async fn grub(
    house: Asked,
    peer: ConnectInfo<Peer>,
    mac: Path<String>,
    words: Query<Words>,
) -> Page {
    script(house, peer, &mac, words.0, Syntax::Grub).await
}

async fn script(
    State(house): Asked,
    peer: ConnectInfo<Peer>,
    mac: &str,
    words: Words,
    syntax: Syntax,
) -> Page {
    let mac = mac.parse::<Mac>().map_err(|_| Refusal::unknown())?;
    let address = address_of(peer)?;
    let book = house.shelf.book().ok_or_else(Refusal::no_book)?;
    let question = Question {
        mac,
        address,
        said: cut(words.said),
        becomes: words.becomes,
        syntax,
        at: clock::milliseconds(),
        lifetime: house.settings.lifetime,
    };
    let answer = house.memory.work(move |database| asking::answer(database, &book, &question));
    answer.await?.map_err(Refusal::fault)
}

/// The bridge speaks IPv4 to this service.
pub(super) fn address_of(ConnectInfo(Peer(peer)): ConnectInfo<Peer>) -> Result<Ipv4Addr, Refusal> {
    match peer.ip().to_canonical() {
        std::net::IpAddr::V4(address) => Ok(address),
        std::net::IpAddr::V6(_) => {
            Err(Refusal::new(StatusCode::FORBIDDEN, "machines are known by IPv4 addresses"))
        }
    }
}

/// A loader leaves empty what it does not know.
fn cut(said: Said) -> Said {
    let cut = |text: Option<String>| {
        let text: String = text?.chars().take(SAID).collect();
        Some(text).filter(|text| !text.is_empty())
    };
    Said {
        architecture: cut(said.architecture),
        platform: cut(said.platform),
        manufacturer: cut(said.manufacturer),
        serial: cut(said.serial),
    }
}
