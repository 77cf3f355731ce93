//! `runctl feed gito`: tells gitolite which repositories there are, then fills each from its upstream.

use std::path::PathBuf;

use feeds::git::{self, Access, Admin, Card, Divergence, Mirrored, Source, Target};

use super::{Item, Run};
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::services::Service;
use crate::site::{GitFeed, Site};

/// User and group `git` of the container.
const GIT: (u32, u32) = (970, 970);
/// Mirrors under way at once; each takes a thread.
const PARALLEL: usize = 4;

/// Mirrors every repository of gito.toml.
pub(super) async fn feed(run: &Run<'_>) -> Outcome<Vec<Item>> {
    let feeds = &run.site.gito.repositories;
    let name = |feed: &GitFeed| format!("git {}", feed.name);
    if run.dry_run {
        let planned =
            |feed| Item::new(name(feed), Ok(format!("would follow {}", git::masked(&feed.url))));
        return Ok(feeds.iter().map(planned).collect());
    }
    if feeds.is_empty() {
        return Ok(Vec::new());
    }
    tell_gitolite(run.site).await?;
    let jobs = feeds.iter().map(|feed| (source(run.site, feed), target(run.site, feed))).collect();
    let watch = run.context.console.watch();
    let results = git::mirror_all(jobs, PARALLEL, &*watch).await;
    let items = feeds.iter().zip(results).map(|(feed, result)| {
        Item::new(name(feed), result.map(|mirrored| described(&mirrored)).map_err(Into::into))
    });
    Ok(items.collect())
}

fn described(mirrored: &Mirrored) -> String {
    let state = if mirrored.changed { "moved" } else { "unchanged" };
    format!("{} references, {state}", mirrored.refs.len())
}

fn source(site: &Site, feed: &GitFeed) -> Source {
    Source {
        name: feed.name.clone(),
        url: feed.url.clone(),
        access: Access {
            identity: site.gito.identity.clone(),
            known_hosts: Some(secrets(site).join("upstreams_known_hosts")),
            learn: site.gito.trust_hosts.clone(),
        },
        pin: feed.pin.clone(),
        verification: feed.verification.clone(),
    }
}

fn target(site: &Site, feed: &GitFeed) -> Target {
    let repositories = site.layout.service(Service::Gito).join("repositories");
    Target {
        bare: repositories.join(format!("{}.git", feed.name)),
        owner: Some(GIT),
        // What is pushed on is also pushed to, so its own work is kept.
        divergence: if feed.push_mirror.is_some() {
            Divergence::Keep
        } else {
            Divergence::Overwrite
        },
        card: Card {
            owner: feed.owner.clone(),
            description: feed.description.clone(),
            category: feed.category.clone(),
            push_mirror: feed.push_mirror.clone(),
        },
    }
}

/// Sees to it that gitolite has every repository, made with its hooks.
async fn tell_gitolite(site: &Site) -> Outcome {
    let names = site.gito.repositories.iter().map(|feed| feed.name.as_str());
    let configuration = git::configuration(names);
    let address = site.hosts.of(Service::Gito).address.to_string();
    let admin = Admin {
        url: format!("ssh://git@{address}/gitolite-admin"),
        access: Access {
            identity: Some(secrets(site).join("admin")),
            known_hosts: Some(pin(site, &address)?),
            learn: Vec::new(),
        },
    };
    tokio::task::spawn_blocking(move || git::ensure_admin(&admin, &configuration))
        .await
        .or_fail(Class::Unexpected, || "gitolite was not told its repositories".to_owned())?
        .map_err(|error| {
            let failure = Failure::from(error);
            if failure.class == Class::Feed {
                failure.hint("gito must be running: runctl up gito")
            } else {
                failure
            }
        })?;
    Ok(())
}

/// Writes gito's host key, as gito made it, where ssh looks for it: it is known, not learned.
fn pin(site: &Site, address: &str) -> Outcome<PathBuf> {
    let key = site.layout.service(Service::Gito).join("ssh/ssh_host_ed25519_key.pub");
    let key = fs_err::read_to_string(key)
        .or_fail(Class::Engine, || "gito has no host key yet".to_owned())
        .map_err(|failure| failure.hint("gito must be running: runctl up gito"))?;
    let path = secrets(site).join("known_hosts");
    fs_err::write(&path, format!("{address} {key}"))
        .or_fail(Class::Unexpected, || "cannot pin gito's host key".to_owned())?;
    Ok(path)
}

fn secrets(site: &Site) -> PathBuf {
    site.layout.secrets().join("gito")
}
