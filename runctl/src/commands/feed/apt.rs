//! One APT repository of data.toml, in the words of the feed.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use feeds::Neighbour;
use feeds::apt::{
    self, Extras, Filter, HostSource, Loose, Missing, Selection, Signing, Source, Subset, Suite,
    Wanted,
};
use feeds::events::Watch;
use feeds::patterns::Patterns;
use feeds::plan::Plan;
use feeds::store::Tree;
use feeds::transfer::Transfer;
use jiff::SignedDuration;

use super::{Run, texts};
use crate::failure::{Class, Classify as _, Outcome};
use crate::site::{self, AptFeed, AptUpstream, Trust};

/// Surveys the repository: the host's own sources, those that the operator named, or a folder of packages.
pub(super) async fn survey(
    run: &Run<'_>,
    feed: &AptFeed,
    neighbours: Arc<[Neighbour]>,
    served: Option<&Tree>,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Outcome<Plan> {
    let (suites, check_valid_until) = match &feed.upstream {
        AptUpstream::Folder(folder) => {
            let loose = Loose {
                name: feed.name.clone(),
                folder: folder.clone(),
                architectures: feed.architectures.clone(),
                filter: filter(&feed.filter)?,
                signing: signing(run, feed)?,
            };
            return Ok(apt::survey_loose(&loose, served, transfer.store(), watch).await?);
        }
        AptUpstream::Host => {
            let root = Path::new("/");
            let suites = apt::host_sources(root)?.into_iter().flat_map(HostSource::suites);
            (suites.collect(), apt::host_checks_valid_until(root)?)
        }
        AptUpstream::Sources { urls, suites, components, trust } => {
            let urls = texts::urls(urls)?;
            let suite = |name: &String| Suite {
                urls: urls.clone(),
                name: name.clone(),
                components: components.clone(),
                trust: believed(trust),
            };
            (suites.iter().map(suite).collect(), true)
        }
    };
    let source = Source {
        name: feed.name.clone(),
        suites,
        architectures: feed.architectures.clone(),
        selection: selection(run, feed, neighbours)?,
        udebs: feed.extras.udebs,
        missing: if feed.skip_missing { Missing::Skip } else { Missing::Fail },
        check_valid_until,
        accept_older: feed.accept_older,
        extras: Extras {
            languages: feed.extras.translations.clone(),
            contents: feed.extras.contents,
            sources: feed.extras.sources,
        },
    };
    Ok(apt::survey(&source, served, transfer, watch).await?)
}

fn selection(run: &Run<'_>, feed: &AptFeed, neighbours: Arc<[Neighbour]>) -> Outcome<Selection> {
    if feed.packages.is_empty() && feed.filter.is_empty() {
        return Ok(Selection::Whole);
    }
    let wanted = || Wanted {
        names: feed.packages.clone(),
        recommends: feed.recommends,
        minimal_system: true,
    };
    Ok(Selection::Subset(Subset {
        packages: (!feed.packages.is_empty()).then(wanted),
        filter: filter(&feed.filter)?,
        neighbours,
        signing: signing(run, feed)?,
    }))
}

fn filter(filter: &site::Filter) -> Outcome<Filter> {
    let patterns = |written: &[String]| {
        Patterns::new(written).or_fail(Class::Configuration, || "cannot filter names".to_owned())
    };
    Ok(Filter {
        newest: filter.newest.and_then(NonZeroUsize::new),
        include: patterns(&filter.include)?,
        exclude: patterns(&filter.exclude)?,
    })
}

fn signing(run: &Run<'_>, feed: &AptFeed) -> Outcome<Signing> {
    let valid_for = feed.valid_hours.map(|hours| SignedDuration::from_hours(hours.into()));
    Ok(Signing { site_key: run.site_key()?, valid_for })
}

fn believed(trust: &Trust) -> apt::Trust {
    match trust {
        Trust::Keys(keys) => apt::Trust::Files(keys.clone()),
        Trust::None => apt::Trust::Unsigned,
    }
}
