//! `runctl gito queue`: what gito was pushed or fed and has not pushed on, as its own script and the feed write it down.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use crate::commands::Context;
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::ui::table::Table;

/// A file of this name asks the service to try all at once; it is gone when that is done.
const ASK: &str = ".now";
/// What could not be pushed on; what a feed moved and gito has not seen yet; what it pushes on right now.
const ENDINGS: [&str; 3] = ["waiting", "fed", "taken"];
/// How long that may take; each push is given up after five minutes.
const PATIENCE: Duration = Duration::from_mins(10);
/// How often it is looked after.
const BEAT: Duration = Duration::from_millis(200);

/// Arguments of `gito queue`.
#[derive(Debug, Args)]
pub struct Queue {
    /// Try everything that waits now, and show what is left.
    #[arg(long)]
    retry: bool,
}

/// Shows what waits to be pushed on, and why.
pub(super) async fn show(context: &Context, queue: &Queue) -> Outcome {
    let site = context.site()?;
    let folder = super::queue(&site);
    if queue.retry && !waiting(&folder)?.is_empty() {
        retry(&folder).await?;
    }
    let mut table =
        Table::new(["repository", "target", "waits since", "tried last", "attempts", "why"]);
    for entry in waiting(&folder)? {
        let value = |key: &str| value(&entry, key).unwrap_or_default().to_owned();
        table.row([
            value("repository"),
            value("target"),
            when(&value("since")),
            when(&value("tried")),
            value("attempts"),
            value("why"),
        ]);
    }
    context.console.report(
        || table.to_json(),
        || match table.to_string() {
            none if none.is_empty() => "nothing waits to be pushed on\n".to_owned(),
            table => table,
        },
    );
    Ok(())
}

async fn retry(folder: &Path) -> Outcome {
    let ask = folder.join(ASK);
    fs_err::write(&ask, "").or_fail(Class::Unexpected, || "cannot ask gito to try".to_owned())?;
    let done = async {
        while ask.exists() {
            tokio::time::sleep(BEAT).await;
        }
    };
    tokio::time::timeout(PATIENCE, done).await.map_err(|_| {
        Failure::say(Class::Engine, "gito does not try to push on what waits")
            .hint("gito must be running: runctl up gito")
    })
}

/// The texts of all entries, sorted by repository and target.
fn waiting(folder: &Path) -> Outcome<Vec<String>> {
    let mut entries = Vec::new();
    if !folder.exists() {
        return Ok(entries);
    }
    let failed = || "cannot read what waits to be pushed on".to_owned();
    for entry in fs_err::read_dir(folder).or_fail(Class::Unexpected, failed)? {
        let path = entry.or_fail(Class::Unexpected, failed)?.path();
        if ENDINGS.iter().any(|it| path.extension().is_some_and(|ending| ending == *it)) {
            // One that arrives meanwhile is gone.
            entries.extend(fs_err::read_to_string(path));
        }
    }
    entries.sort();
    Ok(entries)
}

/// One value of an entry, which has `key=value` lines.
fn value<'e>(entry: &'e str, key: &str) -> Option<&'e str> {
    entry.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}

fn when(seconds: &str) -> String {
    let time = seconds.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(String::new, |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_the_script_writes_them() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(waiting(&folder.path().join("absent")).expect("nothing waits").is_empty());
        let entry = "repository=words\ntarget=ssh://git@h/x\nsince=0\nwhy=a=b\n";
        let fed = "repository=art/shelf\ntarget=git@h:x\nsince=0\nattempts=0\nwhy=fed\n";
        let others = [("1.waiting.lock", ""), ("art%shelf.moving", fed), (ASK, "")];
        for (name, text) in [("1.waiting", entry), ("art%shelf.fed", fed)].into_iter().chain(others)
        {
            fs_err::write(folder.path().join(name), text).expect("it is written");
        }
        let entries = waiting(folder.path()).expect("it is read");
        assert_eq!(entries, [fed, entry]);
        assert_eq!(value(entry, "why"), Some("a=b"));
        assert_eq!(value(entry, "tried"), None);
        assert_eq!(when("0"), "1970-01-01 00:00:00 UTC");
    }
}
