//! `runctl build`: makes the images, as far as their sources changed, and what machines boot and are installed from.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::services::Services;
use super::{Context, live, lock_engine};
use crate::engine::Docker;
use crate::failure::Outcome;
use crate::images::{self, Made, Options, Steps};
use crate::site::Site;
use crate::ui::table::Table;

/// Arguments of `build`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Examples:
  runctl build                   all images, as far as something changed
  runctl build --fresh boot      one anew, from the packages of today
  runctl build live              the live system, from what was fed
  runctl build os web            the root of profile `web`")]
pub struct Build {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    services: Services,
    /// Build everything anew, from the packages that the sources have now.
    #[arg(long)]
    fresh: bool,
}

/// What can be built beside the images of services.
#[derive(Debug, Subcommand)]
enum What {
    /// The loaders for machines that boot by HTTP, and media for those that cannot boot from the network.
    Loaders,
    /// The live system: rescue shell, hardware report, and the installer of root images.
    Live,
    /// The root that a profile of method `image` is installed from.
    Os {
        /// The profile.
        profile: String,
    },
}

/// Builds images, or what machines boot.
pub async fn build(context: &Context, build: &Build) -> Outcome {
    let site = context.site()?;
    match &build.what {
        None => return services(context, &site, build).await,
        Some(What::Loaders) => loaders(context, &site).await?,
        Some(What::Live) => {
            let watch = context.console.watch();
            let work = async |steps: &Steps<'_>| images::live::build(&site, steps).await;
            report(context, &Steps::follow("build live".to_owned(), &*watch, work).await?);
        }
        Some(What::Os { profile }) => {
            let watch = context.console.watch();
            let work = async |steps: &Steps<'_>| images::os::build(&site, profile, steps).await;
            report(context, &Steps::follow(format!("build os {profile}"), &*watch, work).await?);
        }
    }
    // rack offers what is there from now on.
    live::write_book(context)
}

fn report(context: &Context, made: &Made) {
    let text = || {
        let Made { path, size, generation } = made;
        format!(
            "/{path}/, {}, is served as generation {generation}\n",
            indicatif::HumanBytes(*size)
        )
    };
    context.console.report(|| serde_json::json!({ "built": made }), text);
}

async fn loaders(context: &Context, site: &Site) -> Outcome {
    let docker = Docker::connect().await?;
    let _lock = lock_engine(site, "build loaders", Duration::ZERO).await?;
    let watch = context.console.watch();
    let made = images::loaders::build(&docker, site, Options::default(), &*watch).await?;
    report(context, &made);
    Ok(())
}

async fn services(context: &Context, site: &Site, build: &Build) -> Outcome {
    let docker = Docker::connect().await?;
    let _lock = lock_engine(site, "build", Duration::ZERO).await?;
    let options = Options { fresh: build.fresh };
    let watch = context.console.watch();
    let images = images::build(&docker, site, &build.services.chosen(), options, &*watch).await?;
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
