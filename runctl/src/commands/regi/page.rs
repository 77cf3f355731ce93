//! The page of regi's images: published beside the pages of repositories, where it tells something new.

use feeds::oci::Record;
use feeds::pages;
use feeds::store::{RelPath, Store, Tree};

use crate::commands::feed::COLLECT_GRACE;
use crate::failure::{Class, Classify as _, Outcome};
use crate::services::Service;
use crate::site::Site;

/// Where pages lie in a generation.
const PAGES: &str = "data/pages";

/// Publishes the page, and the front page that leads to it, unless they are served already.
pub(in crate::commands) fn publish(site: &Site, record: &Record, unlisted: &[String]) -> Outcome {
    let store = Store::open(site.layout.store())?;
    let host = &site.hosts.of(Service::Regi).name;
    let registry = format!("{host}.{}:{}", site.domain, site.regi.port);
    let Some(page) = pages::images(&store, &registry, record, unlisted)? else { return Ok(()) };
    let served = store.current()?.map(|current| current.lock.trees).unwrap_or_default();
    let scope =
        RelPath::new(PAGES).or_fail(Class::Unexpected, || "cannot name a scope".to_owned())?;
    let is_told =
        |tree: &&Tree| tree.path.as_str().starts_with("data/") && !tree.path.is_within(&scope);
    let told: Vec<_> = served.iter().filter(is_told).collect();
    let front = pages::front(&store, &told, true)?;
    let keep: Vec<_> = served
        .iter()
        .map(|tree| tree.path.clone())
        .filter(|path| path.is_within(&scope) && *path != page.path)
        .collect();
    store.publish(&scope, vec![page, front], &keep)?;
    store.collect(site.data.keep, COLLECT_GRACE)?;
    Ok(())
}
