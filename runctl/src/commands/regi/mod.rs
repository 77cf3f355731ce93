//! `runctl regi`: who may push to regi, how other hosts come to trust it, and its room on the disk.

mod gc;
mod trust;
mod user;

use clap::Subcommand;

use super::Context;
use crate::failure::Outcome;

/// The verbs of `runctl regi`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Add, list and remove those who may push beside the user of regi.toml.
    User {
        /// What to do about them.
        #[command(subcommand)]
        what: user::Verb,
    },
    /// Print how another host comes to trust regi: one command, with the digest of the script that it runs.
    Trust,
    /// Remove the blobs that no image needs any more; nobody can push meanwhile, everybody can pull.
    Gc(gc::Gc),
}

/// Runs one of the verbs.
pub async fn regi(context: &Context, verb: &Verb) -> Outcome {
    match verb {
        Verb::User { what } => user::user(context, what).await,
        Verb::Trust => trust::trust(context),
        Verb::Gc(gc) => gc::gc(context, gc).await,
    }
}
