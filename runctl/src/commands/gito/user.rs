//! `runctl gito user add|list|remove`: ssh keys of people, put into gitolite-admin beside what the operator has there.

use std::path::PathBuf;

use clap::Args;
use feeds::git;

use super::as_admin;
use crate::commands::Context;
use crate::commands::people::{self, Remove};
use crate::commands::trial::Trial;
use crate::failure::{Class, Classify as _, Outcome};
use crate::ui::table::Table;

/// The verbs of `runctl gito user`.
pub(super) type Verb = people::Verb<Add>;

/// Give a user an ssh key; they may log in at once.
///
/// What they may do is written in gito.toml (`readers`, `writers`) and in gitolite.conf of gitolite-admin.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  runctl gito user add ada ada.pub
  runctl gito user add ada laptop.pub --label laptop")]
pub struct Add {
    /// What rules call them: `ada`, or `ada@example.org`.
    #[arg(value_parser = name)]
    name: String,
    /// The public key: a file that ends in .pub.
    keyfile: PathBuf,
    /// Which of their keys it is, where they have several: `laptop`.
    #[arg(long, value_parser = label)]
    label: Option<String>,
    #[command(flatten)]
    trial: Trial,
}

/// A user as gitolite names them.
fn name(text: &str) -> Result<String, String> {
    let usual = |it: char| it.is_ascii_alphanumeric() || "-._@+".contains(it);
    let begins = text.starts_with(|it: char| it.is_ascii_alphanumeric());
    // gitolite would take what follows for a label.
    let labelled = text.split_once('@').is_some_and(|(_, after)| !after.contains('.'));
    if begins && text.chars().all(usual) && !labelled {
        Ok(text.to_owned())
    } else {
        Err("a name has letters, digits and `-._+`, or is a whole address".to_owned())
    }
}

fn label(text: &str) -> Result<String, String> {
    let usual = |it: char| it.is_ascii_alphanumeric() || "-_".contains(it);
    if !text.is_empty() && text.chars().all(usual) {
        Ok(text.to_owned())
    } else {
        Err("a label has letters, digits, `-` and `_`".to_owned())
    }
}

/// Runs one of the verbs.
pub(super) async fn user(context: &Context, verb: &Verb) -> Outcome {
    match verb {
        Verb::Add(arguments) => add(context, arguments).await,
        Verb::List => list(context).await,
        Verb::Remove(arguments) => remove(context, arguments).await,
    }
}

async fn add(context: &Context, arguments: &Add) -> Outcome {
    let site = context.site()?;
    let key = fs_err::read_to_string(&arguments.keyfile)
        .or_fail(Class::Usage, || format!("cannot read a key of {}", arguments.name))?;
    let (name, label, dry) =
        (arguments.name.clone(), arguments.label.clone(), arguments.trial.dry_run);
    let new = {
        let name = name.clone();
        as_admin(&site, move |admin| git::add_user(admin, &name, label.as_deref(), &key, dry))
            .await?
    };
    let said = match (new, dry) {
        (true, true) => format!("{name} would get this key\n"),
        (true, false) => format!("{name} may log in with this key\n"),
        (false, _) => format!("{name} has this key already\n"),
    };
    context
        .console
        .report(|| serde_json::json!({ "user": name, "added": new, "dry_run": dry }), || said);
    Ok(())
}

async fn list(context: &Context) -> Outcome {
    let site = context.site()?;
    let mut table = Table::new(["user", "label", "type", "fingerprint", "comment"]);
    for it in as_admin(&site, git::users).await? {
        let key = it.key.as_ref();
        table.row([
            it.user.clone(),
            it.label.clone().unwrap_or_default(),
            key.map_or_else(|| "no key".to_owned(), |key| key.algorithm().to_string()),
            it.fingerprint().unwrap_or_default(),
            key.map_or_else(String::new, |key| key.comment().to_owned()),
        ]);
    }
    context.console.report(|| table.to_json(), || table.to_string());
    Ok(())
}

async fn remove(context: &Context, arguments: &Remove) -> Outcome {
    let site = context.site()?;
    let (name, dry) = (arguments.name.clone(), arguments.trial.dry_run);
    let removed = {
        let name = name.clone();
        as_admin(&site, move |admin| git::remove_user(admin, &name, dry)).await?
    };
    let verb = if dry { "would be removed" } else { "removed" };
    context.console.report(
        || serde_json::json!({ "user": name, "removed": removed, "dry_run": dry }),
        || format!("{verb}: {}\n", removed.join(", ")),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_gitolite_reads_back() {
        for right in ["ada", "ada.b", "ada@example.org", "7of9"] {
            assert!(name(right).is_ok(), "{right}");
        }
        for wrong in ["", "@all", "ada@laptop", "a/b", "-a", "a b", "..", "a\n"] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
        assert!(label("laptop-2").is_ok() && label("a.b").is_err() && label("").is_err());
    }
}
