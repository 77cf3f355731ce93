//! What all servers of the tests have in common: a free port of loopback, a thread, and an end when they are dropped.

use std::net::{SocketAddr, TcpListener};

use axum::Router;
use tokio::sync::oneshot;

/// A server that answers until it is dropped.
pub(crate) struct Loopback {
    address: SocketAddr,
    _alive: oneshot::Sender<()>,
}

impl Loopback {
    /// Lets a router answer on a free port.
    pub(crate) fn answering(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (alive, dropped) = oneshot::channel();
        std::thread::spawn(move || serve(listener, router, dropped));
        Self { address, _alive: alive }
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
}

/// Serves until the other end of the channel is dropped.
fn serve(listener: TcpListener, router: Router, dropped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        listener.set_nonblocking(true).expect("a listener can be made non-blocking");
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener is one");
        tokio::select! {
            served = axum::serve(listener, router) => served.expect("serving goes on"),
            _ = dropped => {}
        }
    });
}
