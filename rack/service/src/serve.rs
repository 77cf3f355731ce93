//! Puts the parts together: the book, the memory, the bridge's side and the operator's.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use tokio::net::{TcpListener, TcpSocket, UnixListener};
use tokio::signal::unix::{SignalKind, signal};

use crate::house::House;
use crate::listener::Gate;
use crate::memory::Memory;
use crate::settings::Settings;
use crate::shelf::Shelf;
use crate::{control, memory, settings, web};

/// Connections that may wait for a place; the kernel cuts it to its own limit.
const QUEUE: u32 = 4096;

/// Why the service cannot run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The environment makes no sense.
    #[error("cannot read the settings")]
    Settings(#[from] settings::Error),
    /// The database cannot be used.
    #[error("cannot open the memory")]
    Memory(#[from] memory::Error),
    /// A socket cannot be made.
    #[error("cannot listen on {place}")]
    Listen {
        /// An address or a path.
        place: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A signal cannot be waited for, or a listener ended.
    #[error("cannot go on serving")]
    Serve(#[source] std::io::Error),
}

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn serve() -> Result<(), Error> {
    let settings = Settings::read()?;
    let memory = Memory::open(&settings.state)?;
    let house = Arc::new(House { memory, shelf: Shelf::default(), settings });
    let (bridge, socket) = (listen(&house.settings)?, control_socket(&house.settings)?);
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Serve)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Serve)?;
    tracing::info!("serving on {}", house.settings.listen);
    let machines = web::router(Arc::clone(&house));
    let operator: Router = control::router(Arc::clone(&house));
    // Nothing has to be concluded: what was answered is on the disk, and what was not will be asked again.
    tokio::select! {
        never = Gate::new(bridge).serve(machines) => match never {},
        ended = axum::serve(socket, operator) => ended.map_err(Error::Serve),
        () = house.shelf.watch(&house.settings.book) => Ok(()),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

fn listen(settings: &Settings) -> Result<TcpListener, Error> {
    let place = settings.listen;
    let failed = |source| Error::Listen { place: place.to_string(), source };
    let socket = TcpSocket::new_v4().map_err(failed)?;
    // A killed service leaves connections that are not quite gone.
    socket.set_reuseaddr(true).map_err(failed)?;
    socket.bind(place.into()).map_err(failed)?;
    socket.listen(QUEUE).map_err(failed)
}

/// Makes the socket anew; only its owner, and root, may connect.
fn control_socket(settings: &Settings) -> Result<UnixListener, Error> {
    let path: &Path = &settings.socket;
    let failed = |source| Error::Listen { place: path.display().to_string(), source };
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    // It is closed to others before it has its name.
    let beside: PathBuf = path.with_extension("new");
    drop(fs_err::remove_file(&beside));
    let listener = UnixListener::bind(&beside).map_err(failed)?;
    let owner_only = std::fs::Permissions::from_mode(0o600);
    fs_err::set_permissions(&beside, owner_only).map_err(failed)?;
    fs_err::rename(&beside, path).map_err(failed)?;
    Ok(listener)
}
