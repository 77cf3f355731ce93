//! `runctl feed boot`: kernels and initrds out of trees, from plain URLs, or from inside packages that data mirrors.

use std::collections::BTreeMap;
use std::path::Path;

use feeds::apt::deb;
use feeds::digest::Sha256;
use feeds::events::Watch;
use feeds::plan::Plan;
use feeds::store::{Object, RelPath, Store};
use feeds::transfer::{Bases, Transfer, Want, masked};
use feeds::yum::treeinfo;

use super::publish::{self, Surveyed};
use super::{Item, Run, texts};
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::host::files;
use crate::site::{KernelFeed, KernelSource, Site};

/// Surveys all kernels, fetches what is missing, publishes.
pub(super) async fn feed(run: &Run<'_>) -> Outcome<Vec<Item>> {
    let transfer = run.transfer()?;
    let watch = run.context.console.watch();
    let mut surveyed = Vec::new();
    for kernel in &run.site.boot.kernels {
        surveyed.push(Surveyed {
            name: format!("kernel {}", kernel.name),
            tree: texts::tree_path("boot", &kernel.name)?,
            leans_on: Vec::new(),
            plan: survey(run.site, kernel, &transfer, &*watch).await,
        });
    }
    publish::publish(run, "boot", surveyed, &transfer, &watch).await
}

async fn survey(
    site: &Site,
    kernel: &KernelFeed,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Outcome<Plan> {
    let mut plan = Plan {
        tree: texts::tree_path("boot", &kernel.name)?,
        upstream: String::new(),
        trust: String::new(),
        signed_by: None,
        recipe: None,
        evidence: BTreeMap::new(),
        get: BTreeMap::new(),
        have: BTreeMap::new(),
    };
    match &kernel.source {
        KernelSource::Treeinfo { urls, architecture, sha256 } => {
            let urls = texts::urls(urls)?;
            let sha256 = sha256.as_deref().map(|text| texts::digest(".treeinfo", text));
            let sha256 = sha256.transpose()?;
            let found = treeinfo::survey(&urls, architecture, sha256, transfer, watch).await?;
            from(&mut plan, &urls, sha256.as_ref());
            plan.have = BTreeMap::from([(texts::file_path(".treeinfo")?, found.treeinfo)]);
            plan.get = found.images.into_iter().collect();
        }
        KernelSource::Tree { urls, sha256 } => {
            let urls = texts::urls(urls)?;
            let sha256 = sha256.as_deref().map(|text| texts::digest(&kernel.name, text));
            let sha256 = sha256.transpose()?;
            from(&mut plan, &urls, sha256.as_ref());
            plan.get = in_tree(site, kernel, &urls, sha256, transfer, watch).await?;
        }
        KernelSource::Folder { path } => {
            plan.upstream = path.display().to_string();
            plan.trust = "the operator's own".to_owned();
            plan.have = carried(transfer.store(), path)?;
        }
        KernelSource::Urls { files } => {
            plan.get = texts::wants(files)?;
            plan.upstream = "plain files".to_owned();
            plan.trust = "sha256 in boot.toml".to_owned();
        }
        KernelSource::Deb { apt, package, files } => {
            let (path, object) = newest_package(transfer.store(), apt, package)?;
            let members: Vec<_> = files
                .iter()
                .map(|(name, inside)| Ok((texts::file_path(name)?, inside.clone())))
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

/// Writes down where a kernel comes from, and who vouches for it.
fn from(plan: &mut Plan, urls: &Bases, sha256: Option<&Sha256>) {
    plan.upstream = urls.first().map(masked).unwrap_or_default();
    plan.trust = sha256.map_or("none", |_| "sha256 in boot.toml").to_owned();
}

/// What of a distribution's tree is wanted, by the sums that the tree itself has where one is known by its digest.
async fn in_tree(
    site: &Site,
    kernel: &KernelFeed,
    urls: &Bases,
    sha256: Option<Sha256>,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Outcome<BTreeMap<RelPath, Want>> {
    let places = places(site, kernel)?;
    let files: BTreeMap<_, _> = places
        .files
        .iter()
        .map(|(name, place)| Ok((texts::file_path(name)?, texts::file_path(place)?)))
        .collect::<Outcome<_>>()?;
    match &places.sums {
        Some(sums) => {
            let sums = texts::file_path(sums)?;
            let listed =
                feeds::files::survey_listed(urls, &sums, sha256, &files, transfer, watch).await?;
            Ok(listed.files)
        }
        None if sha256.is_none() => {
            let want = |(name, place)| (name, Want::below(urls, &place));
            Ok(files.into_iter().map(want).collect())
        }
        None => Err(no_sums(kernel)),
    }
}

/// Where the distribution keeps the boot files of this kernel.
fn places(site: &Site, kernel: &KernelFeed) -> Outcome<rack::Places> {
    let unknown =
        || Failure::say(Class::Configuration, format!("kernel `{}` names no distro", kernel.name));
    let boots = kernel.boots.as_ref().ok_or_else(unknown)?;
    let distro = site.distros.iter().find(|distro| distro.name == boots.distro);
    let distro = distro.ok_or_else(unknown)?;
    let version = distro.version(&boots.version).ok_or_else(unknown)?;
    let places = distro
        .places(version, &boots.architecture)
        .map_err(|error| Failure::new(Class::Configuration, error))?;
    if places.files.is_empty() {
        let told = format!("distro `{}` does not say where its tree has boot files", distro.name);
        return Err(Failure::say(Class::Configuration, told)
            .hint("name the files by `[[kernel.file]]`, or carry them in a `folder`"));
    }
    Ok(places)
}

fn no_sums(kernel: &KernelFeed) -> Failure {
    let told =
        format!("the distribution of kernel `{}` publishes no list of checksums", kernel.name);
    Failure::say(Class::Configuration, told)
        .hint("write `trust = \"none\"`, or name the files with their sha256 by `[[kernel.file]]`")
}

/// Takes a folder of this host into the store, files in folders included.
fn carried(store: &Store, folder: &Path) -> Outcome<BTreeMap<RelPath, Object>> {
    let tried = || format!("cannot read {}", folder.display());
    let mut objects = BTreeMap::new();
    for path in files::below(folder).or_fail(Class::Feed, tried)? {
        let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy();
        objects.insert(texts::file_path(&name)?, store.insert_file(&path)?);
    }
    Ok(objects)
}

/// How a package's file name ends.
const DEB: &str = ".deb";

/// Finds the package in the tree of an APT feed that is served now; of several the one that sorts last.
fn newest_package(store: &Store, apt: &str, package: &str) -> Outcome<(RelPath, Object)> {
    let tree_path = texts::tree_path("data/apt", apt)?;
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
