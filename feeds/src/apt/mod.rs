//! APT repositories: mirrored whole as the upstream signed them, or by package list, re-indexed and signed by the site.
//!
//! The chain: a trusted key signs `InRelease`, which gives the digest of every index, which gives the digest of every
//! package. A package list is closed over what its packages need, over all suites together, and told as one suite.

mod age;
pub mod deb;
mod deb822;
mod error;
mod file;
mod filter;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod host;
mod indexes;
mod listing;
mod loose;
mod neighbour;
mod package;
mod reindex;
mod relation;
mod release;
mod select;
mod source;
mod sources;
mod stream;
mod subset;
mod survey;
mod upstream;
mod version;
mod whole;

pub use error::Error;
pub use filter::Filter;
pub use host::{HostSource, host_checks_valid_until, host_sources};
pub(crate) use listing::list;
pub use loose::{Loose, survey as survey_loose};
pub use package::Incomplete;
pub use release::Unreadable;
pub use select::Wanted;
pub use source::{Extras, Missing, Selection, Signing, Source, Subset, Suite, Trust};
pub use survey::survey;

/// Does work that takes a processor for long, away from whoever serves connections.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(stopped) => std::panic::resume_unwind(stopped.into_panic()),
    }
}
