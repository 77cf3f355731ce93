//! `runctl feed gito`: tells gitolite which repositories there are, then fills each from its upstream.

use std::collections::BTreeMap;

use feeds::git::{self, Access, Card, Mirrored, Rule, Source, Target};
use feeds::lock::LockedRef;
use feeds::store::Store;

use super::{Item, Run, modules, publish};
use crate::commands::gito::{as_admin, queue, secrets};
use crate::failure::{Failure, Outcome};
use crate::site::{GitFeed, Site};

/// User and group `git` of the container.
const GIT: (u32, u32) = (970, 970);

/// Mirrors every repository of gito.toml, and then the modules that control repositories name.
pub(super) async fn feed(run: &Run<'_>) -> Outcome<Vec<Item>> {
    let feeds = &run.site.gito.repositories;
    let known = modules::of(run)?;
    if run.dry_run {
        let planned = |feed: &GitFeed| {
            Item::new(name(&feed.name), Ok(format!("would follow {}", git::masked(&feed.url))))
        };
        return Ok(feeds.iter().chain(&known).map(planned).collect());
    }
    if feeds.is_empty() && known.is_empty() {
        return Ok(Vec::new());
    }
    let mut unmade = make(run.site, feeds.iter().chain(&known).collect()).await?;
    let mut fed = mirror(run, feeds, &mut unmade).await;
    let modules = modules::of(run)?;
    if modules != known {
        unmade = make(run.site, feeds.iter().chain(&modules).collect()).await?;
    }
    if !modules.is_empty() {
        fed.extend(mirror(run, &modules, &mut unmade).await);
        let url = modules::tell_rewrites(run.site, &modules)?;
        let text =
            format!("git finds the modules on this site with what {url} says, in /etc/gitconfig");
        run.context.console.note(&text);
    }
    let locked = lock(run.site, &fed);
    let mut items: Vec<_> = fed.into_iter().map(item).collect();
    items.extend(locked.err().map(|failure| Item::new("lock of references".into(), Err(failure))));
    Ok(items)
}

/// What came of one repository, by its name.
type Fed = (String, Outcome<Mirrored>);

/// The repositories that gitolite cannot make, and why.
type Unmade = BTreeMap<String, Failure>;

fn name(repository: &str) -> String {
    format!("git {repository}")
}

fn item((repository, result): Fed) -> Item {
    Item::new(name(&repository), result.map(|mirrored| described(&mirrored)))
}

/// Takes the references of what came down in a generation; what failed stays there as it was.
fn lock(site: &Site, fed: &[Fed]) -> Outcome {
    let came = fed.iter().filter_map(|(name, result)| Some((name, result.as_ref().ok()?)));
    let refs = came.flat_map(|(repository, mirrored)| {
        mirrored.refs.iter().map(|(name, commit)| LockedRef {
            repository: repository.clone(),
            name: name.clone(),
            commit: commit.clone(),
        })
    });
    let refs = refs.collect();
    let failed = fed.iter().filter(|(_, result)| result.is_err());
    let failed: Vec<_> = failed.map(|(name, _)| name.clone()).collect();
    let store = Store::open(site.layout.store())?;
    publish::publish_as(&store, site.data.keep, |store| store.publish_refs(refs, &failed))?;
    Ok(())
}

/// Mirrors repositories, several at once; those that gitolite did not make have failed already.
async fn mirror(run: &Run<'_>, feeds: &[GitFeed], unmade: &mut Unmade) -> Vec<Fed> {
    let (lost, made): (Vec<_>, Vec<_>) =
        feeds.iter().partition(|feed| unmade.contains_key(&feed.name));
    let jobs = made.iter().map(|feed| (source(run.site, feed), target(run.site, feed))).collect();
    let watch = run.context.console.watch();
    let results = git::mirror_all(jobs, run.site.gito.parallel, &*watch).await;
    let results = results.into_iter().map(|result| result.map_err(Failure::from));
    let fed = made.into_iter().map(|feed| feed.name.clone()).zip(results);
    let failed = lost.into_iter().filter_map(|feed| unmade.remove_entry(&feed.name));
    fed.chain(failed.map(|(name, failure)| (name, Err(failure)))).collect()
}

