//! `runctl logs`: what services wrote, merged by time.

use clap::Args;
use futures_util::stream::{SelectAll, TryStreamExt as _};

use super::Context;
use super::services::Services;
use crate::engine::{Docker, LogLine, LogRange};
use crate::failure::Outcome;
use crate::service::Service;

/// Arguments of `logs`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  runctl logs -f boot            what boot writes from now on
  runctl logs -n 20              the last 20 lines of each service")]
pub struct Logs {
    #[command(flatten)]
    services: Services,
    /// Wait for more lines.
    #[arg(short, long)]
    follow: bool,
    /// Only the last so many lines of each service.
    #[arg(short = 'n', long, value_name = "LINES", default_value_t = 200)]
    tail: usize,
}

/// Prints log lines.
pub async fn logs(context: &Context, logs: &Logs) -> Outcome {
    let site = context.site()?;
    let docker = Docker::connect().await?;
    let range = LogRange { tail: Some(logs.tail), follow: logs.follow, since: None };
    let mut streams = SelectAll::new();
    for service in logs.services.chosen() {
        let name = crate::services::spec(&site, service).container;
        if docker.container(&name).await?.is_some() {
            streams.push(docker.logs(&name, range).map_ok(move |line| (service, line)));
        }
    }
    if logs.follow {
        while let Some((service, line)) = streams.try_next().await? {
            print(context, service, &line);
        }
        return Ok(());
    }
    let mut lines: Vec<_> = streams.try_collect().await?;
    lines.sort_by(|(_, one), (_, other)| one.time.cmp(&other.time));
    for (service, line) in &lines {
        print(context, *service, line);
    }
    Ok(())
}

fn print(context: &Context, service: Service, line: &LogLine) {
    context.console.report(
        || serde_json::json!({ "service": service, "time": line.time, "text": line.text }),
        || format!("{} {service:<4} {}\n", line.time.get(..19).unwrap_or(&line.time), line.text),
    );
}
