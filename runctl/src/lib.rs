//! Builds and supervises the booddies services of one docker host.
//!
//! Data flows one way: [`site`] is what the operator wrote, [`services`] says what containers that means, [`plan`]
//! compares it with what [`engine`] and [`host`] see, and applies the difference; [`probe`] asks each service in its own
//! protocol; [`commands`] ties a verb to these; [`ui`] is how it looks.

pub mod cli;
pub mod commands;
pub mod engine;
pub mod failure;
pub mod host;
pub mod images;
pub mod plan;
pub mod probe;
pub mod rehearse;
pub mod service;
pub mod services;
pub mod site;
pub mod supervise;
pub mod trace;
pub mod ui;

pub use cli::main;
