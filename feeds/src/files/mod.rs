//! Plain files: a name, where it lies, and its sha256, written down by the operator or listed beside it; and what ISO images
//! hold that were carried in.

mod iso;
mod listed;
mod signature;
mod signed;
mod stream;
mod sums;
mod template;

use std::collections::BTreeMap;

use futures_util::future::{try_join, try_join_all};

use crate::digest::Sha256;
use crate::events::{Event, Watch};
use crate::plan::{self, Plan};
use crate::store::{NotRelative, RelPath, Store, Tree};
use crate::transfer::{Bases, Transfer, Want, masked};
use crate::{Class, Classified};

pub use iso::{Error as IsoError, Iso};
pub use listed::{Surveyed as Listed, survey as survey_listed};
pub use signed::Signed;
pub use sums::{Sums, SumsTrust};
pub use template::{expanded, unknown};

/// Who vouches for what the operator wrote down.
const WRITTEN: &str = "sha256 written down";

/// One folder of plain files.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name of its tree below `data/files/`.
    pub name: String,
    /// Its files.
    pub files: Vec<File>,
    /// Files that signatures of their own prove.
    pub signed: Vec<Signed>,
    /// Lists of more files.
    pub sums: Vec<Sums>,
    /// Images whose files are laid out.
    pub images: Vec<Iso>,
}

/// One plain file.
#[derive(Clone, Debug)]
pub struct File {
    /// Its place in the tree.
    pub path: String,
    /// Where it lies, best first.
    pub urls: Bases,
    /// What it must be.
    pub sha256: Sha256,
}

/// A list of files cannot be mirrored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A name cannot name a file or a folder.
    #[error("cannot mirror the files of `{name}`")]
    Path {
        /// The tree.
        name: String,
        /// Why.
        source: NotRelative,
    },
    /// Two files have the same name.
    #[error("`{name}` has two files `{path}`")]
    Twice {
        /// The tree.
        name: String,
        /// The file.
        path: RelPath,
    },
    /// A list of checksums, a signature or what it proves does not come.
    #[error("cannot read {url}")]
    Ask {
        /// The file.
        url: String,
        /// Why.
        source: Box<crate::transfer::Error>,
    },
    /// A signed file lies nowhere.
    #[error("nobody tells where `{path}` lies")]
    Nowhere {
        /// The file.
        path: String,
    },
    /// The store does not give a list or a signature back.
    #[error("cannot keep {url}")]
    Store {
        /// The file.
        url: String,
        /// Why.
        source: crate::store::Error,
    },
    /// Nobody trusted signed a list of checksums, or a file.
    #[error("cannot trust {url}")]
    Trust {
        /// The file.
        url: String,
        /// Why.
        source: crate::trust::Error,
    },
    /// Stream metadata makes no sense.
    #[error("cannot read {url} as stream metadata")]
    Stream {
        /// The metadata.
        url: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A list of checksums names nothing that was asked for.
    #[error("{url} lists no file that `names` matches")]
    Unmatched {
        /// The list.
        url: String,
    },
    /// An image cannot be laid out.
    #[error("cannot lay out an ISO image for the files of `{name}`")]
    Iso {
        /// The tree.
        name: String,
        /// Why.
        source: IsoError,
    },
    /// A list of checksums says nothing of a file.
    #[error("{url} has no checksum of `{path}`")]
    Unlisted {
        /// The list.
        url: String,
        /// The file.
        path: RelPath,
    },
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Path { .. }
            | Self::Twice { .. }
            | Self::Unmatched { .. }
            | Self::Nowhere { .. } => Class::Configuration,
            Self::Stream { .. } => Class::Upstream,
            Self::Trust { source, .. } => source.class(),
            Self::Ask { source, .. } => source.class(),
            Self::Store { source, .. } => source.class(),
            Self::Iso { source, .. } => source.class(),
            Self::Unlisted { .. } => Class::Verification,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Iso { source, .. } => source.hint(),
            _ => None,
        }
    }
}

