//! From plans to a served generation: all are fetched side by side, and what came whole is published together.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use feeds::events::Watch;
use feeds::plan::{Need, Plan};
use feeds::store::{self, Generation, RelPath, Store, Tree};
use feeds::transfer::Transfer;
use futures_util::future::join_all;

use super::total::Total;
use super::{Item, Run, forecast};
use crate::failure::{Class, Classify as _, Failure, Outcome};

/// One upstream: what it is called, the tree it becomes, what it leans on, and what its survey decided.
pub(super) struct Surveyed {
    pub name: String,
    pub tree: RelPath,
    /// By what those are called; they stand before it.
    pub leans_on: Vec<String>,
    pub plan: Outcome<Plan>,
}

/// Fetches all plans and publishes what is whole; what failed stays as it was.
pub(super) async fn publish(
    run: &Run<'_>,
    scope: &str,
    surveyed: Vec<Surveyed>,
    transfer: &Transfer,
    watch: &Arc<dyn Watch>,
) -> Outcome<Vec<Item>> {
    let store = transfer.store();
    let mut brought = HashSet::new();
    let need = |one: &Surveyed| Some(one.plan.as_ref().ok()?.need(store, &mut brought));
    let needs: Vec<_> = surveyed.iter().map(need).collect();
    if run.dry_run {
        forecast::learn(transfer);
        return Ok(surveyed.into_iter().zip(needs).map(planned).collect());
    }
    let needed: u64 = needs.iter().flatten().map(|need| need.bytes).sum();
    store.require_space(needed)?;
    let total = Total::of(scope, needed, Arc::clone(watch));
    let mut fetched = fetch(surveyed, transfer, &total).await;
    drop(total);
    if let Some(pace) = transfer.pace() {
        pace.remember(store);
    }
    // Where nothing succeeded there is nothing new to serve.
    if fetched.trees.is_empty() && !fetched.keep.is_empty() {
        return Ok(fetched.items);
    }
    if scope == "data" {
        super::pages::add(store, &mut fetched.trees, &mut fetched.keep, &**watch)?;
    }
    let scope =
        RelPath::new(scope).or_fail(Class::Unexpected, || "cannot name a scope".to_owned())?;
    let number = publish_as(store, run.site.data.keep, |store| {
        store.publish(&scope, fetched.trees, &fetched.keep)
    })?;
    run.context.console.note(&format!("{scope} is served as generation {number}"));
    Ok(fetched.items)
}

/// Publishes something, and collects what became garbage by that; returns the number of what is served then.
pub(in crate::commands) fn publish_as(
    store: &Store,
    keep: usize,
    publish: impl FnOnce(&Store) -> Result<Generation, store::Error>,
) -> Outcome<u64> {
    let before = store.kept()?.last().copied();
    let Generation { number, .. } = publish(store)?;
    // Where nothing was published nothing became garbage.
    if before.is_none_or(|before| before < number) {
        store.collect(keep, COLLECT_GRACE)?;
    }
    Ok(number)
}

/// What would become of an upstream.
fn planned((one, need): (Surveyed, Option<Need>)) -> Item {
    let outcome = one.plan.map(|_| need.map(forecast::told).unwrap_or_default());
    Item { need, ..Item::new(one.name, outcome) }
}

/// What came of all plans: the trees that are whole, and the places of those that stay as they were.
struct Fetched {
    items: Vec<Item>,
    trees: Vec<Tree>,
    keep: Vec<RelPath>,
}

/// Fetches all plans side by side; what leans on one that did not come whole is held back with it.
async fn fetch(surveyed: Vec<Surveyed>, transfer: &Transfer, watch: &dyn Watch) -> Fetched {
    let work = surveyed.into_iter().map(async |one| {
        let tree = match one.plan {
            Ok(plan) => plan.fetch(transfer, watch).await.map_err(Into::into),
            Err(failure) => Err(failure),
        };
        (one.name, one.tree, one.leans_on, tree)
    });
    let mut fetched = Fetched { items: Vec::new(), trees: Vec::new(), keep: Vec::new() };
    let mut lost = BTreeSet::new();
    for (name, path, leans_on, outcome) in join_all(work).await {
        // What it takes from a neighbour was read out of indexes that will not be served now.
        let outcome = outcome.and_then(|tree| {
            let neighbour = leans_on.iter().find(|one| lost.contains(*one));
            neighbour.map_or(Ok(tree), |one| Err(held_back(&name, one)))
        });
        let outcome = match outcome {
            Ok(tree) => {
                let described = described(&tree);
                fetched.trees.push(tree);
                Ok(described)
            }
            Err(failure) => {
                fetched.keep.push(path);
                lost.insert(name.clone());
                Err(failure)
            }
        };
        fetched.items.push(Item::new(name, outcome));
    }
    fetched
}

/// How old an object must be before it may go, so that no other run loses what it just fetched.
pub(in crate::commands) const COLLECT_GRACE: std::time::Duration =
    std::time::Duration::from_hours(1);

fn described(tree: &Tree) -> String {
    let bytes = tree.files.values().map(|object| object.size).sum();
    format!("{} files, {}, trust: {}", tree.files.len(), indicatif::HumanBytes(bytes), tree.trust)
}

/// Why a repository stays as it was, although nothing is wrong with it.
pub(super) fn held_back(name: &str, neighbour: &str) -> Failure {
    let message = format!("`{name}` leans on `{neighbour}`, which cannot be had");
    Failure::say(Class::Feed, message)
        .hint(format!("see what became of `{neighbour}`: both stay as they were until it comes"))
}

#[cfg(test)]
mod tests;
