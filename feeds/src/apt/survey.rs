//! From a source to a plan: verify every suite, fetch its indexes, and leave the rest to how much of it is wanted.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::age;
use super::error::Error;
use super::indexes::Survey;
use super::source::{Selection, Source, Suite};
use super::upstream::{Demands, Verified, verify};
use super::{subset, whole};
use crate::events::Watch;
use crate::plan::{self, Plan};
use crate::store::{RelPath, Tree};
use crate::transfer::Transfer;

/// Surveys an APT repository and returns what its tree will be.
///
/// The tree that is `served` now is planned again as it is, where the upstream still gives what that was made of.
pub async fn survey(
    source: &Source,
    served: Option<&Tree>,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Result<Plan, Error> {
    let empty = |lacks| Error::Empty { name: source.name.clone(), lacks };
    if source.suites.is_empty() {
        return Err(empty("suites"));
    }
    if source.architectures.is_empty() {
        return Err(empty("architectures"));
    }
    let now = Timestamp::now();
    let newest = served.filter(|_| !source.accept_older);
    let asked = source.suites.iter().map(|suite| {
        let served = newest.and_then(|tree| age::served(tree, suite, transfer.store(), now));
        let demands = Demands { valid_at: source.check_valid_until.then_some(now), served };
        verify(suite, demands, transfer, watch)
    });
    let verified = try_join_all(asked).await?;
    let trust = told_trust(&verified);
    let heads = verified.iter().flat_map(|one| one.proof.iter().map(|(_, object)| object));
    let recipe = plan::recipe(source, &trust, heads);
    if let Some(served) = served.filter(|served| served.recipe == Some(recipe)) {
        return Ok(Plan::unchanged(served));
    }
    let survey = Survey { source, verified, transfer, watch };
    let mut plan = Plan {
        tree: tree(&source.name)?,
        upstream: told_upstreams(source),
        trust,
        signed_by: None,
        recipe: Some(recipe),
        evidence: BTreeMap::new(),
        get: BTreeMap::new(),
        have: BTreeMap::new(),
    };
    let located = survey.fetch_indexes().await?;
    match &source.selection {
        Selection::Whole => whole::plan(&mut plan, &survey, located).await?,
        Selection::Subset(subset) => {
            subset::plan(&mut plan, &survey, subset, located).await?;
        }
    }
    Ok(plan)
}

/// Where a repository of this name hangs in a generation.
pub(super) fn tree(name: &str) -> Result<RelPath, Error> {
    RelPath::new(format!("data/apt/{name}"))
        .map_err(|wrong| Error::Path { name: name.to_owned(), source: wrong })
}

/// Tells where a tree comes from, each mirror and suite once.
fn told_upstreams(source: &Source) -> String {
    let told = |suite: &Suite| format!("{} {}", suite.told(), suite.components.join(" "));
    source.suites.iter().map(told).collect::<Vec<_>>().join(", ")
}

fn told_trust(verified: &[Verified<'_>]) -> String {
    let mut told: Vec<&str> =
        verified.iter().map(|one| one.signed_by.as_deref().unwrap_or("none")).collect();
    told.sort_unstable();
    told.dedup();
    told.join(", ")
}

#[cfg(test)]
mod tests;
