//! `runctl machine`: the machines of the site, what they get, how their installs stand, and where one of them stopped.

mod change;
mod import;
mod install;
mod list;
mod render;
mod trace;

use clap::Subcommand;
use rack::{Book, Profile};

use super::Context;
use crate::failure::{Class, Failure, Outcome};
use crate::site::Site;

/// The verbs of `runctl machine`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Add a machine to machines.toml; it can boot at once.
    Add(change::Add),
    /// List the machines and how their installs stand.
    List,
    /// Show one machine: its installs with all stages, and what is known of its hardware.
    Show(list::Show),
    /// Print exactly what a machine will get; or how that differs from what it would get now.
    Render(render::Render),
    /// Change a machine in machines.toml; live at once.
    Set(change::Set),
    /// Remove a machine from machines.toml.
    #[command(visible_alias = "rm")]
    Remove(change::Remove),
    /// Add and change machines from a CSV file: all of it, or nothing.
    Import(import::Import),
    /// Arm an install: it happens at the machine's next boot, once.
    Install(install::Install),
    /// Take an armed install back.
    Disarm(install::Disarm),
    /// Tell one machine's way as one timeline, and where it stopped.
    Trace(trace::Trace),
}

/// Runs one of the verbs.
pub async fn machine(context: &Context, verb: &Verb) -> Outcome {
    match verb {
        Verb::Add(add) => change::add(context, add).await,
        Verb::List => list::list(context).await,
        Verb::Show(show) => list::show(context, show).await,
        Verb::Render(render) => render::render(context, render),
        Verb::Set(set) => change::set(context, set).await,
        Verb::Remove(remove) => change::remove(context, remove).await,
        Verb::Import(import) => import::import(context, import).await,
        Verb::Install(install) => install::install(context, install).await,
        Verb::Disarm(disarm) => install::disarm(context, disarm).await,
        Verb::Trace(trace) => trace::trace(context, trace).await,
    }
}

/// Finds a machine of the site by its name.
pub fn find<'s>(site: &'s Site, name: &str) -> Outcome<&'s rack::Machine> {
    site.machines.iter().find(|machine| machine.name == name).ok_or_else(|| {
        let known: Vec<_> = site.machines.iter().map(|machine| machine.name.as_str()).collect();
        let hint = match known.as_slice() {
            [] => "machines.toml knows none: `runctl machine add`".to_owned(),
            // A long list helps nobody.
            [..] if known.len() > 20 => "see `runctl machine list`".to_owned(),
            _ => format!("machines.toml knows: {}", known.join(", ")),
        };
        Failure::say(Class::Usage, format!("there is no machine `{name}`")).hint(hint)
    })
}

/// Fails where something that a machine needs to become this is not in the set.
fn refuse_lacking(book: &Book, machine: &str, profile: &Profile) -> Outcome {
    book.lacking(profile).map_or(Ok(()), |lacking| {
        let told = format!("machine `{machine}` cannot become `{}`: {lacking}", profile.name);
        Err(Failure::say(Class::Missing, told)
            .hint("see `runctl feed boot`, `runctl build live` and `runctl build os PROFILE`"))
    })
}
