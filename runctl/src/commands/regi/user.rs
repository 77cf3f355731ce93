//! `runctl regi user`: those who may push beside the user of regi.toml. They count at once; regi is not restarted.

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::time::Duration;

use clap::Args;

use crate::commands::people::{self, Remove};
use crate::commands::trial::Trial;
use crate::commands::{Context, live, lock_engine};
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::host::{files, secrets};
use crate::service::Service;
use crate::services::regi_users;
use crate::site::Site;
use crate::ui::table::Table;

/// How long another run of runctl is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Names and passwords are shorter: bcrypt looks at no more.
const LONGEST: usize = 72;

/// The verbs of `runctl regi user`.
pub(super) type Verb = people::Verb<Add>;

/// Add a user, or give one another password; a password that is made here is shown once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  runctl regi user add ci                       makes a password, shows it once
  runctl regi user add ci --password-stdin      takes the first line of stdin")]
pub struct Add {
    /// Name to log in with.
    name: String,
    /// Read the password from the first line of stdin, instead of making one.
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    trial: Trial,
}

/// Runs one of the verbs.
pub(super) async fn user(context: &Context, verb: &Verb) -> Outcome {
    let site = context.site()?;
    let lock = lock_engine(&site, "regi user", PATIENCE).await?;
    let mut users = Users::read(&site)?;
    let changed = match verb {
        Verb::Add(add) => users.add(context, &site, add)?,
        Verb::List => {
            let mut table = Table::new(["user"]);
            table.row([site.regi.user.clone()]);
            users.hashes.keys().for_each(|name| table.row([name.clone()]));
            context
                .console
                .report(|| serde_json::json!({ "users": table.to_json() }), || table.to_string());
            false
        }
        Verb::Remove(remove) => users.remove(context, &site, remove)?,
    };
    drop(lock);
    if changed { live::apply(context, &site, &[Service::Regi]).await } else { Ok(()) }
}

/// All users but the one of regi.toml, by name.
struct Users {
    hashes: BTreeMap<String, String>,
}

impl Users {
    fn read(site: &Site) -> Outcome<Self> {
        let path = regi_users(site);
        if !path.exists() {
            return Ok(Self { hashes: BTreeMap::new() });
        }
        let text = fs_err::read_to_string(&path)
            .or_fail(Class::Missing, || "cannot read who may push to regi".to_owned())?;
        let pair = |line: &str| line.split_once(':').map(|(a, b)| (a.to_owned(), b.to_owned()));
        Ok(Self { hashes: text.lines().filter_map(pair).collect() })
    }

    /// Tells whether regi has something to read.
    fn add(&mut self, context: &Context, site: &Site, add: &Add) -> Outcome<bool> {
        let name = &add.name;
        if !is_name(name) {
            return Err(Failure::say(Class::Usage, format!("`{name}` is no name of a user"))
                .hint("use lower-case letters, digits, `.`, `_` and `-`"));
        }
        if *name == site.regi.user {
            return Err(Failure::say(Class::Usage, format!("`{name}` is the user of regi.toml"))
                .hint(
                    "write another password into secrets/regi-password, then run `runctl up regi`",
                ));
        }
        let known = self.hashes.contains_key(name);
        let done = if known { "has another password" } else { "may push" };
        if add.trial.dry_run {
            context.console.note(&format!("{name} would be one who {done}"));
            return Ok(false);
        }
        let given = add.password_stdin.then(password_of_stdin).transpose()?;
        let password = given.clone().unwrap_or_else(secrets::random_password);
        let hash = secrets::hash(&password)
            .or_fail(Class::Unexpected, || format!("cannot hash the password of {name}"))?;
        self.hashes.insert(name.clone(), hash);
        self.write(site)?;
        let shown = given.is_none().then_some(password);
        context.console.report(
            || serde_json::json!({ "user": name, "password": shown }),
            || match &shown {
                Some(password) => format!("{name} {done}; the password, shown once: {password}\n"),
                None => format!("{name} {done}\n"),
            },
        );
        Ok(true)
    }

    /// Tells whether regi has something to read.
    fn remove(&mut self, context: &Context, site: &Site, remove: &Remove) -> Outcome<bool> {
        let name = &remove.name;
        if self.hashes.remove(name).is_none() {
            return Err(Failure::say(Class::Usage, format!("there is no user `{name}`"))
                .hint("see `runctl regi user list`; the one of regi.toml stays"));
        }
        if remove.trial.dry_run {
            context.console.note(&format!("{name} would no longer log in"));
            return Ok(false);
        }
        self.write(site)?;
        // Whoever fetched it holds it still: there will be another, which all others fetch by their passwords.
        let token = site.layout.secrets().join("regi-token");
        if token.exists() {
            files::unlink(&token)?;
        }
        context.console.report(
            || serde_json::json!({ "removed": name }),
            || format!("{name} can no longer push\n"),
        );
        Ok(true)
    }

    /// Writes the list; what regi reads is made of it.
    fn write(&self, site: &Site) -> Outcome {
        let lines: Vec<_> =
            self.hashes.iter().map(|(name, hash)| format!("{name}:{hash}\n")).collect();
        files::write_atomically(&regi_users(site), lines.concat().as_bytes(), 0o600, None)
            .or_fail(Class::Missing, || "cannot write who may push to regi".to_owned())
    }
}

fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    !name.is_empty() && name.len() <= LONGEST && name.bytes().all(fits)
}

fn password_of_stdin() -> Outcome<String> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .or_fail(Class::Usage, || "cannot read the password".to_owned())?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() || password.len() > LONGEST {
        return Err(Failure::say(Class::Usage, "stdin has no password in its first line")
            .hint(format!("it has at least one character and {LONGEST} at most")));
    }
    Ok(password.to_owned())
}
