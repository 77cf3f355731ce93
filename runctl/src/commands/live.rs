//! Brings what changed in the configuration into containers that run, as far as they can stay as they are.

use std::path::Path;
use std::time::Duration;

use super::{Context, lock_engine, up};
use crate::engine::{Docker, State};
use crate::failure::Outcome;
use crate::host::files;
use crate::plan::{Step, Wanted};
use crate::service::Service;
use crate::services::{self, ConfigFile};
use crate::site::Site;

/// How long to wait for another run that changes containers.
const PATIENCE: Duration = Duration::from_mins(3);

/// Applies files and signals of these services; one that does not run is left to its next start.
pub async fn apply(context: &Context, site: &Site, chosen: &[Service]) -> Outcome {
    let Ok(docker) = Docker::connect().await else {
        context.console.note("no engine answers: it counts from the next `runctl up` on");
        return Ok(());
    };
    let mut running = Vec::new();
    for &service in chosen {
        let container = docker.container(&services::spec(site, service).container).await?;
        if container.is_some_and(|container| container.state == State::Running) {
            running.push(service);
        }
    }
    if running.is_empty() {
        return Ok(());
    }
    reread(context, &docker, site, &running).await
}

/// Applies what changed in the configuration to containers that run.
pub async fn reread(
    context: &Context,
    docker: &Docker,
    before: &Site,
    running: &[Service],
) -> Outcome {
    let _lock = lock_engine(before, "reread", PATIENCE).await?;
    // Read under the lock: whoever held it may have applied a later edit.
    let site = context.site()?;
    let wanted = Wanted::of(&site, running);
    let mut plan = up::plan_up(docker, &site, &wanted).await?;
    let steps = plan.steps.len();
    plan.steps.retain(|step| {
        matches!(
            step,
            Step::File(..) | Step::Signal(..) | Step::Folder(_) | Step::Unlink(_) | Step::Secret(_)
        )
    });
    if plan.steps.len() < steps {
        let names: Vec<_> = running.iter().map(|service| service.name()).collect();
        context.console.note(&format!(
            "the configuration asks for a new container: run `runctl up {}`",
            names.join(" ")
        ));
        return Ok(());
    }
    up::bring_up(context, docker, &wanted, &plan).await
}

/// Writes rack's book anew, after what can be booted has changed; needs no engine.
pub fn write_book(context: &Context) -> Outcome {
    let site = context.site()?;
    let spec = services::spec(&site, Service::Rack);
    // A site that never started rack has no folder for it.
    let known = |file: &&ConfigFile| file.path.parent().is_some_and(Path::exists);
    spec.files.iter().filter(known).try_for_each(files::write)
}
