//! `runctl machine trace`: gathers what the services wrote about one machine, and tells it as one timeline.

use clap::Args;
use futures_util::TryStreamExt as _;
use jiff::Timestamp;

use super::find;
use crate::commands::Context;
use crate::engine::{Docker, LogRange};
use crate::failure::Outcome;
use crate::host::rack::Control;
use crate::rehearse::Line;
use crate::service::Service;
use crate::services;
use crate::site::Site;
use crate::trace;

/// Who a machine talks to.
const WITNESSES: [Service; 5] =
    [Service::Boot, Service::Data, Service::Gito, Service::Regi, Service::Rack];

/// Arguments of `machine trace`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  runctl machine trace web-1 --since 10")]
pub struct Trace {
    /// Its host name.
    name: String,
    /// How far to look back, in minutes.
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    since: u32,
}

/// Tells a machine's way.
pub(super) async fn trace(context: &Context, arguments: &Trace) -> Outcome {
    let site = context.site()?;
    let machine = find(&site, &arguments.name)?;
    let docker = Docker::connect().await?;
    let since = Timestamp::now().as_second() - i64::from(arguments.since) * 60;
    let mut lines = Vec::new();
    for service in WITNESSES {
        lines.extend(written(&docker, &site, service, since).await?);
    }
    let book = site.book();
    let profile = machine.profile.as_ref().and_then(|name| book.profile(name).ok());
    let way = profile.and_then(|profile| book.way(profile).ok());
    let mut trace = trace::trace(machine, way.as_ref(), lines);
    if let Ok(control) = Control::of(&site)
        && let Ok(status) = control.machine(&machine.name).await
    {
        trace.install = status.install.as_ref().map(super::list::standing);
    }
    context.console.report(|| serde_json::json!(trace), || trace.to_string());
    Ok(())
}

/// What a service wrote since then; nothing where it does not run.
async fn written(docker: &Docker, site: &Site, service: Service, since: i64) -> Outcome<Vec<Line>> {
    let container = services::spec(site, service).container;
    if docker.container(&container).await?.is_none() {
        return Ok(Vec::new());
    }
    let range = LogRange { tail: None, since: Some(since), follow: false };
    let lines: Vec<_> = docker.logs(&container, range).try_collect().await?;
    let line = |line: crate::engine::LogLine| {
        let time: Timestamp = line.time.parse().ok()?;
        let seconds = time.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64();
        Some(Line { seconds, service, text: line.text })
    };
    Ok(lines.into_iter().filter_map(line).collect())
}
