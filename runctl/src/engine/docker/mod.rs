//! The Docker Engine API. The only folder that names bollard.

mod containers;
mod images;
mod networks;

pub use images::BuildRequest;

use crate::failure::{Class, Failure, Outcome};

/// Oldest Engine API that has all that is used here (Docker 20.10).
const OLDEST_API: &str = "1.41";

/// A connection to the engine.
#[derive(Clone)]
pub struct Docker {
    client: bollard::Docker,
    api: String,
}

impl Docker {
    /// Connects to `DOCKER_HOST` or the local socket and asks for its version.
    pub async fn connect() -> Outcome<Self> {
        let missing = |error: bollard::errors::Error| {
            Failure::new(
                Class::Missing,
                anyhow::Error::new(error).context("the docker engine does not answer"),
            )
            .hint("start it (`systemctl start docker`), or set DOCKER_HOST to where it listens")
        };
        let client = bollard::Docker::connect_with_defaults().map_err(missing)?;
        let version = client.version().await.map_err(missing)?;
        let api = version.api_version.unwrap_or_default();
        if version_number(&api) < version_number(OLDEST_API) {
            return Err(Failure::say(
                Class::Missing,
                format!("the docker engine speaks API {api}, {OLDEST_API} or newer is needed"),
            )
            .hint("install Docker 20.10 or newer"));
        }
        Ok(Self { client, api })
    }
}

/// Turns the engine's 404 into none.
fn none_if_missing<T>(
    result: Result<T, bollard::errors::Error>,
) -> Result<Option<T>, bollard::errors::Error> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(bollard::errors::Error::DockerResponseServerError {
            status_code: 304 | 404, ..
        }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The two numbers of an API version, so that 1.9 is older than 1.41.
fn version_number(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}
