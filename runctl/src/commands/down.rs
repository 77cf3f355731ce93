//! `runctl down`: stops and removes containers; what the services keep stays.

use std::time::Duration;

use clap::Args;

use super::services::Services;
use super::{Context, lock_engine, up::bring_up};
use crate::engine::Docker;
use crate::failure::Outcome;
use crate::plan::{self, Wanted};

/// Arguments of `down`.
#[derive(Debug, Args)]
pub struct Down {
    #[command(flatten)]
    services: Services,
    /// Print what would be done and why; do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Removes services, and with the last of them the network.
pub async fn down(context: &Context, down: &Down) -> Outcome {
    let site = context.site()?;
    let docker = Docker::connect().await?;
    let wanted = Wanted::of(&site, &down.services.chosen());
    if down.dry_run {
        let seen = plan::observe(&docker, &wanted).await?;
        return context.console.plan(&plan::down(&wanted, &seen));
    }
    let _lock = lock_engine(&site, "down", Duration::ZERO).await?;
    let seen = plan::observe(&docker, &wanted).await?;
    let plan = plan::down(&wanted, &seen);
    bring_up(context, &docker, &wanted, &plan).await?;
    let done = plan.steps.len();
    context.console.report(
        || serde_json::json!({ "changed": done }),
        || {
            if done == 0 { "nothing to change\n".to_owned() } else { String::new() }
        },
    );
    Ok(())
}
