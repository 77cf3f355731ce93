//! `git ls-remote` over ssh with runctl's own key, from nobody but the gito that made the host key on our disk.

use std::path::{Path, PathBuf};

use git2::{
    CertificateCheckStatus, Cred, Direction, ErrorClass, ErrorCode, Remote, RemoteCallbacks,
};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpStream;
use url::Url;

use super::Unready;

/// The line has at most so many bytes (RFC 4253, section 4.2).
const LONGEST_GREETING: u64 = 255;

/// Lists the references of a repository.
pub(super) async fn list(url: &str, key: &Path, host_key: &Path) -> Result<String, Unready> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source: Box<dyn std::error::Error + Send + Sync>| Unready::File { path, source }
    };
    let pinned = fs_err::tokio::read_to_string(host_key)
        .await
        .map_err(|error| unreadable(host_key)(error.into()))?;
    let pinned = ssh_key::PublicKey::from_openssh(&pinned)
        .and_then(|pinned| pinned.to_bytes())
        .map_err(|error| unreadable(host_key)(error.into()))?;
    let (owned, key) = (url.to_owned(), key.to_owned());
    // libgit2 blocks, and its socket has no end of its own: a hanging one is left behind.
    let listed = tokio::task::spawn_blocking(move || references(&owned, key, pinned)).await;
    let count = listed
        .map_err(|error| Unready::wrong(url, error.to_string()))?
        .map_err(|source| Unready::Git { url: url.to_owned(), source })?;
    Ok(format!("{count} references"))
}

/// Reads the version that sshd greets with (RFC 4253, section 4.2): it costs the service one process, not four.
pub(super) async fn greeting(url: &str) -> Result<String, Unready> {
    let parsed = Url::parse(url).map_err(|error| Unready::wrong(url, error.to_string()))?;
    let place = (parsed.host_str().unwrap_or_default(), parsed.port().unwrap_or(22));
    let stream = TcpStream::connect(place).await.map_err(Unready::socket(url))?;
    let mut line = String::new();
    let mut greeting = BufReader::new(stream).take(LONGEST_GREETING);
    greeting.read_line(&mut line).await.map_err(Unready::socket(url))?;
    let version = line.trim_end();
    if version.starts_with("SSH-2.0-") {
        return Ok(version.to_owned());
    }
    Err(Unready::wrong(url, format!("greets with `{version}`, not as ssh does")))
}

fn references(url: &str, key: PathBuf, pinned: Vec<u8>) -> Result<usize, git2::Error> {
    let mut callbacks = RemoteCallbacks::new();
    let mut asked = false;
    callbacks.credentials(move |_, user, _| {
        // Asked again means refused.
        if std::mem::replace(&mut asked, true) {
            let refused = "our key was refused";
            return Err(git2::Error::new(ErrorCode::Auth, ErrorClass::Ssh, refused));
        }
        Cred::ssh_key(user.unwrap_or("git"), None, &key, None)
    });
    callbacks.certificate_check(move |certificate, _| {
        let shown = certificate.as_hostkey().and_then(|key| key.hostkey());
        if shown == Some(&pinned) {
            return Ok(CertificateCheckStatus::CertificateOk);
        }
        let changed = "another host key than gito's answers";
        Err(git2::Error::new(ErrorCode::Certificate, ErrorClass::Ssh, changed))
    });
    let mut remote = Remote::create_detached(url)?;
    let connection = remote.connect_auth(Direction::Fetch, Some(callbacks), None)?;
    Ok(connection.list()?.len())
}
