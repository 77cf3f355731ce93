//! `runctl build`: makes the images, as far as their sources changed.

use std::time::Duration;

use clap::Args;

use super::{Context, lock_engine};
use crate::cli::Services;
use crate::engine::Docker;
use crate::failure::Outcome;
use crate::images::{self, Options};
use crate::ui::table::Table;

/// Arguments of `build`.
#[derive(Debug, Args)]
pub struct Build {
    #[command(flatten)]
    services: Services,
    /// Build everything anew, from the packages that the sources have now.
    #[arg(long)]
    fresh: bool,
}

/// Builds the images of services.
pub async fn build(context: &Context, build: &Build) -> Outcome {
    let site = context.site()?;
    let docker = Docker::connect().await?;
    let _lock = lock_engine(&site, "build", Duration::ZERO).await?;
    let options = Options { fresh: build.fresh };
    let watch = context.console.watch();
    let images = images::build(&docker, &site, &build.services.chosen(), options, &*watch).await?;
    let mut table = Table::new(["image", "id", "built"]);
    for image in &images {
        let id: String = image.id.trim_start_matches("sha256:").chars().take(12).collect();
        table.row([
            image.image.clone(),
            id,
            if image.unchanged { "unchanged" } else { "now" }.to_owned(),
        ]);
    }
    context.console.report(|| serde_json::json!({ "images": images }), || table.to_string());
    Ok(())
}
