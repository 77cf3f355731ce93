//! OCI images: copied from a registry, a folder, a tar, or the host's engine into the site's own registry, byte for byte.
//!
//! Blobs go first (those already there are skipped, those of a sister repository mounted), then the manifests of single
//! platforms, and the tag last: whoever pulls sees the old image or the new one, and a killed run leaves the old one.

mod archive;
mod body;
mod copy;
mod cosign;
mod cut;
mod error;
mod fault;
mod held;
mod layout;
mod lock;
mod manifest;
mod origin;
mod parts;
mod place;
mod platform;
mod prune;
mod publish;
mod push;
mod record;
mod registry;
mod saved;
mod source;
mod tags;
#[cfg(test)]
mod tests;
mod token;
mod upstreams;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

pub use archive::Archive;
pub use copy::{Terms, copy};
pub use cosign::{Key, NotKey};
pub use error::Error;
pub use fault::Fault;
pub use held::{Held, full_name, take_down};
pub use platform::Platform;
pub use prune::{Doomed, doomed, prune};
pub use record::{Fed, Record};
pub use registry::Registry;
pub use saved::{holds, push_archive};
pub use source::{Source, is_layout};
pub use tags::{Choice, Versions};
pub use upstreams::Upstreams;

/// A registry and who we are there.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// `host[:port]`.
    pub host: String,
    /// Whether it speaks plain HTTP.
    pub plain: bool,
    /// Whose certificates are believed.
    pub authority: Authority,
    /// Who we are; none is anonymous.
    pub login: Option<Login>,
    /// How often and how patiently a failed request is tried again.
    pub retry: Retry,
    /// Requests under way at once.
    pub parallel: usize,
}

/// Whose certificates are believed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Authority {
    /// The system's.
    System,
    /// The system's and this one (PEM).
    Also(Vec<u8>),
    /// Only this one (PEM).
    Only(Vec<u8>),
}

/// A user and a password; never printed.
#[derive(Clone)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A budget for failed requests.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// How often a request is made at most.
    pub attempts: u32,
    /// The pause after the first failure; it doubles each time.
    pub pause: Duration,
    /// Who says nothing for so long is given up.
    pub silence: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        let (pause, silence) = (Duration::from_millis(500), Duration::from_mins(1));
        Self { attempts: 5, pause, silence }
    }
}

/// What one image came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The digest that the tag names now.
    pub digest: String,
    /// How many blobs went over the wire.
    pub blobs_pushed: usize,
    /// How many bytes they had.
    pub bytes: u64,
    /// Signatures, attestations and other referrers that lie beside it: their tags, and what these name.
    pub companions: BTreeMap<String, String>,
    /// What its tag named until now, and the tag that this is kept under.
    pub previous: Option<(String, String)>,
    /// The key that vouches for it, where one had to.
    pub signer: Option<String>,
}

impl Copied {
    /// Nothing had to be done.
    pub fn unchanged(digest: String) -> Self {
        let (companions, previous, signer) = (BTreeMap::new(), None, None);
        Self { digest, blobs_pushed: 0, bytes: 0, companions, previous, signer }
    }
}
