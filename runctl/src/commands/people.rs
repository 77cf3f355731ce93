//! `… user add|list|remove`: the shape of it that gito and regi share; what adding takes is each one's own.

use clap::{Args, Subcommand};

use super::trial::Trial;

/// What is done with the people of one service.
#[derive(Debug, Subcommand)]
pub enum Verb<Add: Args> {
    // Undocumented, so that `--help` tells what the arguments' own type does.
    Add(Add),
    /// List the users.
    List,
    /// Remove a user, who may no longer log in.
    Remove(Remove),
}

/// Arguments of `user remove`.
#[derive(Debug, Args)]
pub struct Remove {
    /// Name of the user.
    pub(super) name: String,
    #[command(flatten)]
    pub(super) trial: Trial,
}
