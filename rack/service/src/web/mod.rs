//! What machines may ask on the bridge.

mod boot;
mod files;
mod refusal;
mod report;
mod stage;
mod track;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::{get, post};

use crate::clock;
use crate::house::House;
use refusal::Refusal;

/// Bytes that an installer may tell with a stage.
const DETAIL: usize = 64 << 10;
/// Bytes of a hardware report.
const REPORT: usize = 256 << 10;

/// A page of plain text, or why there is none.
type Page = Result<String, Refusal>;

/// The pages of the bridge.
pub(crate) fn router(house: Arc<House>) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/boot.ipxe", get(boot::first))
        .route("/boot/{mac}", get(boot::ipxe))
        .route("/menu/", get(boot::main_menu))
        .route("/menu/{*page}", get(boot::menu))
        .route("/pxelinux/{mac}", get(boot::pxelinux))
        .route("/pxelinux/pxelinux.cfg/{mac}", get(boot::pxelinux))
        .route("/grub/{mac}", get(boot::grub))
        .route("/install/{token}/{*name}", get(files::give))
        .route(
            "/callback/{token}/{stage}",
            get(stage::told).post(stage::told).layer(DefaultBodyLimit::max(DETAIL)),
        )
        .route("/report/{mac}", post(report::keep).layer(DefaultBodyLimit::max(REPORT)))
        .layer(axum::middleware::from_fn(track::track))
        .with_state(house)
}

/// Whether machines can be served: there is a book, and the memory writes.
async fn health(State(house): State<Arc<House>>) -> Page {
    house.shelf.book().ok_or_else(Refusal::no_book)?;
    house.memory.beat(clock::milliseconds()).await?;
    Ok("ready\n".to_owned())
}
