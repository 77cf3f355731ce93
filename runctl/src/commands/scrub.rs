//! `runctl scrub`: hashes everything again; names what is corrupt, with all that uses it, and has it repaired.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use feeds::digest::Sha256;
use feeds::store::{Damage, Scrubbed, Store};
use indicatif::HumanBytes;

use super::Context;
use super::feed::{self, Feed, Kind};
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::host::lock;

/// Arguments of `scrub`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  runctl scrub                   moves aside what is corrupt, and names it
  runctl scrub --repair          also fetches it again")]
pub struct Scrub {
    /// Feed what is affected, so that what is corrupt is fetched again.
    #[arg(long, conflicts_with = "dry_run")]
    repair: bool,
    /// Hash, and say what is corrupt; move nothing aside, and remember nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Hashes all objects, takes what is corrupt out of service, and has it repaired where that is asked for.
pub async fn scrub(context: &Context, scrub: &Scrub) -> Outcome {
    let site = context.site()?;
    let store = Store::open(site.layout.store())?;
    let lock = lock::take(&site.layout.locks(), "feed", "scrub", Duration::ZERO).await?;
    let scrubbed = hash_all(context, store.clone(), !scrub.dry_run).await?;
    let mut damages = if scrub.dry_run { store.uses(&scrubbed.corrupt)? } else { store.mend()? };
    // A feed takes the same lock.
    drop(lock);
    let affected = affected(&damages);
    let mut fed = Ok(());
    if scrub.repair && !affected.is_empty() {
        fed = feed::feed(context, &Feed::of(affected)).await;
        damages = again(&store, damages)?;
    }
    context.console.report(
        || serde_json::json!({ "scrubbed": scrubbed, "damaged": damages, "dry_run": scrub.dry_run }),
        || told(&scrubbed, &damages),
    );
    judge(&damages, scrub.repair, fed)
}

async fn hash_all(context: &Context, store: Store, change: bool) -> Outcome<Scrubbed> {
    let watch = context.console.watch();
    let hashed = tokio::task::spawn_blocking(move || store.scrub(change, &*watch)).await;
    Ok(hashed.or_fail(Class::Unexpected, || "cannot hash what is in the store".to_owned())??)
}

/// What a feed has mended since: the feed published, and publishing mends.
fn again(store: &Store, damages: Vec<Damage>) -> Outcome<Vec<Damage>> {
    let left: BTreeSet<Sha256> =
        store.mend()?.into_iter().filter(|one| !one.mended).map(|one| one.sha256).collect();
    let judged = |damage: Damage| Damage { mended: !left.contains(&damage.sha256), ..damage };
    Ok(damages.into_iter().map(judged).collect())
}

/// The feeds whose upstreams may have what is damaged.
fn affected(damages: &[Damage]) -> Vec<Kind> {
    let trees = || {
        let left = damages.iter().filter(|damage| !damage.mended);
        left.flat_map(|damage| &damage.uses).map(|used| used.tree.as_str())
    };
    let of = |folder: &str| trees().any(|tree| tree.starts_with(folder));
    let kinds = [(Kind::Data, of("data/")), (Kind::Boot, of("boot/"))];
    kinds.into_iter().filter(|(_, affected)| *affected).map(|(kind, _)| kind).collect()
}

fn told(scrubbed: &Scrubbed, damages: &[Damage]) -> String {
    let mut text = String::new();
    let mut line = |line: std::fmt::Arguments<'_>| writeln!(text, "{line}");
    let before = match scrubbed.skipped {
        0 => String::new(),
        skipped => format!(", {skipped} before"),
    };
    let (objects, bytes) = (scrubbed.objects, HumanBytes(scrubbed.bytes));
    let _infallible =
        line(format_args!("{objects} objects hashed ({bytes}){before}, {} damaged", damages.len()));
    for damage in damages {
        let state = if damage.mended { "mended" } else { "corrupt" };
        let _infallible = line(format_args!("{state} {}", damage.sha256));
        for used in &damage.uses {
            let (tree, file, upstream) = (&used.tree, &used.file, &used.upstream);
            let generation = used.generation;
            let _infallible =
                line(format_args!("  {tree}: {file} (generation {generation}, from {upstream})"));
        }
    }
    text
}

/// Fails where something is still corrupt.
fn judge(damages: &[Damage], repair: bool, fed: Outcome) -> Outcome {
    let left = damages.iter().filter(|damage| !damage.mended).count();
    if left == 0 {
        return fed;
    }
    let failure = Failure::say(
        Class::Verification,
        format!("{left} of {} damaged objects are not repaired", damages.len()),
    );
    let built =
        damages.iter().flat_map(|it| &it.uses).any(|it| it.tree.as_str().starts_with("built/"));
    Err(failure.hint(match (repair, built) {
        (false, false) => "run `runctl scrub --repair`, or feed the trees named above again",
        (_, true) => "build what lies below `built/` again with `runctl build`, feed the rest",
        (true, false) => {
            "the upstream has them no more: only old generations need them, or it must be asked for them"
        }
    }))
}
