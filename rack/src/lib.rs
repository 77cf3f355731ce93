//! Machines and what they become: boot scripts, menus and answer files, decided and rendered without I/O.
//!
//! The words are [`machine`], [`firmware`], [`profile`] and [`distro`]; [`book`] holds all that a site knows of them. [`decide`] says what a
//! machine that asks gets, [`render`] writes it, and [`check`] finds what would stop it on the way. The service around this
//! library is the crate `rack-service`.

pub mod book;
pub mod check;
pub mod control;
pub mod decide;
pub mod distro;
pub mod firmware;
pub mod mac;
pub mod machine;
pub mod profile;
pub mod render;

pub use book::{Book, Custom, Fed, Lacking, RootImage, SiteFacts, Way};
pub use decide::{Asking, Decision, Install, InstallState};
pub use distro::{Answers, BootFiles, Distro, Method, Network, Template, Tree, Version};
pub use firmware::Firmware;
pub use mac::Mac;
pub use machine::Machine;
pub use profile::{Disk, Layout, Profile, User};
pub use render::{Error, Place, Places, Served, Syntax};
