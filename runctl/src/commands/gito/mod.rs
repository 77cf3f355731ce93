//! `runctl gito`: who may log in to gito, what it could not push on, and its repositories on a stick.

mod admin;
mod bundle;
mod queue;
mod user;

use clap::Subcommand;

pub(super) use admin::{as_admin, queue, secrets};

use super::Context;
use crate::failure::Outcome;

/// The verbs of `runctl gito`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The people who may log in: add, list and remove their ssh keys.
    User {
        /// What is done with them.
        #[command(subcommand)]
        what: user::Verb,
    },
    /// Show what could not be pushed on to other forges, and why; gito tries it again by itself.
    Queue(queue::Queue),
    /// Write every repository to a folder as git bundles: all of it at first, then what is new.
    ///
    /// The receiver needs nothing but git: `git fetch --prune 0002.bundle '+refs/*:refs/*'` brings exactly this state.
    Bundle(bundle::Bundle),
}

/// Runs one of the verbs.
pub async fn gito(context: &Context, verb: &Verb) -> Outcome {
    match verb {
        Verb::User { what } => user::user(context, what).await,
        Verb::Queue(arguments) => queue::show(context, arguments).await,
        Verb::Bundle(arguments) => bundle::bundle(context, arguments).await,
    }
}