/// Plans the tree of a folder of plain files: lists of checksums are asked for, images are read, the rest is written down.
///
/// The tree that is `served` now is planned again as it is, where the lists and images are what they were.
pub async fn survey(
    source: &Source,
    served: Option<&Tree>,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Result<Plan, Error> {
    let asked = source.sums.iter().map(|sums| sums.verify(transfer, watch));
    let signed = source.signed.iter().map(|one| one.verify(transfer, watch));
    let (lists, signed) = try_join(try_join_all(asked), try_join_all(signed)).await?;
    let heads = lists.iter().flat_map(|list| &list.heads);
    let heads = heads.chain(signed.iter().flat_map(|one| &one.files)).map(|(_, object)| object);
    let trust = told_trust(source, &lists, &signed);
    let failed = |source_of| Error::Iso { name: source.name.clone(), source: source_of };
    let looks = source.images.iter().map(Iso::look).collect::<Result<Vec<_>, _>>();
    let recipe = plan::recipe(&(source, looks.map_err(failed)?), &trust, heads);
    if let Some(served) = served.filter(|served| served.recipe == Some(recipe)) {
        return Ok(Plan::unchanged(served));
    }
    let name = || source.name.clone();
    let safe =
        |path: String| RelPath::new(path).map_err(|source| Error::Path { name: name(), source });
    let (mut get, mut have) = (BTreeMap::new(), BTreeMap::new());
    for file in &source.files {
        let path = safe(file.path.clone())?;
        let sha256 = Some(file.sha256);
        let want = Want { sha256, ..Want::new(file.urls.clone(), path.as_str()) };
        if get.insert(path.clone(), want).is_some() {
            return Err(Error::Twice { name: name(), path });
        }
    }
    for list in &lists {
        for (path, want) in list.files()? {
            if get.insert(path.clone(), want).is_some() {
                return Err(Error::Twice { name: name(), path });
            }
        }
        for (head, object) in &list.heads {
            have.insert(safe(list.place(head))?, *object);
        }
    }
    for (path, object) in signed.into_iter().flat_map(|one| one.files) {
        let path = safe(path)?;
        if get.contains_key(&path) || have.insert(path.clone(), object).is_some() {
            return Err(Error::Twice { name: name(), path });
        }
    }
    for image in &source.images {
        let laid = laid_out(image, transfer.store()).await.map_err(failed)?;
        if !laid.left_out.is_empty() {
            let (path, links) = (image.path.display(), laid.left_out.join(", "));
            watch
                .event(Event::Note { text: format!("{path}: left out links to no file: {links}") });
        }
        for (path, object) in laid.files {
            if get.contains_key(&path) || have.insert(path.clone(), object).is_some() {
                return Err(Error::Twice { name: name(), path });
            }
        }
    }
    Ok(Plan {
        tree: safe(format!("data/files/{}", source.name))?,
        upstream: told_upstream(source),
        trust,
        signed_by: None,
        recipe: Some(recipe),
        evidence: BTreeMap::new(),
        get,
        have,
    })
}

async fn laid_out(image: &Iso, store: &Store) -> Result<iso::Laid, IsoError> {
    let (image, store) = (image.clone(), store.clone());
    match tokio::task::spawn_blocking(move || image.lay_out(&store)).await {
        Ok(laid) => laid,
        Err(stopped) => std::panic::resume_unwind(stopped.into_panic()),
    }
}

fn told_upstream(source: &Source) -> String {
    let files = source.files.iter().map(|file| &file.urls);
    let files = files.chain(source.signed.iter().map(|file| &file.urls));
    let files = files.filter_map(|urls| urls.first());
    let mut hosts: Vec<_> = files.chain(source.sums.iter().map(|sums| &sums.url)).collect();
    hosts.dedup_by_key(|url| url.host_str().map(str::to_owned));
    let hosts = hosts.into_iter().map(masked);
    let images = source.images.iter().map(|image| image.path.display().to_string());
    hosts.chain(images).collect::<Vec<_>>().join(", ")
}

fn told_trust(
    source: &Source,
    lists: &[sums::Verified<'_>],
    signed: &[signed::Verified],
) -> String {
    let written = (!source.files.is_empty()).then_some(WRITTEN);
    let image = |image: &Iso| if image.sha256.is_some() { WRITTEN } else { "carried in" };
    let listed = lists.iter().map(|list| list.by.as_str());
    let signed = signed.iter().map(|one| one.by.as_str());
    let mut told: Vec<_> = written
        .into_iter()
        .chain(listed)
        .chain(signed)
        .chain(source.images.iter().map(image))
        .collect();
    told.sort_unstable();
    told.dedup();
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(paths: &[&str]) -> Source {
        let urls = Bases::from(["http://h.example/x".parse().unwrap()]);
        let file = |path: &&str| File {
            path: (*path).to_owned(),
            urls: urls.clone(),
            sha256: Sha256::of(path.as_bytes()),
        };
        let files = paths.iter().map(file).collect();
        Source {
            name: "tools".to_owned(),
            files,
            signed: Vec::new(),
            sums: Vec::new(),
            images: Vec::new(),
        }
    }

    async fn survey(source: &Source) -> Result<Plan, Error> {
        let folder = tempfile::tempdir().unwrap();
        let store = crate::store::Store::open(folder.path()).unwrap();
        let transfer = Transfer::new(store, crate::transfer::Options::default()).unwrap();
        super::survey(source, None, &transfer, &crate::events::Silent).await
    }

    #[tokio::test]
    async fn plans_each_file_by_its_digest() {
        let plan = survey(&source(&["a", "b/c"])).await.unwrap();
        assert_eq!(plan.tree.as_str(), "data/files/tools");
        assert_eq!(plan.get.len(), 2);
        assert_eq!(plan.get[&RelPath::new("a").unwrap()].sha256, Some(Sha256::of(b"a")));
        assert_eq!(plan.upstream, "http://h.example/x");
    }

    #[tokio::test]
    async fn refuses_names_that_leave_the_folder_or_stand_twice() {
        assert!(matches!(survey(&source(&["../a"])).await, Err(Error::Path { .. })));
        assert!(matches!(survey(&source(&["a", "a"])).await, Err(Error::Twice { .. })));
    }
}
