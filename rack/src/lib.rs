//! Machines and what they become: boot scripts and answer files, rendered without I/O.
//!
//! [`machine`] and [`firmware`] hold the words, [`mac`] the Ethernet address by which a machine is known, and [`render`]
//! turns a site's machines and profiles into the files that they will ask for.

pub mod firmware;
pub mod mac;
pub mod machine;
pub mod render;

pub use firmware::Firmware;
pub use mac::Mac;
pub use machine::{Answer, Machine, Profile};
