//! Why a file could not be fetched: each mirror that was tried, and what it did.

use std::fmt;
use std::io;

use crate::digest::{Digest, Sha256};
use crate::{Class, Classified, store};

/// Nothing was fetched, or not all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No mirror delivered the file.
    #[error("cannot fetch `{label}`: {}", Listed(failures, "; "))]
    Unavailable {
        /// The file.
        label: String,
        /// The last failure of each mirror.
        failures: Vec<Failure>,
    },
    /// A file has no address.
    #[error("`{label}` has no address to be fetched from")]
    NoAddress {
        /// The file.
        label: String,
    },
    /// Some files of a tree could not be fetched; the others were.
    #[error("{} of {total} files of `{label}` failed:\n  {}", failed.len(), Listed(failed, "\n  "))]
    Several {
        /// The tree.
        label: String,
        /// How many files were to be fetched.
        total: usize,
        /// Each file that failed.
        failed: Vec<Error>,
    },
    /// The store failed.
    #[error("cannot keep `{label}`")]
    Keep {
        /// The file or tree.
        label: String,
        /// Why.
        source: store::Error,
    },
    /// A partial file cannot be written.
    #[error("cannot write the partial file of `{label}`")]
    Partial {
        /// The file.
        label: String,
        /// Why.
        source: io::Error,
    },
    /// An object that was there is not there any more.
    #[error("an object of `{label}` was removed while it was being fetched")]
    Vanished {
        /// The tree.
        label: String,
    },
    /// The HTTP client cannot be set up.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
}

/// What one mirror did.
#[derive(Debug)]
pub struct Failure {
    /// The address, credentials masked.
    pub url: String,
    /// What happened.
    pub reason: Reason,
}

/// Why a mirror did not deliver a file.
#[derive(Debug)]
pub enum Reason {
    /// It could not be reached.
    Unreachable(String),
    /// It broke off.
    Connection(String),
    /// It answered with such a status.
    Status(u16),
    /// Nothing came for so many seconds.
    Stalled(u64),
    /// So few bytes came in so many seconds that it could go on for ever.
    Dripping {
        /// Bytes that came.
        bytes: u64,
        /// In this time.
        seconds: u64,
    },
    /// The body ended early.
    Short {
        /// Bytes that came.
        got: u64,
        /// Bytes that were to come.
        wanted: u64,
    },
    /// The file is longer than it may be.
    TooLong {
        /// Bytes that it may have.
        limit: u64,
    },
    /// The file has another length than its index says.
    WrongSize {
        /// Bytes that it has.
        got: u64,
        /// Bytes that it should have.
        wanted: u64,
    },
    /// The file has another sha256 than its index says.
    WrongSha256 {
        /// Its sha256.
        got: Sha256,
        /// What it should be.
        wanted: Sha256,
    },
    /// The file has another digest than its index says.
    WrongDigest {
        /// What it should be.
        wanted: Digest,
    },
    /// It resumed at another place than it was asked to, or another file.
    Resumed,
    /// The address cannot be asked.
    Scheme(String),
    /// A file carried in on media cannot be read.
    Media(String),
}

impl Reason {
    /// Tells whether the mirror delivered something that is not what its index promises.
    pub fn is_wrong_content(&self) -> bool {
        use Reason::{TooLong, WrongDigest, WrongSha256, WrongSize};
        matches!(self, TooLong { .. } | WrongSize { .. } | WrongSha256 { .. } | WrongDigest { .. })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "it answered {status}"),
            Self::Stalled(seconds) => write!(f, "nothing came for {seconds} s"),
            Self::Dripping { bytes, seconds } => {
                write!(f, "only {bytes} bytes came in {seconds} s")
            }
            Self::Short { got, wanted } => {
                write!(f, "it broke off after {got} of {wanted} bytes")
            }
            Self::TooLong { limit } => write!(f, "it sends more than {limit} bytes"),
            Self::WrongSize { got, wanted } => {
                write!(f, "its file has {got} bytes, {wanted} are expected")
            }
            Self::WrongSha256 { got, wanted } => {
                write!(f, "its file has the sha256 {got}, {wanted} is expected")
            }
            Self::WrongDigest { wanted } => {
                write!(f, "its file does not have the {} {wanted}", wanted.algorithm())
            }
            Self::Resumed => f.write_str("it does not resume where it was asked to"),
            Self::Scheme(scheme) => write!(f, "`{scheme}` addresses cannot be fetched"),
            Self::Unreachable(what) | Self::Connection(what) | Self::Media(what) => {
                f.write_str(what)
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.reason)
    }
}

struct Listed<'a, T>(&'a [T], &'static str);

impl<T: fmt::Display> fmt::Display for Listed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(self.1)?;
            }
            item.fmt(f)?;
        }
        Ok(())
    }
}

impl Error {
    /// Returns the failures of single files, flattened.
    pub fn each(&self) -> Vec<&Error> {
        match self {
            Self::Several { failed, .. } => failed.iter().flat_map(Error::each).collect(),
            single => vec![single],
        }
    }
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Unavailable { failures, .. } => {
                let wrong = failures.iter().any(|failure| failure.reason.is_wrong_content());
                if wrong { Class::Verification } else { Class::Upstream }
            }
            Self::NoAddress { .. } => Class::Configuration,
            Self::Several { failed, .. } => {
                let has = |class| failed.iter().any(|error| error.class() == class);
                let worst = [Class::Local, Class::Verification, Class::Configuration];
                worst.into_iter().find(|class| has(*class)).unwrap_or(Class::Upstream)
            }
            Self::Keep { source, .. } => source.class(),
            Self::Partial { .. } | Self::Vanished { .. } | Self::Client(_) => Class::Local,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Keep { source, .. } => source.hint(),
            Self::Several { failed, .. } => failed.iter().find_map(Classified::hint),
            _ => match self.class() {
                Class::Verification => Some(
                    "the mirror may be in the middle of an update or damaged: try again later, or name another one"
                        .to_owned(),
                ),
                Class::Upstream => Some(
                    "what was fetched is kept: run the feed again, or name another mirror".to_owned(),
                ),
                _ => None,
            },
        }
    }
}
