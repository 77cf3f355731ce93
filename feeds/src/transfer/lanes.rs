//! How much is in flight to each host: as many connections as is polite, and many requests more where one connection
//! carries them all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

/// The lanes to all hosts of one run.
pub(super) struct Lanes {
    connections: usize,
    streams: usize,
    hosts: Mutex<HashMap<String, Host>>,
}

/// The right to one request, until it is dropped.
pub(super) type Lane = Option<OwnedSemaphorePermit>;

struct Host {
    permits: Arc<Semaphore>,
    /// It was seen to carry many requests over one connection.
    wide: bool,
}

impl Lanes {
    /// Lets `connections` requests at once go to each host, and `streams` to those that speak HTTP/2.
    pub(super) fn new(connections: usize, streams: usize) -> Self {
        let connections = connections.max(1);
        Self { connections, streams: streams.max(connections), hosts: Mutex::default() }
    }

    /// Tells how many requests can be in flight to one host at most.
    pub(super) fn widest(&self) -> usize {
        self.streams
    }

    /// Waits for a free lane to the host of an address.
    pub(super) async fn enter(&self, url: &Url) -> Lane {
        let permits = self.with(url, |host| Arc::clone(&host.permits));
        // Nobody closes it.
        permits.acquire_owned().await.ok()
    }

    /// Takes down that a host speaks HTTP/2.
    pub(super) fn widen(&self, url: &Url) {
        let more = self.streams - self.connections;
        self.with(url, |host| {
            if !std::mem::replace(&mut host.wide, true) {
                host.permits.add_permits(more);
            }
        });
    }

    fn with<T>(&self, url: &Url, work: impl FnOnce(&mut Host) -> T) -> T {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let host = hosts.entry(host(url)).or_insert_with(|| Host {
            permits: Arc::new(Semaphore::new(self.connections)),
            wide: false,
        });
        work(host)
    }
}

/// Names a host as connections know it.
pub(super) fn host(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or(0);
    format!("{}://{}:{port}", url.scheme(), url.host_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn each_host_has_its_own_lanes_and_more_where_it_multiplexes() {
        let lanes = Lanes::new(2, 4);
        let (one, other) = ("http://a.example/x", "http://b.example/x");
        let (one, other) = (one.parse().expect("a URL"), other.parse().expect("a URL"));
        let enter = |url| lanes.enter(url).now_or_never().flatten();
        let taken: Vec<_> = (0..2).map(|_| enter(&one).expect("a free lane")).collect();
        assert!(enter(&one).is_none(), "both are taken");
        assert!(enter(&other).is_some(), "another host's are not");
        lanes.widen(&one);
        lanes.widen(&one);
        let more: Vec<_> = (0..2).map(|_| enter(&one).expect("a free lane")).collect();
        assert!(enter(&one).is_none(), "it is widened once");
        drop((taken, more));
        assert!(enter(&one).is_some());
    }
}
