//! `runctl feed data`: APT and YUM repositories and plain files, published together as one generation.

use std::collections::BTreeMap;
use std::sync::Arc;

use feeds::Neighbour;
use feeds::plan::Plan;
use feeds::store::RelPath;
use futures_util::future::{join_all, join3};

use super::publish::{self, Surveyed, held_back};
use super::texts::tree_path;
use super::{Item, Run};
use crate::failure::Outcome;

/// Surveys all upstreams of data side by side, fetches what is missing, publishes.
pub(super) async fn feed(run: &Run<'_>) -> Outcome<Vec<Item>> {
    let transfer = run.transfer()?;
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
    publish::publish(run, "data", surveyed, &transfer, &watch).await
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
