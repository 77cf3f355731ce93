//! What can go wrong with a git mirror, and who is to blame.

use std::path::PathBuf;

use git2::{ErrorClass, ErrorCode};

use super::Refused;
use crate::{Class, Classified};

/// A mirror or gitolite's configuration could not be brought up to date; what was there before is untouched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message of a variant names its fields")]
pub enum Error {
    /// The upstream is a path on this machine, and nothing is there.
    #[error("there is no git repository at {}", path.display())]
    Absent { path: PathBuf },
    /// The upstream could not be reached, or did not let us in.
    #[error("could not connect to git upstream {url}")]
    Connect {
        url: String,
        #[source]
        source: git2::Error,
    },
    /// The pack did not arrive whole.
    #[error("could not fetch from git upstream {url}")]
    Fetch {
        url: String,
        #[source]
        source: git2::Error,
    },
    /// The upstream is connected but delivers nothing.
    #[error("git upstream {url} delivered nothing for {seconds} s")]
    Stalled { url: String, seconds: u64 },
    /// Whoever started the run gave up.
    #[error("stopped fetching from git upstream {url}")]
    Interrupted { url: String },
    /// The host key is unknown or is not the one that was pinned.
    #[error("the ssh host key of {host} is {verdict}")]
    HostKey { host: String, verdict: &'static str, known_hosts: Option<PathBuf> },
    /// Host keys could not be read or kept.
    #[error("could not use the host keys in {}", path.display())]
    KnownHosts {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The upstream offers a reference that git itself would not take.
    #[error("git upstream {url} offers a reference with the invalid name {name:?}")]
    RefName { url: String, name: String },
    /// The upstream offers a reference but did not send what it names.
    #[error("git upstream {url} did not send {object}, which its {name} names")]
    Missing { url: String, name: String, object: String },
    /// Something arrived and what it names did not.
    #[error("git upstream {url} sent {object} without {needs}, which it names")]
    Incomplete { url: String, object: String, needs: String },
    /// What is pinned is not there.
    #[error("git upstream {url} has no {name}, which is pinned")]
    Pin { url: String, name: String },
    /// The pinned commit is not there.
    #[error(
        "{name} of git upstream {url} does not have commit {commit}, which is pinned, in its history"
    )]
    NotInHistory { url: String, name: String, commit: String },
    /// A reference must be signed and is not, or not by a named key.
    #[error("git upstream {url}: nobody who is named vouches for {name} ({object})")]
    Unproven {
        url: String,
        name: String,
        object: String,
        #[source]
        source: Box<Refused>,
    },
    /// Nothing of the upstream is signed.
    #[error("git upstream {url} has no signed tag")]
    NothingSigned { url: String },
    /// Keys could not be read.
    #[error("could not read the keys in {}", path.display())]
    Keys {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The upstream had references and has none any more.
    #[error("git upstream {url} has no branches any more; the mirror keeps what it has")]
    Emptied { url: String },
    /// The repository has references but is not ours.
    #[error("{} is not a mirror of booddies and is not empty: it is left alone", path.display())]
    Foreign { path: PathBuf },
    /// The bare repository could not be opened or made.
    #[error("could not open bare repository {}", path.display())]
    Open {
        path: PathBuf,
        #[source]
        source: git2::Error,
    },
    /// The bare repository could not be read.
    #[error("could not read bare repository {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: git2::Error,
    },
    /// Another git process holds the references.
    #[error("the references of {} are locked by another git process", path.display())]
    Busy { path: PathBuf },
    /// The bare repository could not be written.
    #[error("could not write bare repository {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// Description or configuration of the bare repository could not be written.
    #[error("could not configure bare repository {}", path.display())]
    Configure {
        path: PathBuf,
        #[source]
        source: git2::Error,
    },
    /// gitolite's own repository could not be changed.
    #[error("could not prepare the change of gitolite's configuration at {url}")]
    Prepare {
        url: String,
        #[source]
        source: git2::Error,
    },
    /// gitolite did not take the push.
    #[error("could not push gitolite's configuration to {url}")]
    Push {
        url: String,
        #[source]
        source: git2::Error,
    },
    /// gitolite took the push and then complained.
    #[error("gitolite refused its configuration: {said}")]
    Refused { said: String },
    /// The thread that mirrored died.
    #[error("the mirror run of {name} ended abnormally")]
    Lost {
        name: String,
        #[source]
        source: tokio::task::JoinError,
    },
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Connect { source, .. }
            | Self::Fetch { source, .. }
            | Self::Push { source, .. } => blame(source),
            Self::Stalled { .. }
            | Self::RefName { .. }
            | Self::Incomplete { .. }
            | Self::Emptied { .. } => Class::Upstream,
            Self::Interrupted { .. } => Class::Interrupted,
            Self::HostKey { .. }
            | Self::Missing { .. }
            | Self::Unproven { .. }
            | Self::NothingSigned { .. } => Class::Verification,
            Self::Absent { .. }
            | Self::Pin { .. }
            | Self::NotInHistory { .. }
            | Self::Keys { .. }
            | Self::KnownHosts { .. }
            | Self::Foreign { .. }
            | Self::Refused { .. } => Class::Configuration,
            Self::Open { .. }
            | Self::Read { .. }
            | Self::Busy { .. }
            | Self::Write { .. }
            | Self::Configure { .. }
            | Self::Prepare { .. }
            | Self::Lost { .. } => Class::Local,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Connect { source, .. } | Self::Push { source, .. }
                if source.code() == ErrorCode::Auth =>
            {
                "see that the identity key exists, is mode 0600 without passphrase, and is known there"
                    .to_owned()
            }
            Self::HostKey { host, known_hosts: Some(path), .. } => format!(
                "compare the key with its owner, then put it into {} (or name {host} under trust_hosts)",
                path.display()
            ),
            Self::HostKey { host, .. } => format!("name {host} under trust_hosts"),
            Self::Foreign { path } => format!(
                "choose another local name, or hand the repository over: git -C {} config booddies.mirror true",
                path.display()
            ),
            Self::Emptied { .. } => {
                "if that is meant, remove the mirror's folder and feed again".to_owned()
            }
            Self::Busy { .. } => "try again; if no git process runs there, remove packed-refs.lock".to_owned(),
            Self::Unproven { .. } => {
                "the mirror stays as it is; name the signer's key under keys, or pin what is signed".to_owned()
            }
            Self::Pin { .. } | Self::NotInHistory { .. } => {
                "correct branch, tag or commit in gito.toml; the mirror keeps what it has".to_owned()
            }
            Self::Stalled { .. } => "try again later, what arrived before is still served".to_owned(),
            _ => return None,
        })
    }
}

/// Tells a full disk and a refused login from an upstream that does not deliver.
fn blame(error: &git2::Error) -> Class {
    let local = ["No space left", "Permission denied", "Read-only file system"];
    if error.code() == ErrorCode::Auth {
        Class::Configuration
    } else if error.class() == ErrorClass::Os && local.iter().any(|it| error.message().contains(it))
    {
        Class::Local
    } else {
        Class::Upstream
    }
}
