//! Git: bare mirrors of upstream repositories, and gitolite's side of them.
//!
//! A mirror holds its upstream's branches, tags and notes (not `refs/pull/*` and the like, which forges make in numbers
//! and nobody clones). Objects come first, into quarantine; then all references move by one rename of `packed-refs`, so
//! whoever clones sees the old state or the new one, and a killed run leaves the old one. This folder is the only one that names git2.

mod all;
mod bare;
mod bundle;
mod error;
mod gitolite;
mod incoming;
mod known_hosts;
mod login;
mod mirror;
mod offer;
mod onward;
mod pin;
mod puppetfile;
mod refs;
mod remote;
mod settle;
mod signed;
mod signers;
mod system;
#[cfg(test)]
mod tests;
mod tip;
mod turns;
mod unbundle;

use std::collections::BTreeSet;
use std::path::PathBuf;

pub use all::mirror_all;
pub use bundle::{Bundled, bundle};
pub use error::Error;
pub use gitolite::{
    Admin, Rule, UserKey, add_user, configuration, ensure_admin, is_served, is_told, make_again,
    release, remove_user, users,
};
pub use login::Login;
pub use mirror::mirror;
pub use pin::Pin;
pub use puppetfile::{Modules, modules, modules_in};
pub use remote::masked;
pub use signed::{Signed, Verification};
pub use signers::Refused;
pub use tip::texts;

/// Where a mirror reads from, and with what.
#[derive(Clone, Debug)]
pub struct Source {
    /// Shown with its progress.
    pub name: String,
    /// A path (of a repository, of a bundle or of a folder of bundles), or a `file`, `git`, `http`, `https` or `ssh` URL (`user@host:path` too).
    pub url: String,
    /// How to log in, and whom to believe.
    pub access: Access,
    /// By what it is fetched.
    pub by: By,
    /// What of it is mirrored.
    pub pin: Pin,
    /// What must be signed, and by whom; none takes what comes.
    pub verification: Option<Verification>,
}

/// By what an upstream is fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// By libgit2; where it does not understand the upstream, by the system's git, which is told.
    #[default]
    Whatever,
    /// By the system's git.
    Git,
}

/// What is needed to log in over https and ssh.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// User and password over https.
    pub login: Login,
    /// The private key (without a passphrase).
    pub identity: Option<PathBuf>,
    /// Host keys that are trusted, as `known_hosts` has them.
    pub known_hosts: Option<PathBuf>,
    /// Hosts whose key is learned on first sight and kept in `known_hosts`.
    pub learn: Vec<String>,
}

/// Where a mirror is kept, and how it presents itself.
#[derive(Clone, Debug)]
pub struct Target {
    /// The bare repository, made where it is missing.
    pub bare: PathBuf,
    /// Who owns its files (uid and gid); none leaves them to this process's user.
    pub owner: Option<(u32, u32)>,
    /// What becomes of references that the upstream does not have like this.
    pub divergence: Divergence,
    /// What people see.
    pub card: Card,
    /// Where gito looks for what it shall push on; none where nothing is.
    pub queue: Option<PathBuf>,
}

/// What becomes of a reference that was moved or made in the mirror itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Divergence {
    /// The upstream's state wins: a plain mirror, which nobody writes to.
    Overwrite,
    /// Only fast-forwards are taken: for a repository that is also pushed to.
    Keep,
}

/// How a repository presents itself in cgit, and where gitolite pushes it on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    /// Who answers for it.
    pub owner: String,
    /// One line.
    pub description: String,
    /// Section of the index page.
    pub category: String,
    /// Where gito pushes on to what was pushed to it or fed.
    pub push_mirror: Option<String>,
}

/// What a mirror holds after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirrored {
    /// Every reference with the object it names, in order.
    pub refs: Vec<(String, String)>,
    /// The default branch, where the upstream has one.
    pub head: Option<String>,
    /// Whether any reference moved.
    pub changed: bool,
    /// References that were left alone although the upstream differs.
    pub kept: Vec<String>,
    /// Where old tips are from now on that the upstream rewrote or deleted.
    pub archived: Vec<String>,
    /// Who signed what was taken.
    pub signed_by: BTreeSet<String>,
    /// Branches that no signed tag vouches for, or not as far as the upstream has them.
    pub behind: Vec<String>,
}
