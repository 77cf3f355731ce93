//! A machine asks what to boot: what the book decides, what is remembered of it, and the script that follows.

use std::net::Ipv4Addr;
use std::time::Duration;

use rack::control::{Said, Sighting};
use rack::decide::SERVED_AT_MOST;
use rack::{Asking, Book, Decision, InstallState, Mac, Syntax};
use rusqlite::Connection;

use super::installs::{self, Order};
use super::record::Record;
use super::sightings;
use crate::token;

/// Who asks, and for what.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// The interface it boots from.
    pub(crate) mac: Mac,
    /// Where it asks from.
    pub(crate) address: Ipv4Addr,
    /// What it says of itself.
    pub(crate) said: Said,
    /// The profile that somebody chose at its console.
    pub(crate) becomes: Option<String>,
    /// Its loader's language.
    pub(crate) syntax: Syntax,
    /// When, in milliseconds since 1970.
    pub(crate) at: u64,
    /// How long the token lives of an install that arms itself.
    pub(crate) lifetime: Duration,
}

impl Question {
    /// As the book is asked.
    pub(crate) fn asking(&self) -> Asking {
        let becomes = self.becomes.clone();
        Asking { becomes, ..asking(self.mac, self.address, &self.said) }
    }
}

/// As the book is asked.
pub(super) fn asking(mac: Mac, address: Ipv4Addr, said: &Said) -> Asking {
    Asking {
        mac,
        address: Some(address),
        architecture: said.architecture.clone(),
        platform: said.platform.clone(),
        becomes: None,
    }
}

/// Answers a machine with its script. An install counts as served only if there is one.
pub(crate) fn answer(
    database: &Connection,
    book: &Book,
    question: &Question,
) -> rusqlite::Result<Result<String, String>> {
    let now = question.at / 1000;
    installs::settle(database, now)?;
    let sighting = Sighting {
        mac: question.mac,
        address: question.address,
        at: question.at,
        said: question.said.clone(),
    };
    sightings::note(database, &sighting)?;
    let asking = question.asking();
    let machine = book.machine_of(question.mac);
    let name = machine.map_or_else(|| question.mac.to_string(), |machine| machine.name.clone());
    let mut install = Record::latest(database, &name)?;
    if let Some(install) = &mut install {
        look_after(database, book, install, question)?;
    }
    let mut due = install.filter(|install| is_for(book, install, question));
    let decide = |due: &Option<Record>| {
        book.decide(&asking, due.as_ref().map(Record::as_install).as_ref(), now)
    };
    let mut decision = decide(&due);
    if let Decision::Arm { profile } = decision {
        let lifetime = question.lifetime;
        let order = Order { machine: name.clone(), profile, token: token::fresh(), lifetime };
        installs::arm(database, &order, question.at)?;
        due = Record::latest(database, &name)?;
        decision = decide(&due);
    }
    let script = book.script(question.syntax, &asking, &decision);
    let Some(mut install) = due else {
        return Ok(script.map_err(|error| crate::lines::chain(&error)));
    };
    match script {
        Ok(script) => {
            if matches!(decision, Decision::Install { .. }) {
                serve(database, &mut install, question)?;
            }
            Ok(Ok(script))
        }
        Err(error) => {
            let told = crate::lines::chain(&error);
            install.happened(database, question.at, "script", &told)?;
            Ok(Err(told))
        }
    }
}

/// Notes what a machine's asking means for its install: that it was sent often enough, or that it began anew.
fn look_after(
    database: &Connection,
    book: &Book,
    install: &mut Record,
    question: &Question,
) -> rusqlite::Result<()> {
    let (stage, detail) = match install.state {
        InstallState::Armed if !is_for(book, install, question) => {
            ("script", format!("refused to {}, which is not its address", question.address))
        }
        InstallState::Armed if install.served >= SERVED_AT_MOST => {
            let why = format!("it never called back; its script was served {SERVED_AT_MOST} times");
            install.end(InstallState::Failed, Some(why.clone()), question.at / 1000);
            install.keep(database)?;
            ("failed", why)
        }
        InstallState::Running => {
            ("restarted", "it asked for a script before it finished; it boots its disk".to_owned())
        }
        _ => return Ok(()),
    };
    install.happened(database, question.at, stage, &detail)
}

/// Whether the asker may have the install: a machine with an address of its own asks from there, or it is another.
fn is_for(book: &Book, install: &Record, question: &Question) -> bool {
    let own = book.machine(&install.machine).and_then(|machine| machine.address);
    own.is_none_or(|own| own == question.address)
}

fn serve(database: &Connection, install: &mut Record, question: &Question) -> rusqlite::Result<()> {
    install.served += 1;
    install.mac = Some(question.mac);
    install.address = Some(question.address);
    install.said = question.said.clone();
    install.keep(database)?;
    let detail = format!("served to {} ({} of {SERVED_AT_MOST})", question.address, install.served);
    install.happened(database, question.at, "script", &detail)
}
