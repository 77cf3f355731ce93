//! Callbacks: an installer tells how far it is.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;

use super::{Refusal, boot};
use crate::clock;
use crate::house::House;
use crate::lines;
use crate::listener::Peer;
use crate::memory::telling::{self, Told};

/// Characters of a stage's name.
const NAME: usize = 64;

/// Takes a stage; the body is its detail.
pub(super) async fn told(
    State(house): State<Arc<House>>,
    peer: ConnectInfo<Peer>,
    Path((token, stage)): Path<(String, String)>,
    body: axum::body::Bytes,
) -> Result<StatusCode, Refusal> {
    let peer = boot::address_of(peer)?;
    if !is_name(&stage) {
        let told = "a stage is named by small letters, digits and hyphens";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, told));
    }
    let detail = String::from_utf8_lossy(&body).into_owned();
    let told = Told { token, peer, stage: stage.clone(), detail, at: clock::milliseconds() };
    let followed = house.memory.work(move |database| telling::follow_up(database, &told));
    let machine = followed.await??;
    tracing::info!("{} tells {stage}", lines::escaped(&machine));
    Ok(StatusCode::NO_CONTENT)
}

fn is_name(stage: &str) -> bool {
    (1..=NAME).contains(&stage.len())
        && stage
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b))
}
