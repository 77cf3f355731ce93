//! What the suite stands on: sites of its own, upstreams of its own, and programs run and believed.
//!
//! Everything here panics on failure: it is test code, and a fixture that cannot be made is a failed test.

pub mod disk;
pub mod forge;
pub mod install;
mod loopback;
pub mod machine;
pub mod mirrored;
pub mod program;
pub mod repositories;
pub mod site;
pub mod skip;
pub mod upstream;
pub mod vm;

pub use disk::SmallDisk;
pub use program::{Finished, run};
pub use site::Site;
pub use skip::skip;

/// The repository that this crate stands in.
pub fn repository() -> std::path::PathBuf {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the crate stands in the repository").to_owned()
}
