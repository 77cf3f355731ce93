//! What can go wrong with an image, and which of the two registries is to blame.

use std::io;
use std::path::PathBuf;

use super::fault::Fault;
use crate::{Class, Classified};

/// An image could not be copied; the tag still names what it named before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message of a variant names its fields")]
pub enum Error {
    /// A name is not one that registries take.
    #[error("`{name}` is not the name of an image")]
    Name { name: String },
    /// The HTTP client could not be made, most likely for want of a readable certificate.
    #[error("could not prepare to speak with registry {host}")]
    Client {
        host: String,
        #[source]
        source: Fault,
    },
    /// The upstream did not answer a question.
    #[error("could not read {what} from registry {host}")]
    Read {
        host: String,
        what: String,
        #[source]
        source: Fault,
    },
    /// The site's own registry did not answer or did not take something.
    #[error("could not write {what} to registry {host}")]
    Write {
        host: String,
        what: String,
        #[source]
        source: Fault,
    },
    /// A manifest is too large to be one.
    #[error("registry {host} lists {what} with {size} bytes, more than a manifest may have")]
    Oversized { host: String, what: String, size: u64 },
    /// A manifest cannot be read.
    #[error("registry {host} answered {what} with something that is no manifest")]
    Malformed {
        host: String,
        what: String,
        #[source]
        source: serde_json::Error,
    },
    /// A manifest of a kind we do not copy.
    #[error("registry {host} answered {what} with a manifest of an unknown kind: {kind}")]
    Unsupported { host: String, what: String, kind: String },
    /// What came is not what its digest says.
    #[error("registry {host} delivered something else for {digest}: {actual}")]
    Altered { host: String, digest: String, actual: String },
    /// Nobody that is trusted vouches for the image.
    #[error("nobody vouches for {what} ({digest}) of {host}: {why}")]
    Unproved { host: String, what: String, digest: String, why: String },
    /// An index has no image for any of the wanted platforms.
    #[error("{what} of {host} has no image for {wanted}")]
    Platforms { host: String, what: String, wanted: String },
    /// A stream ended early, again and again.
    #[error("registry {host} delivered only {got} of {size} bytes of {digest}")]
    Truncated { host: String, digest: String, got: u64, size: u64 },
    /// The archive could not be read or unpacked.
    #[error("could not {what} image in {}", folder.display())]
    Archive {
        what: &'static str,
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The archive is not one that an engine saves.
    #[error("the image is not whole: {0}")]
    Incomplete(String),
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Name { .. } | Self::Client { .. } | Self::Platforms { .. } => {
                Class::Configuration
            }
            Self::Read { source, .. } | Self::Write { source, .. } if source.is_refusal() => {
                Class::Configuration
            }
            Self::Read { .. }
            | Self::Oversized { .. }
            | Self::Malformed { .. }
            | Self::Unsupported { .. }
            | Self::Truncated { .. } => Class::Upstream,
            Self::Altered { .. } | Self::Unproved { .. } => Class::Verification,
            Self::Write { .. } | Self::Archive { .. } | Self::Incomplete(_) => Class::Local,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Name { .. } => "write repository:tag, such as library/busybox:1.36".to_owned(),
            Self::Read { source, host, .. } | Self::Write { source, host, .. }
                if source.is_refusal() =>
            {
                format!("see who may do that at {host}")
            }
            Self::Read { source, .. } if source.is_absent() => {
                "see that the repository and the tag exist there".to_owned()
            }
            Self::Read { source: Fault::Page, host, .. } => {
                format!("look at https://{host}/v2/ with a browser, from this host")
            }
            Self::Write { source, host, .. } if source.is_full() => {
                format!("make room on the disk of {host}, then run the same again")
            }
            Self::Write { host, .. } => format!("see whether {host} is up: runctl status regi"),
            Self::Altered { host, .. } => {
                format!(
                    "do not use it before {host} has been looked at; nothing of it was published"
                )
            }
            Self::Unproved { .. } => {
                "see that the right key is named in `verify`; the image was not taken".to_owned()
            }
            _ => return None,
        })
    }
}
