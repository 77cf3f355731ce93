//! This host: its files, its firewall, its locks, its init system.

pub mod apt;
pub mod files;
pub mod firewall;
pub mod link;
pub mod lock;
pub mod network;
pub mod notify;
pub mod ports;
pub mod rack;
pub mod secrets;
