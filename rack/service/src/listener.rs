//! Connections from the bridge: so many at once, and none for long.
//!
//! Each serves one small request, so that a connection's life is a request's: a client that sends or reads slowly, or not
//! at all, is cut off, and cannot keep others out by holding on.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// Connections at once: each costs some 20 KiB, and the container has 64 MiB. More wait in the kernel's queue.
const CONNECTIONS: usize = 1536;
/// The longest life of one.
pub(crate) const LIFE: Duration = Duration::from_secs(30);

/// Takes connections.
pub(crate) struct Gate {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

/// One connection, with its place and its end.
pub(crate) struct Guest {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl Gate {
    /// Takes connections of a listener.
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(CONNECTIONS)) }
    }

    /// Serves machines for ever. Header names go out as `Content-Length`: GRUB waits for nothing else, and then for ever.
    pub(crate) async fn serve(mut self, router: Router) -> Infallible {
        let mut connections = http1::Builder::new();
        connections.title_case_headers(true);
        loop {
            let (guest, peer) = self.accept().await;
            let router = TowerToHyperService::new(router.clone());
            let answer = service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(ConnectInfo(Peer(peer)));
                router.call(request)
            });
            let connection = connections.serve_connection(TokioIo::new(guest), answer);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%peer, %error, "a connection was cut");
                }
            });
        }
    }

    async fn accept(&mut self) -> (Guest, SocketAddr) {
        // Nobody closes the semaphore.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        // Waits where the system has no more descriptors, and tries again.
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        (Guest { stream, end: Box::pin(tokio::time::sleep(LIFE)), _place: place }, peer)
    }
}

impl Guest {
    /// What the stream says, unless it says nothing and the time is up.
    fn in_time<T>(
        &mut self,
        context: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        poll(Pin::new(&mut self.stream), context)
    }
}

impl AsyncRead for Guest {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.in_time(context, |stream, context| stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Guest {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.in_time(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_time(context, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_time(context, AsyncWrite::poll_shutdown)
    }
}
