//! Hardware reports: a live system tells what it runs on.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use rack::Mac;
use rack::control::Report;

use super::{Refusal, boot};
use crate::clock;
use crate::house::House;
use crate::listener::Peer;
use crate::memory::{reports, sightings};

/// Keeps a report, if it comes from where the machine booted.
pub(super) async fn keep(
    State(house): State<Arc<House>>,
    peer: ConnectInfo<Peer>,
    mac: Path<String>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let mac = mac.parse::<Mac>().map_err(|_| Refusal::unknown())?;
    let peer = boot::address_of(peer)?;
    let body = serde_json::from_slice(&body).map_err(|error| {
        Refusal::new(StatusCode::BAD_REQUEST, format!("a report is JSON: {error}"))
    })?;
    let book = house.shelf.book().ok_or_else(Refusal::no_book)?;
    let own = book.machine_of(mac).and_then(|machine| machine.address);
    let report = Report { mac, at: clock::milliseconds(), body };
    let kept = house.memory.work(move |database| {
        let address = match own {
            Some(own) => Some(own),
            None => sightings::of(database, mac)?.map(|seen| seen.address),
        };
        let is_its = address == Some(peer);
        if is_its {
            reports::keep(database, &report)?;
        }
        Ok(is_its)
    });
    if kept.await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::new(StatusCode::FORBIDDEN, "this is not the address of that machine"))
    }
}
