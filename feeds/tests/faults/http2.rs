//! HTTP/2 as far as upstreams that misbehave need it: many requests over one connection, of which each can be broken off, or
//! all with the connection.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Response;
use bytes::Bytes;
use h2::server::{SendResponse, handshake};
use h2::{Reason, SendStream};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use crate::http::Request;
use crate::upstream::{Answer, End, State};

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Answers all that is asked over one connection.
pub(crate) async fn serve(stream: TcpStream, tls: &TlsAcceptor, state: &Arc<State>) -> Outcome {
    let mut connection = handshake(tls.accept(stream).await?).await?;
    let farewell = Arc::new(Notify::new());
    loop {
        let accepted = tokio::select! {
            accepted = connection.accept() => accepted,
            () = farewell.notified() => {
                connection.abrupt_shutdown(Reason::INTERNAL_ERROR);
                continue;
            }
        };
        let Some(accepted) = accepted else {
            return Ok(());
        };
        let (request, respond) = accepted?;
        let answer = state.answer(&Request::of(&request));
        let farewell = Arc::clone(&farewell);
        // A client that went away is no failure of the upstream.
        tokio::spawn(async move { drop(send(respond, answer, &farewell).await) });
    }
}

async fn send(
    mut respond: SendResponse<Bytes>,
    answer: Option<Answer>,
    farewell: &Notify,
) -> Outcome {
    let Some(answer) = answer else {
        respond.send_reset(Reason::INTERNAL_ERROR);
        return Ok(());
    };
    let mut head = Response::builder().status(&answer.status[..3]);
    for (name, value) in answer.headers.lines().filter_map(|line| line.split_once(": ")) {
        head = head.header(name, value);
    }
    let head = head.header("content-length", answer.length).body(())?;
    let is_whole = matches!(answer.end, End::Whole);
    let mut body = respond.send_response(head, is_whole && answer.body.is_empty())?;
    if is_whole {
        if !answer.body.is_empty() {
            body.send_data(answer.body.into(), true)?;
        }
        return Ok(());
    }
    body.send_data(answer.body.into(), false)?;
    match answer.end {
        End::Dripping(rest) => drip(&mut body, &rest).await?,
        End::Silent => drop(poll_fn(|context| body.poll_reset(context)).await?),
        End::Whole | End::Broken | End::Farewell => {
            // What is still queued when a stream is reset never leaves: the connection has its turn before.
            tokio::task::yield_now().await;
            match answer.end {
                End::Farewell => farewell.notify_one(),
                _ => body.send_reset(Reason::INTERNAL_ERROR),
            }
        }
    }
    Ok(())
}

async fn drip(body: &mut SendStream<Bytes>, rest: &[u8]) -> Outcome {
    for byte in rest {
        body.send_data(Bytes::copy_from_slice(&[*byte]), false)?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(body.send_data(Bytes::new(), true)?)
}
