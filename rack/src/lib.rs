//! Machines and what they become: boot scripts and answer files, rendered without I/O.
//!
//! [`machine`] holds the words, [`mac`] the Ethernet address by which a machine is known, and [`render`] turns a site's
//! machines and profiles into the files that they will ask for.

pub mod mac;
pub mod machine;
pub mod render;

pub use mac::Mac;
pub use machine::{Answer, Firmware, Machine, Profile};
