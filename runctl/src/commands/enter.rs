//! `runctl enter`: a shell inside a container, by the engine's own client, which handles terminals well.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use clap::Args;

use super::Context;
use crate::engine::{Docker, State};
use crate::failure::{Class, Failure, Outcome};
use crate::service::Service;

/// Arguments of `enter`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  runctl enter boot              a shell
  runctl enter boot cat /var/lib/misc/dnsmasq.leases")]
pub struct Enter {
    /// Which service.
    #[arg(value_enum)]
    service: Service,
    /// What to run; a shell where nothing is named.
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Replaces this process by the engine's client.
pub async fn enter(context: &Context, enter: &Enter) -> Outcome {
    use std::io::IsTerminal as _;
    let site = context.site()?;
    let spec = crate::services::spec(&site, enter.service);
    let container = Docker::connect().await?.container(&spec.container).await?;
    if container.is_none_or(|it| it.state != State::Running) {
        let service = enter.service;
        return Err(Failure::say(Class::Engine, format!("{service} does not run"))
            .hint(format!("start it: runctl up {service}")));
    }
    let mut client = Command::new("docker");
    client.args(["exec", "-i"]);
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        client.arg("-t");
    }
    client.arg(&spec.container);
    if enter.command.is_empty() {
        client.arg("sh")
    } else {
        client.args(&enter.command)
    };
    let error = client.exec();
    Err(Failure::new(Class::Missing, anyhow::Error::new(error).context("cannot run `docker`"))
        .hint("install the docker client, or the whole engine (package `docker.io`)"))
}
