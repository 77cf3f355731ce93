//! One APT repository of data.toml, in the words of the feed.

use std::path::Path;

use feeds::apt::{self, HostSource, Missing, Selection, Source, Suite, Wanted};
use feeds::events::Watch;
use feeds::plan::Plan;
use feeds::store::Tree;
use feeds::transfer::Transfer;

use super::{Run, data};
use crate::failure::Outcome;
use crate::site::{AptFeed, AptUpstream, Trust};

/// Surveys the repository: the host's own sources, or those that the operator named.
pub(super) async fn survey(
    run: &Run<'_>,
    feed: &AptFeed,
    served: Option<&Tree>,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Outcome<Plan> {
    let (suites, check_valid_until) = match &feed.upstream {
        AptUpstream::Host => {
            let root = Path::new("/");
            let suites = apt::host_sources(root)?.into_iter().flat_map(HostSource::suites);
            (suites.collect(), apt::host_checks_valid_until(root)?)
        }
        AptUpstream::Sources { urls, suites, components, trust } => {
            let urls = data::urls(urls)?;
            let suite = |name: &String| Suite {
                urls: urls.clone(),
                name: name.clone(),
                components: components.clone(),
                trust: believed(trust),
            };
            (suites.iter().map(suite).collect(), true)
        }
    };
    let selection = if feed.packages.is_empty() {
        Selection::Whole
    } else {
        let wanted = Wanted {
            names: feed.packages.clone(),
            recommends: feed.recommends,
            minimal_system: true,
        };
        Selection::Packages { wanted, site_key: data::site_key(run)? }
    };
    let source = Source {
        name: feed.name.clone(),
        suites,
        architectures: feed.architectures.clone(),
        selection,
        udebs: feed.udebs,
        missing: if feed.skip_missing { Missing::Skip } else { Missing::Fail },
        check_valid_until,
    };
    Ok(apt::survey(&source, served, transfer, watch).await?)
}

fn believed(trust: &Trust) -> apt::Trust {
    match trust {
        Trust::Keys(keys) => apt::Trust::Files(keys.clone()),
        Trust::None => apt::Trust::Unsigned,
    }
}
