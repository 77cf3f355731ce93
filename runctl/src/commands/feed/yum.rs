//! One YUM repository of data.toml, in the words of the feed.

use feeds::events::Watch;
use feeds::plan::Plan;
use feeds::store::Tree;
use feeds::transfer::Transfer;

use super::data;
use crate::failure::Outcome;
use crate::site::{Trust, YumFeed};

/// Surveys the repository.
pub(super) async fn survey(
    feed: &YumFeed,
    served: Option<&Tree>,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Outcome<Plan> {
    let source = feeds::yum::Source {
        name: feed.name.clone(),
        urls: data::urls(&feed.urls)?,
        trust: match &feed.trust {
            Trust::Keys(files) => feeds::yum::Trust::Keys(files.clone()),
            Trust::None => feeds::yum::Trust::None,
        },
        architectures: feed.architectures.clone(),
    };
    Ok(feeds::yum::survey(&source, served, transfer, watch).await?)
}
