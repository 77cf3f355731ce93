//! From a source to a plan: verify every suite, fetch its indexes, and leave the rest to how much of it is wanted.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::error::Error;
use super::package::Origin;
use super::source::{Selection, Source, Trust};
use super::upstream::{self, Fetched, Verified};
use super::{subset, whole};
use crate::events::Watch;
use crate::plan::{self, Plan};
use crate::store::{RelPath, Tree};
use crate::transfer::{Transfer, masked};

/// A survey under way: what is asked for, and what was verified of it.
pub(super) struct Survey<'a> {
    pub(super) source: &'a Source,
    pub(super) verified: Vec<Verified<'a>>,
    pub(super) transfer: &'a Transfer,
    pub(super) watch: &'a dyn Watch,
}

/// One index of packages with where it comes from.
pub(super) struct Located {
    /// The place of its suite among the source's.
    pub(super) suite: usize,
    /// Its component, as the upstream names it.
    pub(super) component: String,
    /// The architecture that it was asked for.
    pub(super) architecture: String,
    /// Whether it lists parts of the installer.
    pub(super) udebs: bool,
    /// Its folder below the suite, with a slash at its end; empty, if it is the suite's own.
    pub(super) folder: String,
    /// The index itself.
    pub(super) fetched: Fetched,
}

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

impl Survey<'_> {
    /// Fetches the indexes of packages of all suites, components and architectures at once.
    async fn fetch_indexes(&self) -> Result<Vec<Located>, Error> {
        let mut asked = Vec::new();
        for (suite, one) in self.verified.iter().enumerate() {
            for component in one.suite.told_components() {
                for architecture in &self.source.architectures {
                    for (folder, udebs) in self.folders(one, component, architecture) {
                        asked.push((suite, component, architecture, folder, udebs));
                    }
                }
            }
        }
        if self.source.udebs && !asked.iter().any(|(.., udebs)| *udebs) {
            let suite = self.verified[0].suite.name.clone();
            return Err(Error::NoIndex { suite, index: "debian-installer".to_owned() });
        }
        let fetches =
            asked.into_iter().map(async |(suite, component, architecture, folder, udebs)| {
                let plain = format!("{folder}Packages");
                let fetched = self.verified[suite].fetch(&plain, self.transfer, self.watch).await?;
                let (component, architecture) = (component.to_owned(), architecture.clone());
                Ok(Located { suite, component, architecture, udebs, folder, fetched })
            });
        try_join_all(fetches).await
    }

    /// The folders of a suite that list packages of a component and an architecture, or parts of its installer.
    fn folders(
        &self,
        one: &Verified<'_>,
        component: &str,
        architecture: &str,
    ) -> Vec<(String, bool)> {
        if one.suite.is_flat() {
            return vec![(String::new(), false)];
        }
        let all = one.release.separate_all.then_some("all");
        let mut folders = Vec::new();
        for folder in [Some(architecture), all].into_iter().flatten() {
            folders.push((format!("{component}/binary-{folder}/"), false));
            // Few suites have parts of an installer; one at least must.
            let udebs = format!("{component}/debian-installer/binary-{folder}/");
            if self.source.udebs && one.has(&format!("{udebs}Packages")) {
                folders.push((udebs, true));
            }
        }
        folders
    }

    /// Tells of packages of an index where they come from.
    pub(super) fn origin(&self, located: &Located) -> Origin {
        let from = &self.verified[located.suite];
        Origin {
            suite: located.suite,
            reserve: from.release.not_automatic,
            component: 0,
            unproved: from.suite.trust == Trust::Unsigned,
        }
    }
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

/// Puts a file into a tree, unless another one has its place.
pub(super) fn put<T>(
    files: &mut BTreeMap<RelPath, T>,
    path: RelPath,
    file: T,
    same: impl Fn(&T, &T) -> bool,
) -> Result<(), Error> {
    match files.entry(path) {
        Entry::Occupied(taken) if !same(taken.get(), &file) => {
            Err(Error::Conflict { path: taken.key().clone() })
        }
        Entry::Occupied(_) => Ok(()),
        Entry::Vacant(free) => {
            free.insert(file);
            Ok(())
        }
    }
}

/// Puts a file to be fetched into a plan.
pub(super) fn put_wanted(
    plan: &mut Plan,
    path: RelPath,
    want: crate::transfer::Want,
) -> Result<(), Error> {
    put(&mut plan.get, path, want, |a, b| a.key() == b.key())
}

#[cfg(test)]
mod tests;
