//! `runctl up`: plan, apply, and wait until every probe passes.

use clap::Args;
use futures_util::future::join_all;

use super::services::Services;
use super::{Context, lock_engine};
use crate::engine::Docker;
use crate::failure::{Class, Failure, Outcome};
use crate::host::{network, ports};
use crate::plan::{self, Applier, Plan, Wanted};
use crate::service::Service;
use crate::services::ServiceSpec;
use crate::site::{Dhcp, Site};
use crate::supervise::{self, Ready};
use crate::ui::table::Table;

/// Arguments of `up`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  runctl up --dry-run            what would be done, and why
  runctl up                      all that is not as wanted
  runctl up boot rack            these two")]
pub struct Up {
    #[command(flatten)]
    services: Services,
    /// Print what would be done and why; do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Starts services and waits until they are ready.
pub async fn up(context: &Context, up: &Up) -> Outcome {
    let site = context.site()?;
    let docker = Docker::connect().await?;
    let wanted = Wanted::of(&site, &up.services.chosen());
    if up.dry_run {
        let plan = plan_up(&docker, &site, &wanted).await?;
        return context.console.plan(&plan);
    }
    let lock = lock_engine(&site, "up", std::time::Duration::ZERO).await?;
    let plan = plan_up(&docker, &site, &wanted).await?;
    bring_up(context, &docker, &wanted, &plan).await?;
    drop(lock);
    let answers =
        join_all(wanted.services.iter().map(|spec| supervise::until_ready(&docker, spec))).await;
    report(context, &plan, &wanted.services, answers)
}

/// Looks, and plans what is missing; refuses where the host stands in the way.
pub async fn plan_up(docker: &Docker, site: &Site, wanted: &Wanted) -> Outcome<Plan> {
    let seen = plan::observe(docker, wanted).await?;
    if seen.network.is_none() {
        network::refuse_conflicts(site).await?;
    }
    let boot_is_wanted = wanted.services.iter().any(|spec| spec.service == Service::Boot);
    let is_alone = site.boot.dhcp == Dhcp::Lend;
    if boot_is_wanted && is_alone && !seen.containers.contains_key(&Service::Boot) {
        ports::refuse_dhcp_servers(site).await?;
    }
    let missing: Vec<_> = wanted
        .services
        .iter()
        .filter(|spec| !seen.images.contains_key(&spec.image))
        .map(|spec| spec.image.as_str())
        .collect();
    if !missing.is_empty() {
        return Err(Failure::say(Class::Missing, format!("not built yet: {}", missing.join(", ")))
            .hint("run `runctl build`"));
    }
    Ok(plan::up(wanted, &seen))
}

/// Applies a plan for these services.
pub async fn bring_up(context: &Context, docker: &Docker, wanted: &Wanted, plan: &Plan) -> Outcome {
    let watch = context.console.watch();
    let on = Applier { docker, site: &wanted.site, network: &wanted.network.name, watch: &*watch };
    plan::apply(plan, &on).await
}

fn report(
    context: &Context,
    plan: &Plan,
    specs: &[ServiceSpec],
    answers: Vec<Outcome<Ready>>,
) -> Outcome {
    let mut table = Table::new(["service", "address", "ready after", "answer"]);
    let mut failed = Vec::new();
    for (spec, answer) in specs.iter().zip(answers) {
        match answer {
            Ok(ready) => table.row([
                spec.service.to_string(),
                spec.address.to_string(),
                format!("{:.1} s", ready.after.as_secs_f64()),
                ready.detail,
            ]),
            Err(failure) => failed.push(failure),
        }
    }
    context.console.report(
        || serde_json::json!({ "changed": plan.steps.len(), "ready": table.to_json() }),
        || {
            let changes = plan.steps.len();
            let note = if changes == 0 { "nothing to change\n".to_owned() } else { String::new() };
            format!("{note}{table}")
        },
    );
    let mut failed = failed.into_iter();
    let Some(first) = failed.next() else {
        return Ok(());
    };
    // Each is told; the first decides the exit code.
    failed.for_each(|failure| context.console.failure(&failure));
    Err(first)
}
