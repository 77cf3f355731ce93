//! The files of one install: for its token, from its machine's address; those that hold secrets once.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::{Refusal, boot};
use crate::house::House;
use crate::listener::Peer;
use crate::memory::telling;
use crate::{clock, lines, secrets};

/// Gives one file of an install.
pub(super) async fn give(
    State(house): State<Arc<House>>,
    peer: ConnectInfo<Peer>,
    Path((token, name)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let address = boot::address_of(peer)?;
    let book = house.shelf.book().ok_or_else(Refusal::no_book)?;
    let (now, asked) = (clock::milliseconds(), token.clone());
    let admitted =
        house.memory.work(move |database| telling::admit(database, &asked, address, now));
    let ticket = admitted.await??;
    let secrets = secrets::read(&house.settings.secrets)
        .await
        .map_err(|error| Refusal::fault(lines::chain(&error)))?;
    let file = book
        .install_file(&ticket.asking, &ticket.profile, &token, &name, Some(&secrets))
        .map_err(|error| Refusal::fault(lines::chain(&error)))?
        .ok_or_else(Refusal::unknown)?;
    let given = name.clone();
    let first =
        house.memory.work(move |database| telling::give(database, ticket.install, &given, now));
    if !first.await? && file.secret {
        tracing::warn!(
            "{} asked for {} again, from {address}",
            ticket.machine,
            lines::escaped(&name)
        );
        let told = "it holds secrets and was served already; arm the machine anew";
        return Err(Refusal::new(StatusCode::GONE, told));
    }
    Ok(([(header::CONTENT_TYPE, file.content_type)], file.text).into_response())
}
