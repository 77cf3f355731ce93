//! From a source to a plan: verify every suite, fetch its indexes, and leave the rest to how much of it is wanted.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::error::Error;
use super::indexes::Survey;
use super::source::{Selection, Source};
use super::upstream::{self, Verified};
use super::{subset, whole};
use crate::events::Watch;
use crate::plan::{self, Plan};
use crate::store::{RelPath, Tree};
use crate::transfer::{Transfer, masked};

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
    let (now, check) = (Timestamp::now(), source.check_valid_until);
    let asked = source.suites.iter().map(|one| upstream::verify(one, check, now, transfer, watch));
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
    let mut told: Vec<String> = Vec::new();
    for suite in &source.suites {
        let base = suite.urls.first().map(masked).unwrap_or_default();
        told.push(format!("{base} {} {}", suite.name, suite.components.join(" ")));
    }
    told.join(", ")
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
