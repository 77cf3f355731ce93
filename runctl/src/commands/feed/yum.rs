//! One YUM repository of data.toml, in the words of the feed.

use std::sync::Arc;

use feeds::Neighbour;
use feeds::events::Watch;
use feeds::plan::Plan;
use feeds::store::Tree;
use feeds::transfer::Transfer;

use super::{Run, texts};
use crate::failure::{Class, Classify as _, Outcome};
use crate::site::{Trust, YumFeed, YumTree, YumUpstream};

/// Surveys the repository: an upstream, or a folder of packages.
pub(super) async fn survey(
    run: &Run<'_>,
    feed: &YumFeed,
    neighbours: Arc<[Neighbour]>,
    served: Option<&Tree>,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Outcome<Plan> {
    let upstream = match &feed.upstream {
        YumUpstream::Urls(urls) => feeds::yum::Upstream::Urls(texts::urls(urls)?),
        YumUpstream::Mirrorlist(list) => feeds::yum::Upstream::Mirrorlist(url(list)?),
        YumUpstream::Metalink(metalink) => feeds::yum::Upstream::Metalink(url(metalink)?),
        YumUpstream::Folder(folder) => {
            let (name, folder) = (feed.name.clone(), folder.clone());
            let loose = feeds::yum::Loose { name, folder, site_key: run.site_key()? };
            return Ok(feeds::yum::survey_loose(&loose, served, transfer.store()).await?);
        }
    };
    let source = feeds::yum::Source {
        name: feed.name.clone(),
        upstream,
        trust: match &feed.trust {
            Trust::Keys(files) => feeds::yum::Trust::Keys(files.clone()),
            Trust::None => feeds::yum::Trust::None,
        },
        signed: feeds::yum::Signed {
            metadata: feed.signed.metadata,
            packages: feed.signed.packages,
        },
        weak_digests: feed.weak_digests,
        accept_older: feed.accept_older,
        tree: feed.tree.as_ref().map(tree).transpose()?,
        architectures: feed.architectures.clone(),
        selection: selection(run, &feed.filter, neighbours)?,
    };
    Ok(feeds::yum::survey(&source, served, transfer, watch).await?)
}

fn selection(
    run: &Run<'_>,
    filter: &feeds::yum::Filter,
    neighbours: Arc<[Neighbour]>,
) -> Outcome<feeds::yum::Selection> {
    if filter.is_whole() {
        return Ok(feeds::yum::Selection::Whole);
    }
    let (filter, site_key) = (filter.clone(), run.site_key()?);
    Ok(feeds::yum::Selection::Part { filter, site_key, neighbours })
}

fn url(text: &str) -> Outcome<url::Url> {
    text.parse().or_fail(Class::Configuration, || format!("`{text}` is not a URL"))
}

fn tree(tree: &YumTree) -> Outcome<feeds::yum::InstallTree> {
    let sha256 = tree.sha256.as_deref().map(|text| texts::digest(".treeinfo", text)).transpose()?;
    Ok(feeds::yum::InstallTree { media: tree.media, treeinfo: sha256 })
}
