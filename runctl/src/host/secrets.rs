//! Secrets (written by helper `images`).

use crate::services::Secret;

/// Whether it must be made, or made anew.
pub fn is_due(secret: &Secret) -> bool {
    !secret.path().exists()
}

/// Makes it.
pub fn make(secret: &Secret) -> anyhow::Result<()> {
    anyhow::bail!("{secret:?}")
}
