//! `runctl rollback`: serves a kept generation again, by one rename.

use std::time::Duration;

use clap::Args;
use feeds::store::Store;

use super::{Context, generations, live};
use crate::failure::{Class, Failure, Outcome};
use crate::host::lock;

/// Arguments of `rollback`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  runctl generations             which there are
  runctl rollback                the one before the served one
  runctl rollback 41             this one")]
pub struct Rollback {
    /// Which generation; the kept one before the served one where none is named.
    number: Option<u64>,
    /// Say which generation would be served; change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Switches to the generation, and writes what machines boot anew.
pub async fn rollback(context: &Context, rollback: &Rollback) -> Outcome {
    let site = context.site()?;
    let _lock = lock::take(&site.layout.locks(), "feed", "rollback", Duration::ZERO).await?;
    let store = Store::open(site.layout.store())?;
    let served = store.current()?.map(|current| current.number);
    let number = match rollback.number {
        Some(number) => number,
        None => before(served, &store.kept()?)?,
    };
    // Before anything is promised.
    generations::kept(&store, number)?;
    if !rollback.dry_run {
        store.switch_back(number)?;
        live::write_book(context)?;
    }
    context.console.report(
        || serde_json::json!({ "generation": number, "before": served, "dry_run": rollback.dry_run }),
        || {
            let verb = if rollback.dry_run { "would be" } else { "is" };
            let before = served.map_or_else(String::new, |it| format!(" instead of {it}"));
            format!("generation {number} {verb} served{before}\n")
        },
    );
    Ok(())
}

/// The newest kept generation that is older than the served one.
fn before(served: Option<u64>, kept: &[u64]) -> Outcome<u64> {
    let older = kept.iter().filter(|number| served.is_some_and(|served| **number < served));
    older.max().copied().ok_or_else(|| {
        Failure::say(Class::Usage, "no generation is kept from before the served one")
            .hint(generations::KEPT)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_before_is_the_next_older_that_is_kept() {
        assert_eq!(before(Some(9), &[2, 5, 9, 11]).unwrap(), 5);
        assert!(before(Some(2), &[2, 5]).is_err());
        assert!(before(None, &[2]).is_err());
    }
}
