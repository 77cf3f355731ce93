//! `runctl feed data`: APT and YUM repositories and plain files, published together as one generation.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use feeds::Neighbour;
use feeds::digest::Sha256;
use feeds::events::Watch;
use feeds::plan::{Need, Plan};
use feeds::store::{self, Generation, RelPath, Store, Tree};
use feeds::transfer::{Bases, Options, Transfer, Want};
use feeds::trust::SiteKey;
use futures_util::future::{join_all, join3};

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

/// Surveys all upstreams of data side by side, fetches what is missing, publishes.
pub(super) async fn feed(run: &Run<'_>) -> Outcome<Vec<Item>> {
    let transfer = transfer(run)?;
    let watch = run.context.console.watch();
    let data = &run.site.data;
    let current = transfer.store().current()?;
    let served = |tree: &RelPath| {
        let trees = current.as_ref().map(|current| &current.lock.trees)?;
        let served = trees.iter().find(|served| served.path == *tree)?;
        // One that lacks a damaged file is surveyed anew, so that the file is fetched again.
        transfer.store().is_whole(served).then_some(served)
    };
    let apt = in_turn(
        "apt",
        data.apt.iter().map(|feed| (&*feed.name, &*feed.leans_on, feed)).collect(),
        async |feed, tree, neighbours| {
            super::apt::survey(run, feed, neighbours, served(tree), &transfer, &*watch).await
        },
    );
    let yum = in_turn(
        "yum",
        data.yum.iter().map(|feed| (&*feed.name, &*feed.leans_on, feed)).collect(),
        async |feed, tree, neighbours| {
            super::yum::survey(run, feed, neighbours, served(tree), &transfer, &*watch).await
        },
    );
    let files = data.files.iter().map(async |feed| {
        let tree = tree_path("data/files", &feed.name)?;
        let plan = super::files::survey(feed, served(&tree), &transfer, &*watch).await;
        Ok(Surveyed { name: format!("files {}", feed.name), tree, leans_on: Vec::new(), plan })
    });
    let (apt, yum, files) = join3(apt, yum, join_all(files)).await;
    let surveyed = apt.into_iter().chain(yum).chain(files).collect::<Outcome<Vec<_>>>()?;
    publish(run, "data", surveyed, &transfer, &watch).await
}

/// Surveys repositories side by side, but each after those that it leans on: they stand before it.
async fn in_turn<'f, F>(
    kind: &str,
    feeds: Vec<(&'f str, &'f [String], &'f F)>,
    survey: impl AsyncFn(&'f F, &RelPath, Arc<[Neighbour]>) -> Outcome<Plan>,
) -> Vec<Outcome<Surveyed>> {
    let mut surveyed: BTreeMap<usize, Outcome<Surveyed>> = BTreeMap::new();
    let place = |name: &String| feeds.iter().position(|(known, ..)| known == name);
    while surveyed.len() < feeds.len() {
        let ready = feeds.iter().enumerate().filter(|(index, (_, leans_on, _))| {
            let is_done = |name| place(name).is_none_or(|other| surveyed.contains_key(&other));
            !surveyed.contains_key(index) && leans_on.iter().all(is_done)
        });
        let round: Vec<_> = ready
            .map(async |(index, (name, leans_on, feed))| {
                let neighbour = |one: &String| {
                    let plan = place(one).and_then(|other| surveyed.get(&other)?.as_ref().ok());
                    let plan = plan.and_then(|surveyed| surveyed.plan.as_ref().ok());
                    plan.map(|plan| Neighbour::of(one, plan)).ok_or_else(|| held_back(name, one))
                };
                let neighbours: Outcome<Arc<[_]>> = leans_on.iter().map(neighbour).collect();
                let surveyed = async {
                    let tree = tree_path(&format!("data/{kind}"), name)?;
                    let plan = match neighbours {
                        Ok(neighbours) => survey(*feed, &tree, neighbours).await,
                        Err(failure) => Err(failure),
                    };
                    let called = |name: &str| format!("{kind} {name}");
                    let leans_on = leans_on.iter().map(|one| called(one)).collect();
                    Ok(Surveyed { name: called(name), tree, leans_on, plan })
                };
                (index, surveyed.await)
            })
            .collect();
        let done = join_all(round).await;
        if done.is_empty() {
            // Configuration that leans in a circle is refused before.
            break;
        }
        surveyed.extend(done);
    }
    surveyed.into_values().collect()
}

/// Why a repository stays as it was, although nothing is wrong with it.
fn held_back(name: &str, neighbour: &str) -> Failure {
    let message = format!("`{name}` leans on `{neighbour}`, which cannot be had");
    Failure::say(Class::Feed, message)
        .hint(format!("see what became of `{neighbour}`: both stay as they were until it comes"))
}

/// The downloader of this site.
pub(super) fn transfer(run: &Run<'_>) -> Outcome<Transfer> {
    let store = Store::open(run.site.layout.store())?;
    Ok(Transfer::new(store, Options::default())?)
}

/// The key that signs what the site indexes anew; made on first use.
pub(super) fn site_key(run: &Run<'_>) -> Outcome<Arc<SiteKey>> {
    let path = run.site.layout.secrets().join("archive-key.asc");
    let user_id = format!("{} archive of {}", run.site.name, run.site.domain);
    Ok(Arc::new(SiteKey::open_or_create(&path, &user_id)?))
}

/// The tree of one upstream in a generation.
pub(super) fn tree_path(folder: &str, name: &str) -> Outcome<RelPath> {
    RelPath::new(format!("{folder}/{name}"))
        .or_fail(Class::Configuration, || format!("`{name}` cannot name a folder"))
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

/// URLs as the configuration has them, checked when it was read.
pub(super) fn urls(texts: &[String]) -> Outcome<Bases> {
    texts
        .iter()
        .map(|text| text.parse().or_fail(Class::Configuration, || format!("`{text}` is not a URL")))
        .collect()
}

/// The files of a list of (name, URLs, sha256).
pub(super) fn wants(files: &[(String, Vec<String>, String)]) -> Outcome<BTreeMap<RelPath, Want>> {
    let want = |(name, texts, sha256): &(String, Vec<String>, String)| {
        let mut want = Want::new(urls(texts)?, name.as_str());
        want.sha256 = Some(digest(name, sha256)?);
        Ok((file_path(name)?, want))
    };
    files.iter().map(want).collect()
}

/// The sha256 that was written down for a file.
pub(super) fn digest(name: &str, sha256: &str) -> Outcome<Sha256> {
    sha256.parse().or_fail(Class::Configuration, || format!("the sha256 of `{name}` is wrong"))
}

/// The name of one file in its tree.
pub(super) fn file_path(name: &str) -> Outcome<RelPath> {
    RelPath::new(name).or_fail(Class::Configuration, || format!("`{name}` cannot name a file"))
}

#[cfg(test)]
mod tests;
