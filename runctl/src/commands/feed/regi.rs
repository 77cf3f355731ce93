//! `runctl feed regi`: images from registries and from the host's engine into regi.

use std::sync::Arc;

use feeds::events::Watch;
use feeds::oci::{self, Archive, Authority, Copied, Endpoint, Login, Registry, Retry};
use fs_err as fs;

use super::{Item, Run};
use crate::engine::Docker;
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::services::Service;
use crate::site::{ImageFeed, ImageSource, Layout, Site};

/// Mirrors every image of regi.toml.
pub(super) async fn feed(run: &Run<'_>) -> Outcome<Vec<Item>> {
    let feeds = &run.site.regi.images;
    let name = |feed: &ImageFeed| format!("image {}", feed.name);
    if run.dry_run {
        let planned = |feed| Item::new(name(feed), Ok(plan(feed)));
        return Ok(feeds.iter().map(planned).collect());
    }
    if feeds.is_empty() {
        return Ok(Vec::new());
    }
    let regi = Arc::new(connect(run.site)?);
    let scratch = Scratch::make(&run.context.layout)?;
    let watch = run.context.console.watch();
    let mut items = Vec::new();
    for feed in feeds {
        let outcome = one(feed, &regi, &scratch, &*watch).await;
        items.push(Item::new(name(feed), outcome.map(|copied| described(&copied))));
    }
    Ok(items)
}

fn plan(feed: &ImageFeed) -> String {
    match &feed.source {
        ImageSource::Engine(reference) => format!("would follow {reference} of the engine"),
        ImageSource::Registry { reference, .. } => format!("would follow {reference}"),
    }
}

fn described(copied: &Copied) -> String {
    match copied.blobs_pushed {
        0 => format!("{}, unchanged or mounted", copied.digest),
        count => format!("{}, {count} blobs, {} bytes", copied.digest, copied.bytes),
    }
}

async fn one(
    feed: &ImageFeed,
    regi: &Arc<Registry>,
    scratch: &Scratch,
    watch: &dyn Watch,
) -> Outcome<Copied> {
    match &feed.source {
        ImageSource::Engine(reference) => engine(reference, &feed.name, regi, scratch, watch).await,
        ImageSource::Registry { reference, plain, authority } => {
            let authority = match authority {
                None => Authority::System,
                Some(path) => {
                    Authority::Also(fs::read(path).or_fail(Class::Configuration, || {
                        format!("cannot read the authority of {reference}")
                    })?)
                }
            };
            let (host, login, retry) = (String::new(), None, Retry::default());
            let from = Endpoint { host, plain: *plain, authority, login, retry };
            Ok(oci::copy(reference, &from, regi, &feed.name, watch).await?)
        }
    }
}

/// Takes an image out of the host's engine, unless regi has this very one.
async fn engine(
    reference: &str,
    name: &str,
    regi: &Arc<Registry>,
    scratch: &Scratch,
    watch: &dyn Watch,
) -> Outcome<Copied> {
    let docker = Docker::connect().await?;
    let image = docker.image(reference).await?.ok_or_else(|| {
        Failure::say(Class::Feed, format!("the engine has no image {reference}"))
            .hint("for the suite's own images: runctl build")
    })?;
    if let Some(digest) = oci::holds(regi, name, &image.id).await? {
        return Ok(Copied { digest, blobs_pushed: 0, bytes: 0 });
    }
    let saved = scratch.0.join("saved.tar");
    docker.save(reference, &saved).await?;
    let archive = Archive::take(&saved).await?;
    Ok(oci::push_archive(&archive, regi, name, watch).await?)
}

/// Prepares to speak with regi as the one who may push.
fn connect(site: &Site) -> Outcome<Registry> {
    let secret = |name: &str| {
        fs::read(site.layout.secrets().join(name))
            .or_fail(Class::Engine, || "cannot read regi's secrets".to_owned())
            .map_err(|failure| failure.hint("regi must have been started once: runctl up regi"))
    };
    let password = String::from_utf8_lossy(&secret("regi-password")?).trim().to_owned();
    let endpoint = Endpoint {
        host: format!("{}:{}", site.hosts.of(Service::Regi).address, site.regi.port),
        plain: false,
        authority: Authority::Only(secret("ca.pem")?),
        login: Some(Login { user: site.regi.user.clone(), password }),
        retry: Retry::default(),
    };
    Ok(Registry::connect(&endpoint)?)
}

/// Room for images on their way from the engine; what a killed run left there goes first.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn make(layout: &Layout) -> Outcome<Self> {
        let path = layout.state().join("spool");
        let tried = || "cannot make room for images on their way".to_owned();
        if path.exists() {
            fs::remove_dir_all(&path).or_fail(Class::Unexpected, tried)?;
        }
        fs::create_dir_all(&path).or_fail(Class::Unexpected, tried)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "the room for images on their way stays behind");
        }
    }
}
