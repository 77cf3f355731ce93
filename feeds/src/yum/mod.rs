//! YUM repositories: mirrored as the upstream made them, metadata of every type and all packages of some architectures.
//!
//! The chain: a trusted key signs `repomd.xml`, which gives the digest of every metadata file; `primary` among them
//! gives the digest of every package.

mod age;
mod error;
mod fragments;
#[cfg(fuzzing)]
pub mod fuzzing;
mod head;
mod header;
mod keys;
mod listing;
mod loose;
mod metadata;
mod metalink;
mod mirrorlist;
mod part;
mod primary;
mod record;
mod repomd;
mod select;
pub(crate) mod signatures;
mod source;
mod survey;
pub mod treeinfo;
mod window;
mod xml;

pub use error::Error;
pub(crate) use listing::list;
pub use loose::{Loose, survey as survey_loose};
pub use select::Filter;
pub use signatures::{BadSignatures, PackageKeys};
pub use source::{InstallTree, Selection, Signed, Source, Trust, Upstream};
pub use survey::survey;
pub use xml::Unreadable;