fn described(mirrored: &Mirrored) -> String {
    let state = if mirrored.changed { "moved" } else { "unchanged" };
    let by: Vec<_> = mirrored.signed_by.iter().map(String::as_str).collect();
    let signed =
        if by.is_empty() { String::new() } else { format!(", signed by {}", by.join(", ")) };
    format!("{} references, {state}{signed}", mirrored.refs.len())
}

fn source(site: &Site, feed: &GitFeed) -> Source {
    Source {
        name: feed.name.clone(),
        url: feed.url.clone(),
        access: Access {
            login: feed.login.clone(),
            identity: site.gito.identity.clone(),
            known_hosts: Some(secrets(site).join("upstreams_known_hosts")),
            learn: site.gito.trust_hosts.clone(),
        },
        by: feed.by,
        pin: feed.pin.clone(),
        verification: feed.verification.clone(),
    }
}

fn target(site: &Site, feed: &GitFeed) -> Target {
    Target {
        bare: site.layout.repository(&feed.name),
        owner: Some(GIT),
        divergence: feed.divergence,
        card: Card {
            owner: feed.owner.clone(),
            description: feed.description.clone(),
            category: feed.category.clone(),
            push_mirror: feed.push_mirror.clone(),
        },
        queue: Some(queue(site)),
    }
}

/// Has gitolite make every repository; one that cannot be made is told with why, and is in nobody else's way.
async fn make(site: &Site, feeds: Vec<&GitFeed>) -> Outcome<Unmade> {
    let mut unmade = Unmade::new();
    let mut wanted = Vec::new();
    for feed in feeds {
        // A folder that somebody removed, or one that lost its hooks.
        match release(site, feed) {
            Ok(()) => wanted.push(feed),
            Err(error) => drop(unmade.insert(feed.name.clone(), error.into())),
        }
    }
    while let Err(failure) = tell_gitolite(site, &wanted).await {
        // gitolite makes none where it fails at one: without that one it makes the others.
        let complaint = failure.error.downcast_ref::<git::Error>();
        let blamed = |feed: &&GitFeed| complaint.is_some_and(|it| it.blames(&feed.name));
        let Some(at) = wanted.iter().position(blamed) else {
            return Err(failure);
        };
        unmade.insert(wanted.remove(at).name.clone(), failure);
    }
    Ok(unmade)
}

fn release(site: &Site, feed: &GitFeed) -> Result<(), git::Error> {
    if is_served(site, feed) {
        return Ok(());
    }
    git::release(&site.layout.repository(&feed.name), GIT)
}

/// Sees to it that gitolite has every repository, made with its hooks; asks it only where its own does not say so.
async fn tell_gitolite(site: &Site, feeds: &[&GitFeed]) -> Outcome {
    let rules = feeds.iter().map(|feed| Rule {
        name: &feed.name,
        readers: &feed.readers,
        writers: &feed.writers,
    });
    let configuration = git::configuration(rules);
    let (bare, wanted) = (site.layout.repository("gitolite-admin"), configuration.clone());
    let told = tokio::task::spawn_blocking(move || git::is_told(&bare, &wanted)).await;
    if !told.unwrap_or(false) {
        let wanted = configuration.clone();
        as_admin(site, move |admin| git::ensure_admin(admin, &wanted)).await?;
    }
    let lacking = feeds.iter().filter(|feed| !is_served(site, feed));
    let names: Vec<_> = lacking.map(|feed| feed.name.clone()).collect();
    if names.is_empty() {
        return Ok(());
    }
    as_admin(site, move |admin| git::make_again(admin, &configuration, &names)).await
}

/// Whether gitolite serves a repository, or is not asked to: it makes none that nobody may use.
fn is_served(site: &Site, feed: &GitFeed) -> bool {
    let unused = feed.readers.is_empty() && feed.writers.is_empty();
    unused || git::is_served(&site.layout.repository(&feed.name))
}
