//! What runctl decides for this service, told by the environment; a container has the usual paths.

use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::time::Duration;

/// Tokens live this long where nobody says otherwise: longer than the slowest installer.
const LIFETIME: u64 = 4 * 60 * 60;

/// Where to listen, what to read, where to keep.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The service's own address on the bridge; nothing listens anywhere else.
    pub(crate) listen: SocketAddrV4,
    /// How long an install's token lives.
    pub(crate) lifetime: Duration,
    /// The book that runctl writes.
    pub(crate) book: PathBuf,
    /// One file per secret, by its name.
    pub(crate) secrets: PathBuf,
    /// The folder of the database.
    pub(crate) state: PathBuf,
    /// The control socket.
    pub(crate) socket: PathBuf,
}

/// Why a variable of the environment cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is no default for it.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// It says nothing that makes sense.
    #[error("{name} is `{value}`, which is not {kind}")]
    Wrong { name: &'static str, value: String, kind: &'static str },
}

impl Settings {
    /// Reads the environment.
    pub(crate) fn read() -> Result<Self, Error> {
        let path = |name, usual: &str| {
            std::env::var_os(name).map_or_else(|| PathBuf::from(usual), PathBuf::from)
        };
        Ok(Self {
            listen: parsed("RACK_LISTEN", "an address and a port")?
                .ok_or(Error::Missing("RACK_LISTEN"))?,
            lifetime: Duration::from_secs(
                parsed("RACK_LIFETIME", "a number of seconds")?.unwrap_or(LIFETIME),
            ),
            book: path("RACK_BOOK", "/etc/booddies/book.json"),
            secrets: path("RACK_SECRETS", "/etc/rack"),
            state: path("RACK_STATE", "/var/lib/rack"),
            socket: path("RACK_SOCKET", "/run/rack/control.sock"),
        })
    }
}

fn parsed<T: std::str::FromStr>(
    name: &'static str,
    kind: &'static str,
) -> Result<Option<T>, Error> {
    let Ok(value) = std::env::var(name) else {
        return Ok(None);
    };
    value.parse().map(Some).map_err(|_| Error::Wrong { name, value, kind })
}
