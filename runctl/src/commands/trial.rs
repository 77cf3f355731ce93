//! `--dry-run` of verbs that change one thing at once; those that plan say more of it themselves.

use clap::Args;

/// Whether anything is changed at all.
#[derive(Debug, Args)]
pub(super) struct Trial {
    /// Say what would be done; do nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
}
