//! What all answers have in common: an end, no cache, no second request, and their line in the log.

use axum::body::HttpBody as _;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::Refusal;
use crate::listener::{LIFE, Peer};
use crate::{lines, token};

/// Answers a request, and writes its line: `<peer> "<request line>" <status> <bytes> "<agent>"`.
pub(super) async fn track(
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let line = format!(
        "{} {} {:?}",
        request.method(),
        token::masked_in_path(&request.uri().to_string()),
        request.version()
    );
    let agent = request.headers().get(header::USER_AGENT);
    let agent = agent.map_or("-".into(), |agent| String::from_utf8_lossy(agent.as_bytes()));
    let agent = token::masked_in_text(&agent);
    let mut response = answer(request, next).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    tracing::info!(
        "{} \"{}\" {} {} \"{}\"",
        peer.ip(),
        lines::escaped(&line),
        response.status().as_u16(),
        response.body().size_hint().lower(),
        lines::escaped(&agent),
    );
    response
}

async fn answer(request: Request, next: Next) -> Response {
    // What is served once must not be spent on a question about its length.
    if request.method() == Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let late = || Refusal::new(StatusCode::REQUEST_TIMEOUT, "this took too long").into_response();
    tokio::time::timeout(LIFE, next.run(request)).await.unwrap_or_else(|_| late())
}
