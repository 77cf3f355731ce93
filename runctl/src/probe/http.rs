//! GET, plain and over TLS with the site's own authority: what data, cgit and regi are asked.

use std::path::Path;

use reqwest::{Certificate, Client, ClientBuilder, StatusCode};

use super::Unready;

/// The header by which a registry says that it is one.
const REGISTRY: &str = "docker-distribution-api-version";

/// Gets a page.
pub(super) async fn get(url: &str) -> Result<String, Unready> {
    let failed = |source| Unready::Http { url: url.to_owned(), source };
    let client = client().build().map_err(failed)?;
    let status = client.get(url).send().await.map_err(failed)?.status();
    if status == StatusCode::OK {
        Ok(status.to_string())
    } else {
        Err(Unready::wrong(url, status.to_string()))
    }
}

/// Asks a registry for its version.
pub(super) async fn registry(url: &str, authority: &Path) -> Result<String, Unready> {
    let failed = |source| Unready::Http { url: url.to_owned(), source };
    let unreadable = |source| Unready::File { path: authority.to_owned(), source };
    let pem = fs_err::tokio::read(authority).await.map_err(|error| unreadable(error.into()))?;
    let authority = Certificate::from_pem(&pem).map_err(|error| unreadable(error.into()))?;
    let client = client().tls_certs_only([authority]).build().map_err(failed)?;
    let answer = client.get(url).send().await.map_err(failed)?;
    let is_registry = answer.headers().contains_key(REGISTRY);
    match answer.status() {
        StatusCode::OK | StatusCode::UNAUTHORIZED if is_registry => Ok("registry/2.0".into()),
        status => Err(Unready::wrong(url, status.to_string())),
    }
}

/// A client of this host's own services.
pub(crate) fn client() -> ClientBuilder {
    // reqwest takes whichever provider the process has; the first one stays, so this may be done again.
    drop(rustls::crypto::ring::default_provider().install_default());
    // The bridge is never behind the host's proxy.
    Client::builder().no_proxy()
}
