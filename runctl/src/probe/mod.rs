//! Asks a service, in its own protocol, whether it is ready: what a machine or a client would ask it, once, with an end.

mod dhcp;
mod dns;
mod git;
mod http;
mod ntp;
mod tftp;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub(crate) use http::client;

use crate::services::Probe;

/// A service that has not answered by then is not ready.
const PATIENCE: Duration = Duration::from_secs(5);

/// A service that is ready.
#[derive(Clone, Debug)]
pub struct Answer {
    /// How long its whole answer took.
    pub latency: Duration,
    /// What it answered, in a few words.
    pub detail: String,
}

/// Why a service is not ready.
#[derive(Debug, thiserror::Error)]
pub enum Unready {
    /// Nothing came back in time.
    #[error("no answer from {whom} within {} s", PATIENCE.as_secs())]
    Silent {
        /// What was asked.
        whom: String,
    },
    /// A socket of this host's could not be opened or used.
    #[error("cannot ask {whom}")]
    Socket {
        /// What was asked.
        whom: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It answered, but not what a ready service does.
    #[error("{whom} answers {what}")]
    Wrong {
        /// What was asked.
        whom: String,
        /// What came back.
        what: String,
    },
    /// Somebody else answers DHCP on the bridge.
    #[error("another DHCP server ({rival}) answers on {bridge}")]
    Rival {
        /// Its server identifier.
        rival: Ipv4Addr,
        /// The bridge.
        bridge: String,
    },
    /// The connection or the conversation over HTTP failed.
    #[error("cannot get {url}")]
    Http {
        /// The URL.
        url: String,
        /// What failed.
        #[source]
        source: reqwest::Error,
    },
    /// The conversation over ssh failed.
    #[error("cannot list {url}")]
    Git {
        /// The URL.
        url: String,
        /// What failed.
        #[source]
        source: git2::Error,
    },
    /// A file that is needed to ask is not there yet.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Unready {
    /// Whether the host's network stands in the way, and not the service.
    pub fn is_network(&self) -> bool {
        matches!(self, Self::Rival { .. })
    }

    fn socket(whom: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let whom = whom.into();
        move |source| Self::Socket { whom, source }
    }

    fn wrong(whom: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Wrong { whom: whom.into(), what: what.into() }
    }
}

/// Asks as a client would, once and to the end: what a service must answer before it counts as ready.
pub async fn ask(probe: &Probe) -> Result<Answer, Unready> {
    timed(probe, answer(probe)).await
}

/// Asks a service that was ready before. The same question, except where a whole conversation costs the service much.
pub async fn ask_again(probe: &Probe) -> Result<Answer, Unready> {
    match probe {
        Probe::Git { url, .. } => timed(probe, git::greeting(url)).await,
        other => ask(other).await,
    }
}

/// Gives an answer its end and its latency.
async fn timed(
    probe: &Probe,
    answer: impl Future<Output = Result<String, Unready>>,
) -> Result<Answer, Unready> {
    let begin = Instant::now();
    let silent = |_| Err(Unready::Silent { whom: whom(probe) });
    let detail = tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(silent)?;
    Ok(Answer { latency: begin.elapsed(), detail })
}

async fn answer(probe: &Probe) -> Result<String, Unready> {
    match probe {
        Probe::Boot { bridge, address, mac, proxy, name, file } => {
            // All three at once: a status of seven services must not take the sum.
            let lent = async {
                if *proxy {
                    dhcp::proxy(bridge, *address, *mac).await?;
                    return Ok("DHCP adds the loader".to_owned());
                }
                dhcp::offer(bridge, *address, *mac)
                    .await
                    .map(|offer| format!("DHCP offers {offer}"))
            };
            let (lent, (), size) =
                tokio::try_join!(lent, dns::resolves(*address, name), tftp::read(*address, file))?;
            Ok(format!("{lent}, DNS knows {name}, TFTP reads {file} ({size} bytes)"))
        }
        Probe::Http { url } => http::get(url).await,
        Probe::Registry { url, authority } => http::registry(url, authority).await,
        Probe::Git { url, key, host_key } => git::list(url, key, host_key).await,
        Probe::Ntp { address } => ntp::stratum(*address).await,
    }
}

fn whom(probe: &Probe) -> String {
    match probe {
        Probe::Boot { bridge, address, .. } => format!("{address} on {bridge} (DHCP, DNS, TFTP)"),
        Probe::Http { url } | Probe::Registry { url, .. } | Probe::Git { url, .. } => url.clone(),
        Probe::Ntp { address } => format!("{address} (NTP)"),
    }
}
