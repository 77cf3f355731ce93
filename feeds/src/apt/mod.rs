//! APT repositories: mirrored whole as the upstream signed them, or by package list, re-indexed and signed by the site.
//!
//! The chain: a trusted key signs `InRelease`, which gives the digest of every index, which gives the digest of every
//! package. A package list is closed over what its packages need, over all suites together, and told as one suite.

pub mod deb;
mod deb822;
mod error;
pub mod host;
mod package;
mod reindex;
mod relation;
mod release;
mod select;
mod source;
mod survey;
mod upstream;
mod version;

pub use error::Error;
pub use host::{HostSource, host_checks_valid_until, host_sources};
pub use package::Incomplete;
pub use release::Unreadable;
pub use select::{Unsatisfied, Wanted};
pub use source::{Missing, Selection, Source, Suite, Trust};
pub use survey::survey;

/// Does work that takes a processor for long, away from whoever serves connections.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(stopped) => std::panic::resume_unwind(stopped.into_panic()),
    }
}
