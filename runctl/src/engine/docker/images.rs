//! Images: what is there, built, loaded and saved.

use std::collections::HashMap;
use std::path::Path;

use bollard::query_parameters as query;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use tokio::io::AsyncWriteExt as _;

use super::{Docker, none_if_missing};
use crate::engine::SeenImage;
use crate::failure::{Class, Classify as _, Failure, Outcome};

/// What an image is built from.
#[derive(Clone, Debug)]
pub struct BuildRequest {
    /// The image's name.
    pub reference: String,
    /// Tar of the folder with the Dockerfile.
    pub context: Bytes,
    /// Build arguments.
    pub arguments: HashMap<String, String>,
    /// Labels of the image.
    pub labels: HashMap<String, String>,
    /// Whether no layer of an earlier build may be used.
    pub fresh: bool,
}

impl Docker {
    /// Inspects an image; none if there is none of that name.
    pub async fn image(&self, reference: &str) -> Outcome<Option<SeenImage>> {
        let found = none_if_missing(self.client.inspect_image(reference).await)
            .or_fail(Class::Engine, || format!("cannot inspect image `{reference}`"))?;
        Ok(found.map(|found| SeenImage {
            id: found.id.unwrap_or_default(),
            labels: found
                .config
                .and_then(|config| config.labels)
                .unwrap_or_default()
                .into_iter()
                .collect(),
            layers: found.root_fs.and_then(|root| root.layers).map_or(0, |layers| layers.len()),
        }))
    }

    /// Removes an image's name; one that is not there is removed.
    pub async fn remove_image(&self, reference: &str) -> Outcome {
        none_if_missing(
            self.client.remove_image(reference, None::<query::RemoveImageOptions>, None).await,
        )
        .map(drop)
        .or_fail(Class::Engine, || format!("cannot remove image `{reference}`"))
    }

    /// Builds an image from a tar of its context; every line of the build goes to `tell`.
    pub async fn build(&self, request: &BuildRequest, mut tell: impl FnMut(&str)) -> Outcome {
        let options = query::BuildImageOptionsBuilder::new()
            .t(&request.reference)
            .nocache(request.fresh)
            .rm(true)
            .forcerm(true)
            .buildargs(&request.arguments)
            .labels(&request.labels)
            .build();
        let tried = || format!("cannot build image `{}`", request.reference);
        let context = Some(bollard::body_full(request.context.clone()));
        let mut stream = std::pin::pin!(self.client.build_image(options, None, context));
        while let Some(info) = stream.try_next().await.or_fail(Class::Engine, tried)? {
            if let Some(error) = info.error_detail.and_then(|detail| detail.message) {
                return Err(Failure::new(
                    Class::Engine,
                    anyhow::anyhow!("{error}").context(tried()),
                ));
            }
            info.stream.iter().flat_map(|text| text.lines()).for_each(&mut tell);
        }
        Ok(())
    }

    /// Loads an image archive, as `docker save` writes it.
    pub async fn load(&self, archive: &Path) -> Outcome {
        let tried = || format!("cannot load the image archive {}", archive.display());
        let file = fs_err::tokio::File::open(archive).await.or_fail(Class::Unexpected, tried)?;
        let chunks = tokio_util::io::ReaderStream::with_capacity(file, 1 << 18);
        let options = query::ImportImageOptionsBuilder::new().quiet(true).build();
        let mut stream = std::pin::pin!(self.client.import_image_stream(options, chunks, None));
        while stream.try_next().await.or_fail(Class::Engine, tried)?.is_some() {}
        Ok(())
    }

    /// Writes an image as an archive, as `docker save` does.
    pub async fn save(&self, reference: &str, archive: &Path) -> Outcome {
        let tried = || format!("cannot save image `{reference}` to {}", archive.display());
        let mut file = fs_err::tokio::File::create(archive).await.or_fail(Class::Missing, tried)?;
        let mut chunks = std::pin::pin!(self.client.export_image(reference));
        while let Some(chunk) = chunks.try_next().await.or_fail(Class::Engine, tried)? {
            file.write_all(&chunk).await.or_fail(Class::Missing, tried)?;
        }
        file.flush().await.or_fail(Class::Missing, tried)
    }
}
