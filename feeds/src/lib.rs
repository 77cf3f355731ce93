//! Mirrors: surveys an upstream, verifies its chain, fetches into one store and publishes whole generations.
//!
//! Data flows one way: a kind of upstream ([`yum`], [`apt`], [`files`]) surveys and returns a [`plan::Plan`]; the plan is
//! fetched through the one [`transfer::Transfer`] into the one [`store::Store`] and becomes a [`store::Tree`]; trees are
//! published together as a generation. Nothing here knows docker, the command line or a terminal.

mod age;
pub mod apt;
mod compression;
pub mod digest;
pub mod error;
pub mod events;
pub mod files;
mod folder;
pub mod git;
mod heads;
pub mod lock;
mod neighbour;
pub mod oci;
pub mod pages;
pub mod patterns;
pub mod plan;
mod relay;
mod remove;
pub mod store;
pub mod transfer;
pub mod trust;
mod unsatisfied;
pub mod yum;

pub use age::Older;
pub use error::{Class, Classified};
pub use neighbour::Neighbour;
pub use unsatisfied::Unsatisfied;
