//! The command line: clap only. Parses, starts the runtime, runs one verb, chooses the exit code.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::commands::services::Services;
use crate::commands::{self, Context};
use crate::failure::{Class, Failure, Outcome};
use crate::ui::{Console, Progress};

/// Turns this docker host into everything a rack of bare machines needs to come to life without the Internet.
#[derive(Debug, Parser)]
#[command(name = "runctl", version, max_term_width = 100)]
#[command(after_help = EXAMPLES)]
pub struct Cli {
    /// Work below this folder instead of `/`, as `BOODDIES_ROOT` does: several sites can live side by side.
    #[arg(long, global = true, value_name = "DIR", env = "BOODDIES_ROOT", default_value = "/")]
    #[arg(hide_env = true, hide_default_value = true, help_heading = EVERYWHERE)]
    root: PathBuf,
    /// Print machine-readable JSON on stdout.
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    json: bool,
    /// How progress is shown on stderr: `bars`, `plain` lines, `json` lines, `none`; else bars on a terminal only.
    #[arg(long, global = true, value_name = "HOW", value_enum, default_value_t)]
    #[arg(hide_possible_values = true, hide_default_value = true, help_heading = EVERYWHERE)]
    progress: Progress,
    /// Say more on stderr; twice says everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = EVERYWHERE)]
    verbose: u8,
    #[command(subcommand)]
    verb: Verb,
}

/// What every verb takes stands apart from what is its own.
const EVERYWHERE: &str = "Options of every verb";

const EXAMPLES: &str = "\
Exit codes:
  0 ok   1 unexpected   2 usage   10 something needed is missing   11 configuration
  12 feed failed   13 feed partly failed   14 container or engine   15 host network
  16 verification   75 locked by another run   130/143 stopped by a signal

Examples:
  runctl check                   every mistake in /etc/booddies, at once
  runctl build && runctl up      make the images, start the services
  runctl feed                    mirror everything the configuration names
  runctl rehearse kvm-1          boot a VM as that machine, with no way out
  runctl machine install web-1   install web-1 at its next boot, once";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Check the configuration; tells every mistake at once, needs no docker.
    #[command(after_help = "\
Examples:
  runctl check                   what this host runs by
  runctl check --root draft      what lies in draft/etc/booddies")]
    Check,
    /// Show the configuration.
    Config {
        #[command(subcommand)]
        what: ConfigVerb,
    },
    /// Build the images of the services from the host's own package sources.
    Build(commands::build::Build),
    /// Start services; those that are as wanted are left alone.
    Up(commands::up::Up),
    /// Stop and remove services; what they keep stays.
    Down(commands::down::Down),
    /// Restart services.
    Restart(Services),
    /// Run one service in the foreground, as its unit does.
    Run(commands::run::Run),
    /// Show each service: its state, address, and what its probe says.
    Status,
    /// Show what services wrote.
    Logs(commands::logs::Logs),
    /// Open a shell (or run a command) inside a service's container.
    Enter(commands::enter::Enter),
    /// Mirror upstreams into the site and publish them.
    Feed(commands::feed::Feed),
    /// List the kept generations, what each holds and which one is served.
    Generations(commands::generations::Generations),
    /// Serve a kept generation again.
    Rollback(commands::rollback::Rollback),
    /// Remove old generations, and what only they needed.
    Gc(commands::gc::Gc),
    /// Hash all that is in the store again; name and repair what is corrupt.
    Scrub(commands::scrub::Scrub),
    /// The machines: add, change, render, install, trace them.
    Machine {
        #[command(subcommand)]
        what: commands::machine::Verb,
    },
    /// What regi holds: who may push, how other hosts trust it, what goes again.
    Regi {
        #[command(subcommand)]
        what: commands::regi::Verb,
    },
    /// What gito holds: who may log in, what it could not push on, bundles of it.
    Gito {
        #[command(subcommand)]
        what: commands::gito::Verb,
    },
    /// Boot a VM as one of the machines, with no way out, and follow it.
    Rehearse(commands::rehearse::Rehearse),
    /// Print a completion script for a shell.
    #[command(after_help = "\
Examples:
  runctl completion bash >/etc/bash_completion.d/runctl")]
    Completion {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigVerb {
    /// Print the effective configuration and where each value came from.
    Show,
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let console = Console::new(cli.json, cli.progress, cli.verbose);
    console.log_diagnostics();
    // The one cryptography that we are built with; nobody can have chosen another before us.
    let _first = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(until_signal(cli, console.clone()));
            // Abandoned requests must not hold up the exit.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(Failure::new(Class::Unexpected, error)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let failure = failure.hint_at_root(rustix::process::geteuid().is_root());
            console.failure(&failure);
            ExitCode::from(failure.class as u8)
        }
    }
}

/// Runs the verb until it ends or a signal does; dropping it stops its work cleanly.
async fn until_signal(cli: Cli, console: Console) -> Outcome {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|error| Failure::new(Class::Unexpected, error));
    if let Verb::Run(run) = &cli.verb {
        // `run` ends its container on a signal: it listens itself.
        let context = Context::new(&cli.root, console)?;
        return commands::run::run(&context, run).await;
    }
    let (mut interrupt, mut terminate) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::select! {
        outcome = dispatch(cli, console) => outcome,
        _ = interrupt.recv() => Err(stopped(Class::Interrupted)),
        _ = terminate.recv() => Err(stopped(Class::Terminated)),
    }
}

fn stopped(class: Class) -> Failure {
    Failure::say(class, "stopped by a signal")
        .hint("run the same command again: it goes on from here")
}

async fn dispatch(cli: Cli, console: Console) -> Outcome {
    let context = Context::new(&cli.root, console)?;
    match cli.verb {
        Verb::Check => commands::check::check(&context).await,
        Verb::Config { what: ConfigVerb::Show } => commands::config::show(&context),
        Verb::Build(build) => commands::build::build(&context, &build).await,
        Verb::Up(up) => commands::up::up(&context, &up).await,
        Verb::Down(down) => commands::down::down(&context, &down).await,
        Verb::Restart(services) => commands::restart::restart(&context, &services).await,
        Verb::Run(run) => commands::run::run(&context, &run).await,
        Verb::Status => commands::status::status(&context).await,
        Verb::Logs(logs) => commands::logs::logs(&context, &logs).await,
        Verb::Enter(enter) => commands::enter::enter(&context, &enter).await,
        Verb::Feed(feed) => commands::feed::feed(&context, &feed).await,
        Verb::Generations(wanted) => commands::generations::generations(&context, &wanted),
        Verb::Rollback(rollback) => commands::rollback::rollback(&context, &rollback).await,
        Verb::Gc(gc) => commands::gc::gc(&context, &gc).await,
        Verb::Scrub(scrub) => commands::scrub::scrub(&context, &scrub).await,
        Verb::Gito { what } => commands::gito::gito(&context, &what).await,
        Verb::Machine { what } => commands::machine::machine(&context, &what).await,
        Verb::Regi { what } => commands::regi::regi(&context, &what).await,
        Verb::Rehearse(rehearse) => commands::rehearse::rehearse(&context, &rehearse).await,
        Verb::Completion { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "runctl", &mut std::io::stdout());
            Ok(())
        }
    }
}
