//! `runctl feed boot`: kernels and initrds out of trees, from plain URLs, or from inside packages that data mirrors.

use std::collections::BTreeMap;

use feeds::apt::deb;
use feeds::events::Watch;
use feeds::plan::Plan;
use feeds::store::{Object, RelPath, Store};
use feeds::transfer::{Transfer, masked};
use feeds::yum::treeinfo;

use super::data::{self, Surveyed};
use super::{Item, Run};
use crate::failure::{Class, Failure, Outcome};
use crate::site::{KernelFeed, KernelSource};

/// Surveys all kernels, fetches what is missing, publishes.
pub(super) async fn feed(run: &Run<'_>) -> Outcome<Vec<Item>> {
    let transfer = data::transfer(run)?;
    let watch = run.context.console.watch();
    let mut surveyed = Vec::new();
    for kernel in &run.site.boot.kernels {
        surveyed.push(Surveyed {
            name: format!("kernel {}", kernel.name),
            tree: data::tree_path("boot", &kernel.name)?,
            plan: survey(kernel, &transfer, &*watch).await,
        });
    }
    data::publish(run, "boot", surveyed, &transfer, &watch).await
}

async fn survey(kernel: &KernelFeed, transfer: &Transfer, watch: &dyn Watch) -> Outcome<Plan> {
    let mut plan = Plan {
        tree: data::tree_path("boot", &kernel.name)?,
        upstream: String::new(),
        trust: String::new(),
        evidence: BTreeMap::new(),
        get: BTreeMap::new(),
        have: BTreeMap::new(),
    };
    match &kernel.source {
        KernelSource::Treeinfo { urls, architecture, sha256 } => {
            let urls = data::urls(urls)?;
            let sha256 = sha256.as_deref().map(|text| data::digest(".treeinfo", text));
            let sha256 = sha256.transpose()?;
            let found = treeinfo::survey(&urls, architecture, sha256, transfer, watch).await?;
            plan.upstream = urls.first().map(masked).unwrap_or_default();
            plan.trust = sha256.map_or("none", |_| "sha256 in boot.toml").to_owned();
            plan.have = BTreeMap::from([(data::file_path(".treeinfo")?, found.treeinfo)]);
            plan.get = found.images.into_iter().collect();
        }
        KernelSource::Urls { files } => {
            plan.get = data::wants(files)?;
            plan.upstream = "plain files".to_owned();
            plan.trust = "sha256 in boot.toml".to_owned();
        }
        KernelSource::Deb { apt, package, files } => {
            let (path, object) = newest_package(transfer.store(), apt, package)?;
            let members: Vec<_> = files
                .iter()
                .map(|(name, inside)| Ok((data::file_path(name)?, inside.clone())))
                .collect::<Outcome<_>>()?;
            let taken =
                deb::extract(transfer.store(), &transfer.store().path(&object.sha256), &members)?;
            plan.have = taken.into_iter().collect();
            plan.upstream = format!("data/apt/{apt}/{path}");
            plan.trust = format!("apt {apt}");
        }
    }
    Ok(plan)
}

/// How a package's file name ends.
const DEB: &str = ".deb";

/// Finds the package in the tree of an APT feed that is served now; of several the one that sorts last.
fn newest_package(store: &Store, apt: &str, package: &str) -> Outcome<(RelPath, Object)> {
    let tree_path = data::tree_path("data/apt", apt)?;
    let current = store.current()?;
    let tree = current
        .as_ref()
        .and_then(|current| current.lock.trees.iter().find(|tree| tree.path == tree_path));
    let not_fed = || {
        Failure::say(Class::Feed, format!("apt `{apt}` has not been fed yet"))
            .hint("run `runctl feed data` first")
    };
    let prefix = format!("{package}_");
    let is_it = |path: &RelPath| {
        path.file_name().strip_prefix(&prefix).is_some_and(|rest| rest.ends_with(DEB))
    };
    tree.ok_or_else(not_fed)?
        .files
        .iter()
        .rfind(|(path, _)| is_it(path))
        .map(|(path, object)| (path.clone(), *object))
        .ok_or_else(|| {
            Failure::say(
                Class::Feed,
                format!("package `{package}` is not in what apt `{apt}` mirrors"),
            )
            .hint("add it to `packages` in data.toml, then run `runctl feed data boot`")
        })
}
