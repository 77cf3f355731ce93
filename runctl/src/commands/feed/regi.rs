//! `runctl feed regi`: images from registries and from the host's engine into regi.

use std::sync::Arc;

use feeds::events::Watch;
use feeds::oci::{self, Archive, Authority, Copied, Endpoint, Login, Registry, Retry, Upstreams};
use fs_err as fs;
use futures_util::future::join_all;

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
    let watch = run.context.console.watch();
    let ways = Ways {
        regi: Arc::new(connect(run.site)?),
        upstreams: Upstreams::default(),
        parallel: run.site.regi.parallel,
        scratch: Scratch::make(&run.context.layout)?,
        watch: &*watch,
    };
    let work = feeds.iter().map(async |feed| {
        let outcome = ways.one(feed).await;
        Item::new(name(feed), outcome.map(|copied| described(&copied)))
    });
    Ok(join_all(work).await)
}

/// All that the images of one run share.
struct Ways<'a> {
    regi: Arc<Registry>,
    upstreams: Upstreams,
    parallel: usize,
    scratch: Scratch,
    watch: &'a dyn Watch,
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

impl Ways<'_> {
    async fn one(&self, feed: &ImageFeed) -> Outcome<Copied> {
        match &feed.source {
            ImageSource::Engine(reference) => self.engine(reference, &feed.name).await,
            ImageSource::Registry { reference, plain, authority } => {
                let authority = match authority {
                    None => Authority::System,
                    Some(path) => {
                        Authority::Also(fs::read(path).or_fail(Class::Configuration, || {
                            format!("cannot read the authority of {reference}")
                        })?)
                    }
                };
                let endpoint = Endpoint {
                    host: String::new(),
                    plain: *plain,
                    authority,
                    login: None,
                    retry: Retry::default(),
                    parallel: self.parallel,
                };
                let from = self.upstreams.of(reference, &endpoint)?;
                Ok(oci::copy(reference, &from, &self.regi, &feed.name, self.watch).await?)
            }
        }
    }

    /// Takes an image out of the host's engine, unless regi has this very one.
    async fn engine(&self, reference: &str, name: &str) -> Outcome<Copied> {
        let docker = Docker::connect().await?;
        let image = docker.image(reference).await?.ok_or_else(|| {
            Failure::say(Class::Feed, format!("the engine has no image {reference}"))
                .hint("for the suite's own images: runctl build")
        })?;
        if let Some(digest) = oci::holds(&self.regi, name, &image.id).await? {
            return Ok(Copied { digest, blobs_pushed: 0, bytes: 0 });
        }
        // One after the other: each takes its room on the disk, and what they share is then found.
        let _turn = self.scratch.turn.lock().await;
        let saved = self.scratch.folder.join("saved.tar");
        docker.save(reference, &saved).await?;
        let archive = Archive::take(&saved).await?;
        Ok(oci::push_archive(&archive, &self.regi, name, self.watch).await?)
    }
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
        parallel: site.regi.parallel,
    };
    Ok(Registry::connect(&endpoint)?)
}

/// Room for images on their way from the engine; what a killed run left there goes first.
struct Scratch {
    folder: std::path::PathBuf,
    turn: tokio::sync::Mutex<()>,
}

impl Scratch {
    fn make(layout: &Layout) -> Outcome<Self> {
        let folder = layout.state().join("spool");
        let tried = || "cannot make room for images on their way".to_owned();
        if folder.exists() {
            fs::remove_dir_all(&folder).or_fail(Class::Unexpected, tried)?;
        }
        fs::create_dir_all(&folder).or_fail(Class::Unexpected, tried)?;
        Ok(Self { folder, turn: tokio::sync::Mutex::default() })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, "the room for images on their way stays behind");
        }
    }
}
