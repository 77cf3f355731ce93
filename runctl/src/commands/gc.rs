//! `runctl gc`: removes generations beyond `keep`, and what only they needed.

use std::time::Duration;

use clap::Args;
use feeds::store::{Collected, Store};
use indicatif::HumanBytes;

use super::Context;
use super::feed::publish::COLLECT_GRACE;
use crate::failure::Outcome;
use crate::host::lock;

/// Arguments of `gc`.
#[derive(Debug, Args)]
pub struct Gc {
    /// Say what would be removed; remove nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Collects what nothing needs any more.
pub async fn gc(context: &Context, gc: &Gc) -> Outcome {
    let site = context.site()?;
    let _lock = lock::take(&site.layout.locks(), "feed", "gc", Duration::ZERO).await?;
    let store = Store::open(site.layout.store())?;
    let collected = if gc.dry_run {
        store.collectable(site.data.keep, COLLECT_GRACE)?
    } else {
        store.collect(site.data.keep, COLLECT_GRACE)?
    };
    context.console.report(
        || serde_json::json!({ "removed": collected, "dry_run": gc.dry_run }),
        || told(&collected, gc.dry_run),
    );
    Ok(())
}

fn told(collected: &Collected, dry_run: bool) -> String {
    let Collected { generations, trees, objects, bytes } = collected;
    let numbers: Vec<_> = generations.iter().map(ToString::to_string).collect();
    let which =
        if numbers.is_empty() { String::new() } else { format!(" ({})", numbers.join(", ")) };
    format!(
        "{}: {} generations{which}, {trees} trees, {objects} objects, {}\n",
        if dry_run { "would be removed" } else { "removed" },
        generations.len(),
        HumanBytes(*bytes),
    )
}
