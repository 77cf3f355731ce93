//! What of regi's images a generation tells: their digests in its lock, and a page of them beside the pages of repositories.

use feeds::lock::LockedImage;
use feeds::oci::Record;
use feeds::pages;
use feeds::store::{RelPath, Store, Tree};

use crate::commands::feed::publish::publish_as;
use crate::failure::{Class, Classify as _, Outcome};
use crate::service::Service;
use crate::site::Site;

/// Where pages lie in a generation.
const PAGES: &str = "data/pages";

/// Publishes them, and the front page that leads to the page of images, unless all is served already.
pub(in crate::commands) fn publish(site: &Site, record: &Record, unlisted: &[String]) -> Outcome {
    let store = Store::open(site.layout.store())?;
    let locked = |(name, image): (&String, &feeds::oci::Fed)| LockedImage {
        name: name.clone(),
        digest: image.digest.clone(),
    };
    let images = record.images().map(locked).collect();
    let pages = pages_of(site, &store, record, unlisted)?;
    publish_as(&store, site.data.keep, |store| store.publish_images(images, pages))?;
    Ok(())
}

/// The pages that tell something new.
fn pages_of(
    site: &Site,
    store: &Store,
    record: &Record,
    unlisted: &[String],
) -> Outcome<Vec<Tree>> {
    let host = &site.hosts.of(Service::Regi).name;
    let registry = format!("{host}.{}:{}", site.domain, site.regi.port);
    let Some(page) = pages::images(store, &registry, record, unlisted)? else {
        return Ok(Vec::new());
    };
    let served = store.current()?.map(|current| current.lock.trees).unwrap_or_default();
    let scope =
        RelPath::new(PAGES).or_fail(Class::Unexpected, || "cannot name a scope".to_owned())?;
    let is_told =
        |tree: &&Tree| tree.path.as_str().starts_with("data/") && !tree.path.is_within(&scope);
    let told: Vec<_> = served.iter().filter(is_told).collect();
    Ok(vec![page, pages::front(store, &told, true)?])
}
