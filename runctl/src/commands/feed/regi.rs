//! `runctl feed regi`: images from registries and from the host's engine into regi.

use std::path::Path;
use std::sync::Arc;

use feeds::events::Watch;
use feeds::oci::{
    self, Archive, Authority, Copied, Endpoint, Login, Registry, Retry, Source, Upstreams,
};
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
    if run.dry_run {
        let planned = |feed: &ImageFeed| Item::new(titled(&feed.name), Ok(plan(feed)));
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
    let work = feeds.iter().map(async |feed| ways.all(feed).await);
    Ok(join_all(work).await.into_iter().flatten().collect())
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
    let chosen = if feed.choice.is_empty() { "" } else { "the chosen tags of " };
    match &feed.source {
        ImageSource::Engine(reference) => format!("would follow {reference} of the engine"),
        ImageSource::Registry { reference, .. } => format!("would follow {chosen}{reference}"),
        ImageSource::Layout { folder, .. } => format!("would follow {chosen}{}", folder.display()),
        ImageSource::Archive(path) => format!("would take {}", path.display()),
    }
}

fn described(copied: &Copied) -> String {
    let mut said = vec![copied.digest.clone()];
    said.push(match copied.blobs_pushed {
        0 => "unchanged or mounted".to_owned(),
        count => format!("{count} blobs, {} bytes", copied.bytes),
    });
    if let Some(signer) = &copied.signer {
        said.push(format!("signed by {signer}"));
    }
    if copied.companions > 0 {
        said.push(format!("{} beside it", copied.companions));
    }
    said.join(", ")
}

fn titled(name: &str) -> String {
    format!("image {name}")
}

impl Ways<'_> {
    /// Mirrors all that one table asks for.
    async fn all(&self, feed: &ImageFeed) -> Vec<Item> {
        if feed.choice.is_empty() {
            let outcome = self.one(feed).await;
            return vec![Item::new(titled(&feed.name), outcome.map(|copied| described(&copied)))];
        }
        let tags = match self.chosen(feed).await {
            Ok(tags) => tags,
            Err(failure) => return vec![Item::new(titled(&feed.name), Err(failure))],
        };
        let (source, tags) = tags;
        let work = tags.iter().map(async |tag| {
            let (name, source) = (format!("{}:{tag}", feed.name), source.tagged(tag));
            let copied = oci::copy(&source, &feed.terms, &self.regi, &name, self.watch).await;
            let outcome = copied.map(|copied| described(&copied)).map_err(Failure::from);
            Item::new(titled(&name), outcome)
        });
        join_all(work).await
    }

    /// The chosen tags of a repository.
    async fn chosen(&self, feed: &ImageFeed) -> Outcome<(Source, Vec<String>)> {
        let source = self.source(&feed.source)?;
        let tags = source.tags(&feed.choice).await?;
        if tags.is_empty() {
            return Err(Failure::say(Class::Feed, format!("{source} has no tag that is wanted"))
                .hint("see `tags`, `semver` and `newest` in regi.toml"));
        }
        Ok((source, tags))
    }

    async fn one(&self, feed: &ImageFeed) -> Outcome<Copied> {
        match &feed.source {
            ImageSource::Engine(reference) => self.engine(reference, &feed.name).await,
            ImageSource::Archive(path) => {
                let archive = Archive::beside(path, &self.scratch.folder).await?;
                Ok(oci::push_archive(&archive, &self.regi, &feed.name, self.watch).await?)
            }
            place => {
                let source = self.source(place)?;
                Ok(oci::copy(&source, &feed.terms, &self.regi, &feed.name, self.watch).await?)
            }
        }
    }

    /// Opens the registry or the layout that an image comes from.
    fn source(&self, place: &ImageSource) -> Outcome<Source> {
        match place {
            ImageSource::Registry { reference, plain, authority, login } => {
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
                    login: login.as_deref().map(read_login).transpose()?,
                    retry: Retry::default(),
                    parallel: self.parallel,
                };
                let registry = self.upstreams.of(reference, &endpoint)?;
                Ok(Source::registry(&registry, reference)?)
            }
            ImageSource::Layout { folder, tag } => Ok(Source::layout(folder.clone(), tag.clone())),
            ImageSource::Engine(what) => Err(Failure::say(Class::Unexpected, what.clone())),
            ImageSource::Archive(what) => {
                Err(Failure::say(Class::Unexpected, what.display().to_string()))
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
            return Ok(Copied::unchanged(digest));
        }
        // One after the other: each takes its room on the disk, and what they share is then found.
        let _turn = self.scratch.turn.lock().await;
        let saved = self.scratch.folder.join("saved.tar");
        docker.save(reference, &saved).await?;
        let archive = Archive::take(&saved).await?;
        Ok(oci::push_archive(&archive, &self.regi, name, self.watch).await?)
    }
}

/// Reads `user:password`.
fn read_login(path: &Path) -> Outcome<Login> {
    let text = fs::read_to_string(path)
        .or_fail(Class::Configuration, || format!("cannot read the login {}", path.display()))?;
    let (user, password) = text.trim().split_once(':').ok_or_else(|| {
        Failure::say(Class::Configuration, format!("{} holds no login", path.display()))
            .hint("write one line into it: user:password")
    })?;
    Ok(Login { user: user.to_owned(), password: password.to_owned() })
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
