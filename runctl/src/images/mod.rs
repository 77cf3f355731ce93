//! Images of the services: what goes into each, whether it must be built, and how.
//!
//! An image carries the hash of everything that went into it as a label. The same hash means that there is nothing to do.

mod archive;
mod base;
mod built;
mod context;
pub mod live;
pub mod loaders;
mod mmdebstrap;
pub mod os;
mod own_set;
mod settle;

use std::collections::HashMap;

use feeds::events::{Event, Id, Watch};

use context::Context;

use crate::engine::{BuildRequest, Docker, LABEL_INPUT, SeenImage};
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::service::Service;
use crate::site::{Base, Site};

/// What to build and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Build even what is there, using no layer of an earlier build.
    pub fresh: bool,
}

/// One image and what became of it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Built {
    /// Its name.
    pub image: String,
    /// Its id.
    pub id: String,
    /// Whether it was there already.
    pub unchanged: bool,
}

/// Something that machines boot or are installed from, built and published.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Made {
    /// Its folder below data.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// The generation that serves it.
    pub generation: u64,
}

/// Tells the steps of one long piece of work to whoever watches.
pub struct Steps<'a> {
    id: Id,
    watch: &'a dyn Watch,
}

impl<'a> Steps<'a> {
    /// Does the work, telling its beginning and its end.
    pub async fn follow<T>(
        label: String,
        watch: &'a dyn Watch,
        work: impl AsyncFnOnce(&Self) -> Outcome<T>,
    ) -> Outcome<T> {
        let steps = Self { id: Id::fresh(), watch };
        watch.event(Event::Started { id: steps.id, label, total: None, unit: Some("step") });
        let outcome = work(&steps).await;
        let failed = outcome.as_ref().err().map(|failure| failure.error.to_string());
        watch.event(Event::Finished { id: steps.id, failed });
        outcome
    }

    /// Tells one step.
    fn tell(&self, step: &str) {
        tracing::info!("{step}");
        self.watch.event(Event::Advanced { id: self.id, by: 1 });
    }
}

/// The name of a service's image.
pub fn reference(site: &Site, name: &str) -> String {
    format!("{}/{name}:latest", site.image.prefix)
}

/// Programs of ours that go into the image of a service.
const fn programs(service: Service) -> &'static [&'static str] {
    match service {
        Service::Rack => &["rack"],
        _ => &[],
    }
}

/// Builds the base and the images of these services, as far as they changed.
pub async fn build(
    docker: &Docker,
    site: &Site,
    services: &[Service],
    options: Options,
    watch: &dyn Watch,
) -> Outcome<Vec<Built>> {
    let builder = Builder { docker, site, options, watch };
    let mut built = Vec::new();
    let base = match &site.image.base {
        Base::Reference(reference) => builder.named_base(reference).await?,
        Base::Host => builder.base_from_host(&mut built).await?,
    };
    for &service in services {
        built.push(builder.service(service, &base).await?);
    }
    Ok(built)
}

struct Builder<'a> {
    docker: &'a Docker,
    site: &'a Site,
    options: Options,
    watch: &'a dyn Watch,
}

/// The base that service images start from.
struct BaseImage {
    reference: String,
    image: SeenImage,
}

impl Builder<'_> {
    async fn named_base(&self, reference: &str) -> Outcome<BaseImage> {
        let image = self.docker.image(reference).await?.ok_or_else(|| {
            Failure::say(
                Class::Missing,
                format!("the base image `{reference}` is not on this host"),
            )
            .hint(format!("`docker pull {reference}`, or set `base = \"host\"` in site.toml"))
        })?;
        Ok(BaseImage { reference: reference.to_owned(), image })
    }

    async fn base_from_host(&self, built: &mut Vec<Built>) -> Outcome<BaseImage> {
        let recipe = base::Recipe::read(&self.site.layout)?;
        let (reference, input) = (reference(self.site, "base"), recipe.input());
        let make = async |_| {
            let archive = recipe.make(&reference, &input).await?;
            self.docker.load(archive.path()).await
        };
        let (image, unchanged) = self.unless_there(&reference, &input, make).await?;
        built.push(Built { image: reference.clone(), id: image.id.clone(), unchanged });
        Ok(BaseImage { reference, image })
    }

    async fn service(&self, service: Service, base: &BaseImage) -> Outcome<Built> {
        let folder = self.site.layout.images().join(service.name());
        let programs = programs(service).iter().map(|name| self.site.layout.program(name));
        let context = context::read(&folder, &programs.collect::<Vec<_>>())?;
        let input = context.input(&base.image.id);
        let reference = reference(self.site, service.name());
        let unsettled = format!("{}/{service}:unsettled", self.site.image.prefix);
        let unsettled = self.request(unsettled, context, base, &input);
        let make = async |id| {
            self.docker.build(&unsettled, |line| self.tell_step(id, line)).await?;
            self.settle(&unsettled.reference, &reference, base.image.layers).await
        };
        let (image, unchanged) = self.unless_there(&reference, &input, make).await?;
        Ok(Built { image: reference, id: image.id, unchanged })
    }

    fn request(
        &self,
        reference: String,
        context: Context,
        base: &BaseImage,
        input: &str,
    ) -> BuildRequest {
        BuildRequest {
            reference,
            context: context.tar,
            arguments: HashMap::from([("BASE".to_owned(), base.reference.clone())]),
            labels: HashMap::from([(LABEL_INPUT.to_owned(), input.to_owned())]),
            fresh: self.options.fresh,
        }
    }

    /// Gives an image that was just built its final form and name.
    async fn settle(&self, unsettled: &str, reference: &str, base_layers: usize) -> Outcome {
        let tried = || format!("cannot settle image `{reference}`");
        let built = tempfile::NamedTempFile::new().or_fail(Class::Missing, tried)?;
        self.docker.save(unsettled, built.path()).await?;
        let settled =
            settle::settle(built.path(), reference, base_layers).or_fail(Class::Engine, tried)?;
        self.docker.load(settled.path()).await?;
        self.docker.remove_image(unsettled).await
    }

    /// Shows the steps of a build, not the thousand lines between them.
    fn tell_step(&self, id: Id, line: &str) {
        if !line.is_empty() {
            tracing::info!("{line}");
        }
        if line.starts_with("Step ") {
            self.watch.event(Event::Advanced { id, by: 1 });
        }
    }

    /// Makes an image unless one made from the same input is there; tells whether it was.
    async fn unless_there(
        &self,
        reference: &str,
        input: &str,
        make: impl AsyncFnOnce(Id) -> Outcome,
    ) -> Outcome<(SeenImage, bool)> {
        let made_from =
            |image: &SeenImage| image.labels.get(LABEL_INPUT).is_some_and(|it| it == input);
        let there = self.docker.image(reference).await?;
        if let Some(image) = there.filter(|image| made_from(image) && !self.options.fresh) {
            return Ok((image, true));
        }
        let id = Id::fresh();
        let label = format!("build {reference}");
        self.watch.event(Event::Started { id, label, total: None, unit: Some("step") });
        let outcome = make(id).await;
        let failed = outcome.as_ref().err().map(|failure| failure.error.to_string());
        self.watch.event(Event::Finished { id, failed });
        outcome?;
        let gone =
            || Failure::say(Class::Engine, format!("image `{reference}` was built and is gone"));
        Ok((self.docker.image(reference).await?.ok_or_else(gone)?, false))
    }
}
