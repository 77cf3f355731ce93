//! `runctl feed regi`: images from registries and from the host's engine into regi, and a record and a page of what came.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use feeds::events::Watch;
use feeds::oci::{
    self, Archive, Authority, Copied, Endpoint, Login, Record, Registry, Retry, Source, Upstreams,
};
use fs_err as fs;
use futures_util::future::join_all;
use jiff::Timestamp;

use super::{Item, Run};
use crate::commands::regi::{connect, page, record};
use crate::engine::Docker;
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::site::{ImageFeed, ImageSource, Layout};

/// Mirrors every image of regi.toml.
pub(super) async fn feed(run: &Run<'_>) -> Outcome<Vec<Item>> {
    let feeds = &run.site.regi.images;
    if run.dry_run {
        let planned = |feed: &ImageFeed| Item::new(format!("image {}", feed.name), Ok(plan(feed)));
        return Ok(feeds.iter().map(planned).collect());
    }
    let mut known = record::read(run.site)?;
    if feeds.is_empty() && known.images().next().is_none() {
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
    let taken = join_all(work).await;
    let told = tell(run, &ways.regi, &mut known, &taken).await;
    let mut items: Vec<_> = taken.into_iter().flat_map(|taken| taken.images).map(item).collect();
    items.extend(told.err().map(|failure| Item::new("record of images".to_owned(), Err(failure))));
    Ok(items)
}

/// What came of one table.
struct Taken<'a> {
    feed: &'a ImageFeed,
    /// Whether it was found out which tags are wanted.
    chosen: bool,
    images: Vec<(String, Outcome<Copied>)>,
}

fn item((name, outcome): (String, Outcome<Copied>)) -> Item {
    Item::new(format!("image {name}"), outcome.map(|copied| described(&copied)))
}

/// Writes down what came, tells it on the page, and tells what is no longer listed.
async fn tell(
    run: &Run<'_>,
    regi: &Arc<Registry>,
    known: &mut Record,
    all: &[Taken<'_>],
) -> Outcome {
    let now = Timestamp::now();
    for taken in all {
        let asked = &taken.feed.name;
        for (name, outcome) in &taken.images {
            let Ok(copied) = outcome else { continue };
            oci::take_down(known, regi, (name, asked), copied, now).await?;
        }
        if taken.chosen {
            let names = taken.images.iter().map(|(name, _)| oci::full_name(name));
            known.choose(asked, &names.collect::<Result<BTreeSet<_>, _>>()?);
        }
    }
    record::write(run.site, known)?;
    let unlisted = record::unlisted(run.site, known)?;
    if !unlisted.is_empty() {
        let text =
            format!("no longer listed: {}; to remove: runctl regi prune", unlisted.join(", "));
        run.context.console.note(&text);
    }
    page::publish(run.site, known, &unlisted)
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
    if !copied.companions.is_empty() {
        said.push(format!("{} beside it", copied.companions.len()));
    }
    said.join(", ")
}

impl Ways<'_> {
    /// Mirrors all that one table asks for.
    async fn all<'f>(&self, feed: &'f ImageFeed) -> Taken<'f> {
        let single = |outcome| vec![(feed.name.clone(), outcome)];
        if feed.choice.is_empty() {
            return Taken { feed, chosen: false, images: single(self.one(feed).await) };
        }
        let (source, tags) = match self.chosen(feed).await {
            Ok(chosen) => chosen,
            Err(failure) => return Taken { feed, chosen: false, images: single(Err(failure)) },
        };
        let work = tags.iter().map(async |tag| {
            let (name, source) = (format!("{}:{tag}", feed.name), source.tagged(tag));
            let copied = oci::copy(&source, &feed.terms, &self.regi, &name, self.watch).await;
            (name, copied.map_err(Failure::from))
        });
        Taken { feed, chosen: true, images: join_all(work).await }
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
                if let Some(layout) = Source::within(path.clone()).await? {
                    let (terms, regi) = (&feed.terms, &self.regi);
                    return Ok(oci::copy(&layout, terms, regi, &feed.name, self.watch).await?);
                }
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
