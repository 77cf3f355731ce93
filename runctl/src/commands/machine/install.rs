//! `runctl machine install|disarm`: arms an install at rack, and takes it back.

use clap::Args;
use rack::control::Arm;

use super::{find, refuse_lacking};
use crate::commands::Context;
use crate::failure::{Class, Failure, Outcome};
use crate::host::rack::Control;
use crate::ui::table::Table;

/// Arguments of `machine install`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  runctl machine install web-1 web-2
  runctl machine install web-1 --profile debian-13 --lifetime 3600")]
pub struct Install {
    /// The machines.
    #[arg(required = true)]
    names: Vec<String>,
    /// Another profile than machines.toml says.
    #[arg(long)]
    profile: Option<String>,
    /// How long it stays armed, in seconds; by default as rack.toml says.
    #[arg(long, value_name = "SECONDS")]
    lifetime: Option<u64>,
}

/// Arguments of `machine disarm`.
#[derive(Debug, Args)]
pub struct Disarm {
    /// The machines.
    #[arg(required = true)]
    names: Vec<String>,
}

/// Arms installs; nothing is armed where one of them could not happen.
pub(super) async fn install(context: &Context, install: &Install) -> Outcome {
    let site = context.site()?;
    let book = site.book();
    for name in &install.names {
        let machine = find(&site, name)?;
        let wanted = install.profile.as_ref().or(machine.profile.as_ref());
        let Some(wanted) = wanted else {
            return Err(Failure::say(Class::Usage, format!("machine `{name}` has no profile"))
                .hint("give it one: `runctl machine set NAME --profile PROFILE`"));
        };
        let profile =
            book.profile(wanted).map_err(|lacking| Failure::new(Class::Usage, lacking))?;
        refuse_lacking(&book, name, profile)?;
        if !book.is_answered(profile) {
            return Err(Failure::say(Class::Usage, format!("profile `{wanted}` installs nothing"))
                .hint("it is booted each time; nothing need be armed"));
        }
    }
    let control = Control::of(&site)?;
    let mut table = Table::new(["machine", "profile", "state"]);
    for name in &install.names {
        let arm = Arm {
            machine: name.clone(),
            profile: install.profile.clone(),
            lifetime: install.lifetime,
        };
        let status = control.arm(&arm).await?;
        table.row([name.clone(), status.profile, "armed: it happens at the next boot".to_owned()]);
    }
    context.console.report(|| table.to_json(), || table.to_string());
    Ok(())
}

/// Takes installs back.
pub(super) async fn disarm(context: &Context, disarm: &Disarm) -> Outcome {
    let site = context.site()?;
    let control = Control::of(&site)?;
    for name in &disarm.names {
        let status = control.disarm(name).await?;
        context.console.note(&format!("{name} does not become {} any more", status.profile));
    }
    Ok(())
}
