//! `runctl rehearse`: boots a VM as one of the machines, and tells how far it comes.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use rack::control::Arm;
use rack::{Firmware, InstallState, Profile};

use super::Context;
use crate::engine::{Docker, LogRange, State};
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::host::lock;
use crate::host::rack::Control;
use crate::rehearse::{self, Rehearsal, Stage, Stopped};
use crate::service::Service;
use crate::services;
use crate::site::Site;

/// Who writes down what a machine does.
const WITNESSES: [Service; 3] = [Service::Boot, Service::Data, Service::Rack];

/// Arguments of `rehearse`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  runctl rehearse kvm-1                  until the installer calls back
  runctl rehearse kvm-1 --install        until it has booted from its own disk
  runctl rehearse kvm-1 --firmware uefi --until kernel --shot screen.png")]
pub struct Rehearse {
    /// The machine's name in machines.toml.
    machine: String,
    /// How it starts, where not as machines.toml says.
    #[arg(long, value_parser = firmware())]
    firmware: Option<Firmware>,
    /// Save the machine's screen at the end.
    #[arg(long, value_name = "FILE.png")]
    shot: Option<PathBuf>,
    /// Follow the install to its end: until what was installed has booted from the VM's disk.
    #[arg(long)]
    install: bool,
    /// Leave the VM on at the end, until you interrupt: to log in, or to see what went wrong.
    #[arg(long)]
    hold: bool,
    /// How long it may take until it calls back.
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    timeout: u64,
    /// Its memory.
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    memory: u32,
    /// Start it from this medium, not from the network; `built/loaders` has some.
    #[arg(long, value_name = "FILE.iso|FILE.img")]
    medium: Option<PathBuf>,
    /// Be content with this stage.
    #[arg(long, value_name = "STAGE")]
    until: Option<Stage>,
    /// Be content when its serial console says this, whatever the stage.
    #[arg(long, value_name = "TEXT", conflicts_with = "until")]
    until_said: Option<String>,
}

/// Reads one of the words of machines.toml.
fn firmware() -> impl TypedValueParser<Value = Firmware> {
    PossibleValuesParser::new(Firmware::WORDS)
        .map(|word| Firmware::of_word(&word).unwrap_or_default())
}

/// Rehearses one machine; fails where it does not call back.
pub async fn rehearse(context: &Context, arguments: &Rehearse) -> Outcome {
    let site = context.site()?;
    let rehearsal = rehearsal(&site, arguments)?;
    let name = &arguments.machine;
    let docker = Docker::connect().await?;
    let containers = witnesses(&docker, &site).await?;
    if rehearsal.way.answered {
        arm(&site, name, arguments.timeout).await?;
    }
    let (folder, lock_name) = (site.layout.locks(), format!("rehearse-{name}"));
    let lock = lock::take(&folder, &lock_name, "rehearse", Duration::ZERO).await?;
    if let Some(router) = site.router {
        context.console.note(&format!("this site gives machines a way out, by {router}"));
    }
    let logs = |power_on: jiff::Timestamp| {
        let range = LogRange { tail: None, since: Some(power_on.as_second()), follow: true };
        stream::select_all(containers.map(|(service, container)| {
            docker.logs(&container, range).map_ok(move |line| (service, line)).boxed()
        }))
    };
    let report = rehearse::rehearse(&rehearsal, logs, |text| context.console.note(text)).await;
    if rehearsal.way.answered {
        // The machine itself must find nothing armed.
        let disarmed = Control::of(&site)?.disarm(name).await;
        tracing::debug!(?disarmed, "the rehearsal is over");
    }
    let report = report?;
    drop(lock);
    context.console.report(|| serde_json::json!(report), || report.to_string());
    report.stopped.map_or(Ok(()), |stopped| Err(failure(name, &stopped)))
}

fn rehearsal(site: &Site, arguments: &Rehearse) -> Outcome<Rehearsal> {
    let name = &arguments.machine;
    let machine = super::machine::find(site, name)?;
    let profile =
        site.profiles.iter().find(|profile| Some(&profile.name) == machine.profile.as_ref());
    let profile = profile.ok_or_else(|| {
        Failure::say(
            Class::Usage,
            format!("machine `{name}` has no profile: it boots its local disk"),
        )
        .hint("give it a `profile` in machines.toml")
    })?;
    let book = site.book();
    let way = book
        .way(profile)
        .or_fail(Class::Missing, || format!("machine `{name}` cannot become `{}`", profile.name));
    let way = way.map_err(|failure| failure.hint("run `runctl feed`"))?;
    let Some(kernel) = &way.kernel else {
        return Err(Failure::say(
            Class::Usage,
            format!("profile `{}` boots no kernel that could be followed", profile.name),
        ));
    };
    if arguments.install && !way.answered {
        return Err(Failure::say(
            Class::Usage,
            format!("profile `{}` installs nothing by itself", profile.name),
        )
        .hint("rehearse without --install"));
    }
    let firmware = arguments.firmware.unwrap_or(machine.firmware);
    if firmware.architecture() != profile.architecture {
        let Profile { name, architecture, .. } = profile;
        return Err(Failure::say(
            Class::Usage,
            format!("{firmware} cannot start profile `{name}`, which is for {architecture}"),
        )
        .hint("give the machine a profile of its own architecture"));
    }
    let absolute = |path: &PathBuf| {
        std::path::absolute(path)
            .or_fail(Class::Usage, || format!("cannot tell where {} is", path.display()))
    };
    Ok(Rehearsal {
        machine: machine.clone(),
        firmware,
        memory: arguments.memory,
        bridge: site.bridge.name.clone(),
        kernel: site.layout.store().join("published/current").join(kernel),
        way,
        volatile: site.layout.volatile(),
        install: arguments.install,
        hold: arguments.hold,
        patience: Duration::from_secs(arguments.timeout),
        screenshot: arguments.shot.as_ref().map(absolute).transpose()?,
        medium: arguments.medium.as_ref().map(absolute).transpose()?,
        until: arguments.until,
        awaited: arguments.until_said.clone(),
    })
}

/// Arms the install for as long as the rehearsal may take; one that the operator wants is not touched.
async fn arm(site: &Site, name: &str, seconds: u64) -> Outcome {
    let control = Control::of(site)?;
    let install = control.machine(name).await?.install;
    let wanted = install.is_some_and(|install| {
        matches!(install.state, InstallState::Armed | InstallState::Running)
    });
    if wanted {
        return Err(Failure::say(Class::Locked, format!("an install of {name} is armed or runs"))
            .hint(format!("let it end, or take it back: `runctl machine disarm {name}`")));
    }
    let arm = Arm { machine: name.to_owned(), profile: None, lifetime: Some(seconds + 60) };
    control.arm(&arm).await.map(drop)
}

/// The containers of boot, data and rack; all must run.
async fn witnesses(docker: &Docker, site: &Site) -> Outcome<[(Service, String); 3]> {
    let named = WITNESSES.map(|service| (service, services::spec(site, service).container));
    for (service, name) in &named {
        let container = docker.container(name).await?;
        if container.is_none_or(|container| container.state != State::Running) {
            return Err(Failure::say(Class::Engine, format!("{service} does not run"))
                .hint("run `runctl up`, and rehearse again"));
        }
    }
    Ok(named)
}

fn failure(machine: &str, stopped: &Stopped) -> Failure {
    let Stopped { stage, why, .. } = stopped;
    Failure::say(Class::Engine, format!("{machine} did not reach the stage `{stage}`: {why}"))
        .hint(stage.advice())
}
