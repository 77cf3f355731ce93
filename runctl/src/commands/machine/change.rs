//! `runctl machine add|set|remove`: edits machines.toml, checks the whole site with it, and only then writes and applies it.

use std::net::Ipv4Addr;
use std::time::Duration;

use clap::Args;
use rack::{Firmware, Mac};
use similar::TextDiff;

use crate::commands::trial::Trial;
use crate::commands::{Context, live};
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::host::{files, lock};
use crate::service::Service;
use crate::site::Site;
use crate::site::edit::{Change, Error, MachinesFile};

/// How long to wait for another edit.
const PATIENCE: Duration = Duration::from_secs(30);
/// The file that is edited.
const FILE: &str = "machines.toml";

/// Arguments of `machine add`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  runctl machine add web-1 --mac 52:54:00:00:01:01 --profile debian-12
  runctl machine add db-1 --mac 52:54:00:00:01:02 --parameter role=db")]
pub struct Add {
    /// Its host name, without domain.
    name: String,
    #[command(flatten)]
    keys: Keys,
    #[command(flatten)]
    trial: Trial,
}

/// Arguments of `machine set`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  runctl machine set web-1 --profile rescue
  runctl machine set web-1 --no-address --parameter role=")]
pub struct Set {
    /// Its host name.
    name: String,
    #[command(flatten)]
    keys: Keys,
    /// Give it an address of the pool.
    #[arg(long, conflicts_with = "address")]
    no_address: bool,
    /// Let it boot its local disk.
    #[arg(long, conflicts_with = "profile")]
    no_profile: bool,
    /// Let it have no serial console.
    #[arg(long, conflicts_with = "serial")]
    no_serial: bool,
    #[command(flatten)]
    trial: Trial,
}

/// Arguments of `machine remove`.
#[derive(Debug, Args)]
pub struct Remove {
    /// Its host name.
    name: String,
    #[command(flatten)]
    trial: Trial,
}

/// What may be said of a machine.
#[derive(Debug, Args)]
struct Keys {
    /// An interface; the first one boots. May be given several times.
    #[arg(long = "mac", value_name = "MAC")]
    macs: Vec<Mac>,
    /// Its fixed address.
    #[arg(long)]
    address: Option<Ipv4Addr>,
    /// What it becomes.
    #[arg(long)]
    profile: Option<String>,
    /// How it starts: bios, pxelinux, uefi, uefi-http, secureboot or arm64.
    #[arg(long, value_parser = firmware)]
    firmware: Option<Firmware>,
    /// Its serial console, as the kernel names it: `ttyS0,115200`.
    #[arg(long)]
    serial: Option<String>,
    /// A free word for templates; `NAME=` removes it.
    #[arg(long = "parameter", value_name = "NAME=TEXT", value_parser = parameter)]
    parameters: Vec<(String, Option<String>)>,
}

fn firmware(text: &str) -> Result<Firmware, String> {
    Firmware::of_word(text).ok_or_else(|| format!("it is one of: {}", Firmware::WORDS.join(", ")))
}

fn parameter(text: &str) -> Result<(String, Option<String>), String> {
    let (name, text) = text.split_once('=').ok_or("write NAME=TEXT")?;
    Ok((name.to_owned(), (!text.is_empty()).then(|| text.to_owned())))
}

impl Keys {
    fn change(&self) -> Change {
        Change {
            macs: self.macs.clone(),
            address: self.address.map(Some),
            profile: self.profile.clone().map(Some),
            firmware: self.firmware,
            serial: self.serial.clone().map(Some),
            parameters: self.parameters.clone(),
        }
    }
}

/// Adds a machine.
pub(super) async fn add(context: &Context, add: &Add) -> Outcome {
    let done = format!("{} is known", add.name);
    edit(context, &add.trial, &done, |file| file.add(&add.name, &add.keys.change())).await
}

/// Changes a machine.
pub(super) async fn set(context: &Context, set: &Set) -> Outcome {
    let mut change = set.keys.change();
    if set.no_address {
        change.address = Some(None);
    }
    if set.no_profile {
        change.profile = Some(None);
    }
    if set.no_serial {
        change.serial = Some(None);
    }
    if change == Change::default() {
        return Err(Failure::say(Class::Usage, "nothing to change was given")
            .hint("see `runctl machine set --help`"));
    }
    let done = format!("{} is changed", set.name);
    edit(context, &set.trial, &done, |file| file.set(&set.name, &change)).await
}

/// Removes a machine.
pub(super) async fn remove(context: &Context, remove: &Remove) -> Outcome {
    let done = format!("{} is forgotten", remove.name);
    edit(context, &remove.trial, &done, |file| file.remove(&remove.name)).await
}

/// Edits machines.toml: what would be a mistake is never written; what is written is live, and told as `done`.
pub(super) async fn edit(
    context: &Context,
    trial: &Trial,
    done: &str,
    edit: impl FnOnce(&mut MachinesFile) -> Result<(), Error>,
) -> Outcome {
    // Two edits at once would lose one of them.
    let _lock = lock::take(&context.layout.locks(), "machines", "machine", PATIENCE).await?;
    let path = context.layout.configuration().join(FILE);
    let text = match fs_err::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read.or_fail(Class::Configuration, || format!("cannot read {}", path.display()))?,
    };
    let mut file =
        MachinesFile::parse(&text).map_err(|error| Failure::new(Class::Configuration, error))?;
    edit(&mut file).map_err(|error| Failure::new(Class::Usage, error))?;
    let edited = file.text();
    let site = Site::load_with(&context.layout, FILE, &edited)?;
    if trial.dry_run {
        let diff =
            TextDiff::from_lines(&text, &edited).unified_diff().header(FILE, FILE).to_string();
        context.console.report(|| serde_json::json!({ "diff": diff }), || diff.clone());
        return Ok(());
    }
    files::write_atomically(&path, edited.as_bytes(), 0o644, None)
        .or_fail(Class::Missing, || format!("cannot write {}", path.display()))?;
    live::apply(context, &site, &[Service::Boot, Service::Rack]).await?;
    context.console.note(done);
    Ok(())
}
