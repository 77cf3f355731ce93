//! The indexes of packages of a survey under way, and where what they list goes in a plan.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use futures_util::future::try_join_all;

use super::error::Error;
use super::package::Origin;
use super::source::{Source, Trust};
use super::upstream::{Fetched, Verified};
use crate::events::Watch;
use crate::plan::Plan;
use crate::store::RelPath;
use crate::transfer::{Transfer, Want};

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

impl Survey<'_> {
    /// Fetches the indexes of packages of all suites, components and architectures at once.
    pub(super) async fn fetch_indexes(&self) -> Result<Vec<Located>, Error> {
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
pub(super) fn put_wanted(plan: &mut Plan, path: RelPath, want: Want) -> Result<(), Error> {
    put(&mut plan.get, path, want, |a, b| a.key() == b.key())
}
