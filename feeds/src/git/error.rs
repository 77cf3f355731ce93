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
    /// The file with user and password could not be used.
    #[error("could not use the login in {}", path.display())]
    Login {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The system's git did not start.
    #[error("could not run the system's git for upstream {url}")]
    RunGit {
        url: String,
        #[source]
        source: std::io::Error,
    },
    /// The system's git failed.
    #[error("the system's git could not fetch from upstream {url}: {said}")]
    Git { url: String, said: String },
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
    /// A bundle could not be written.
    #[error("could not write a bundle into {}", path.display())]
    Bundle {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// A bundle could not be taken.
    #[error("could not take what is in {}", path.display())]
    Unbundle {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A bundle builds on what is not here.
    #[error("{} builds on {commit}, which neither the mirror nor a bundle before it has", path.display())]
    Prerequisite { path: PathBuf, commit: String },
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
    /// Where gitolite should make a repository lies something else.
    #[error("what lies at {} is no repository", path.display())]
    InTheWay { path: PathBuf },
    /// gitolite took the push and then complained.
    #[error("gitolite refused its configuration: {said}")]
    Refused { said: String },
    /// What shall be a user's key is none.
    #[error("what is given for user {name} is not an ssh public key")]
    UserKey {
        name: String,
        #[source]
        source: ssh_key::Error,
    },
    /// The key is another's already.
    #[error("this key is already that of user {user}")]
    KeyTaken { user: String },
    /// The user has another key already.
    #[error("user {name} already has another key, {path}")]
    UserHasKey { name: String, path: String },
    /// Nobody is called so.
    #[error("gitolite has no key of user {name}, only of {known}")]
    NoSuchUser { name: String, known: String },
    /// The service needs this user.
    #[error("user {name} is the service's own")]
    ReservedUser { name: String },
    /// The thread that mirrored died.
    #[error("the mirror run of {name} ended abnormally")]
    Lost {
        name: String,
        #[source]
        source: tokio::task::JoinError,
    },
}

impl Error {
    /// Whether this is gitolite's complaint of one repository, which it names by its folder.
    pub fn blames(&self, repository: &str) -> bool {
        let Self::Refused { said } = self else { return false };
        let folder = format!("{repository}.git");
        let mut words = said.split(|it: char| it.is_whitespace() || "'\":,".contains(it));
        words.any(|word| word == folder || word.ends_with(&format!("/repositories/{folder}")))
    }
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
            | Self::Git { .. }
            | Self::Unbundle { .. }
            | Self::Prerequisite { .. }
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
            | Self::Login { .. }
            | Self::KnownHosts { .. }
            | Self::Foreign { .. }
            | Self::UserKey { .. }
            | Self::KeyTaken { .. }
            | Self::UserHasKey { .. }
            | Self::NoSuchUser { .. }
            | Self::ReservedUser { .. }
            | Self::InTheWay { .. }
            | Self::Refused { .. } => Class::Configuration,
            Self::Open { .. }
            | Self::Read { .. }
            | Self::Busy { .. }
            | Self::Write { .. }
            | Self::Configure { .. }
            | Self::Prepare { .. }
            | Self::RunGit { .. }
            | Self::Bundle { .. }
            | Self::Lost { .. } => Class::Local,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Connect { source, .. } | Self::Push { source, .. }
                if source.code() == ErrorCode::Auth =>
            {
                "see that the identity key (over https: the login of credentials) exists, is mode 0600 without passphrase, and is known there"
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
            Self::Prerequisite { .. } => {
                "bring the bundles before it, too, or one that holds everything".to_owned()
            }
            Self::Busy { .. } => "try again; if no git process runs there, remove packed-refs.lock".to_owned(),
            Self::InTheWay { .. } => "move it away, then feed again".to_owned(),
            Self::UserKey { .. } => "name the file that ends in .pub".to_owned(),
            Self::UserHasKey { .. } => {
                "give the new key a label (--label laptop), or remove the user first".to_owned()
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gitolite_blames_a_repository_by_the_whole_name_of_its_folder() {
        for said in [
            "FATAL: mkdir art/words.git: File exists at Common.pm line 139.",
            "FATAL: chdir '/var/lib/gito/repositories/art/words.git' failed: Permission denied",
        ] {
            let complaint = Error::Refused { said: said.to_owned() };
            assert!(complaint.blames("art/words"), "{said}");
            assert!(!complaint.blames("words") && !complaint.blames("art/word"), "{said}");
        }
        let complaint = Error::Refused { said: "FATAL: bad line in gitolite.conf".to_owned() };
        assert!(!complaint.blames("gitolite"));
    }
}
