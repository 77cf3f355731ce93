//! From a source to a plan: verify every suite, read its indexes, select, and say where each file stands.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::deb822::paragraphs;
use super::error::Error;
use super::package::{Origin, Package};
use super::reindex::{Failure, Listed, Title, reindex};
use super::select::{Universe, Wanted};
use super::source::{Missing, Selection, Source};
use super::upstream::{self, Packages, Verified, by_hash, place};
use crate::events::{Event, Watch};
use crate::plan::{self, Plan};
use crate::store::{Object, RelPath, Store, Tree};
use crate::transfer::{Transfer, Want, below, masked};
use crate::trust::SiteKey;

/// One index with where it comes from.
struct Read {
    /// The place of its suite among the source's.
    suite: usize,
    /// The architecture that it was asked for.
    architecture: String,
    /// Whether it lists parts of the installer.
    udebs: bool,
    packages: Packages,
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
    let read = read_indexes(source, &verified, transfer, watch).await?;
    let mut plan = Plan {
        tree: RelPath::new(format!("data/apt/{}", source.name))
            .map_err(|wrong| Error::Path { name: source.name.clone(), source: wrong })?,
        upstream: told_upstreams(source),
        trust,
        signed_by: None,
        recipe: Some(recipe),
        evidence: BTreeMap::new(),
        get: BTreeMap::new(),
        have: BTreeMap::new(),
    };
    match &source.selection {
        Selection::Whole => mirror_whole(&mut plan, &verified, read)?,
        Selection::Packages { wanted, site_key } => {
            let selecting = Selecting { source, verified: &verified, wanted, site_key };
            let mut listed = selecting.select(&read)?;
            if source.missing == Missing::Skip {
                selecting.leave_out(&mut listed, transfer, watch).await?;
            }
            selecting.plan(&mut plan, &read, &listed, transfer.store())?;
        }
    }
    Ok(plan)
}

async fn read_indexes(
    source: &Source,
    verified: &[Verified<'_>],
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Result<Vec<Read>, Error> {
    let mut asked = Vec::new();
    for (suite, one) in verified.iter().enumerate() {
        for component in &one.suite.components {
            for architecture in &source.architectures {
                let all = one.release.separate_all.then_some("all");
                for folder in [Some(architecture.as_str()), all].into_iter().flatten() {
                    asked.push((
                        suite,
                        format!("{component}/binary-{folder}"),
                        architecture,
                        false,
                    ));
                    // Few suites have parts of an installer; one at least must.
                    let udebs = format!("{component}/debian-installer/binary-{folder}");
                    if source.udebs && one.has_packages(&udebs) {
                        asked.push((suite, udebs, architecture, true));
                    }
                }
            }
        }
    }
    if source.udebs && !asked.iter().any(|(.., udebs)| *udebs) {
        let suite = verified[0].suite.name.clone();
        return Err(Error::NoIndex { suite, index: "debian-installer".to_owned() });
    }
    let reads = asked.into_iter().map(async |(suite, folder, architecture, udebs)| {
        let packages = verified[suite].packages(&folder, transfer, watch).await?;
        Ok(Read { suite, architecture: architecture.clone(), udebs, packages })
    });
    try_join_all(reads).await
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
fn put<T>(
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

/// Where a package's file lies, and what to fetch for it.
fn file(package: &Package<'_>, from: &Verified<'_>) -> Result<(RelPath, Want), Error> {
    let path = RelPath::new(package.filename)
        .map_err(|source| Error::Path { name: package.to_string(), source })?;
    let mut want = Want::below(&from.suite.urls, &path);
    want.size = Some(package.size);
    want.sha256 = Some(package.sha256);
    Ok((path, want))
}

fn put_package(plan: &mut Plan, package: &Package<'_>, from: &Verified<'_>) -> Result<(), Error> {
    let (path, want) = file(package, from)?;
    put(&mut plan.get, path, want, |a, b| a.sha256 == b.sha256)
}

fn read_packages<'a>(read: &'a Read, from: &Verified<'_>) -> Result<Vec<Package<'a>>, Error> {
    let origin = Origin { suite: read.suite, reserve: from.release.not_automatic };
    let packages = paragraphs(&read.packages.text).map(|one| Package::read(one, origin));
    packages.collect::<Result<_, _>>().map_err(|source| Error::Index {
        suite: from.suite.name.clone(),
        index: read.packages.path.clone(),
        source,
    })
}

/// Plans all packages and the upstream's own indexes, which stay as the upstream signed them.
fn mirror_whole(plan: &mut Plan, verified: &[Verified<'_>], read: Vec<Read>) -> Result<(), Error> {
    let same = |a: &Object, b: &Object| a == b;
    for one in verified {
        for (path, object) in &one.proof {
            put(&mut plan.have, path.clone(), *object, same)?;
        }
    }
    for one in read {
        let from = &verified[one.suite];
        for package in read_packages(&one, from)? {
            put_package(plan, &package, from)?;
        }
        let Packages { path, object, .. } = &one.packages;
        put(&mut plan.have, place(from.suite, path)?, *object, same)?;
        let index = from.release.indexes[path];
        put(&mut plan.have, place(from.suite, &by_hash(path, &index))?, *object, same)?;
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let component = folder.rsplit_once('/').map_or(folder, |(component, _)| component);
        put_beside(plan, from, &format!("{folder}/Release"))?;
        put_beside(plan, from, &format!("{component}/i18n/Translation-en.xz"))?;
        put_beside(plan, from, &format!("{component}/i18n/Translation-en.bz2"))?;
    }
    Ok(())
}

/// Plans a file that clients look for beside an index, if the upstream lists it.
fn put_beside(plan: &mut Plan, from: &Verified<'_>, path: &str) -> Result<(), Error> {
    let Some(index) = from.release.indexes.get(path) else {
        return Ok(());
    };
    for place in [place(from.suite, path)?, place(from.suite, &by_hash(path, index))?] {
        put(&mut plan.get, place, from.want(path, *index)?, |a, b| a.sha256 == b.sha256)?;
    }
    Ok(())
}

/// A selection in the making.
struct Selecting<'a> {
    source: &'a Source,
    verified: &'a [Verified<'a>],
    wanted: &'a Wanted,
    site_key: &'a SiteKey,
}

impl Selecting<'_> {
    /// Selects packages, and all parts of the installer.
    fn select<'r>(&self, read: &'r [Read]) -> Result<Listed<'r>, Error> {
        let mut listed = Listed::default();
        for architecture in &self.source.architectures {
            let packages = self.read(architecture, read, false)?;
            let selected = Universe::new(packages).select(self.wanted);
            let selected = selected.map_err(|unsatisfied| Error::Unsatisfied {
                architecture: architecture.clone(),
                unsatisfied,
            })?;
            listed.packages.insert(architecture.clone(), selected);
            if self.source.udebs {
                let mut udebs = self.read(architecture, read, true)?;
                udebs.sort_by(|a, b| {
                    (a.filename, a.origin.suite).cmp(&(b.filename, b.origin.suite))
                });
                udebs.dedup_by(|a, b| (a.filename, a.sha256) == (b.filename, b.sha256));
                listed.udebs.insert(architecture.clone(), udebs);
            }
        }
        Ok(listed)
    }

    fn read<'r>(
        &self,
        architecture: &str,
        read: &'r [Read],
        udebs: bool,
    ) -> Result<Vec<Package<'r>>, Error> {
        let mut packages = Vec::new();
        for one in read.iter().filter(|one| one.architecture == architecture && one.udebs == udebs)
        {
            packages.extend(read_packages(one, &self.verified[one.suite])?);
        }
        Ok(packages)
    }

    /// Leaves out what the upstream lists and does not have, and tells what that is.
    async fn leave_out(
        &self,
        listed: &mut Listed<'_>,
        transfer: &Transfer,
        watch: &dyn Watch,
    ) -> Result<(), Error> {
        let all = listed.packages.values().chain(listed.udebs.values()).flatten();
        let wants = all.map(|package| file(package, &self.verified[package.origin.suite]));
        let wants = wants.map(|file| Ok(file?.1)).collect::<Result<Vec<_>, Error>>()?;
        let absent = transfer.absent(&wants).await;
        if absent.is_empty() {
            return Ok(());
        }
        let absent: HashSet<_> = absent.into_iter().filter_map(|want| want.sha256).collect();
        let mut left_out = BTreeSet::new();
        for packages in listed.packages.values_mut().chain(listed.udebs.values_mut()) {
            packages.retain(|package| {
                let here = !absent.contains(&package.sha256);
                if !here {
                    left_out.insert(package.to_string());
                }
                here
            });
        }
        let named: Vec<_> = left_out.into_iter().collect();
        let text = format!(
            "`{}` goes without what its upstream lists and does not have ({}): {}",
            self.source.name,
            named.len(),
            named.join(", ")
        );
        watch.event(Event::Warning { text });
        Ok(())
    }

    /// Plans what was selected, and makes its index.
    fn plan(
        &self,
        plan: &mut Plan,
        read: &[Read],
        listed: &Listed<'_>,
        store: &Store,
    ) -> Result<(), Error> {
        let name = || self.source.name.clone();
        plan.evidence = self.evidence(read)?;
        for package in listed.packages.values().chain(listed.udebs.values()).flatten() {
            put_package(plan, package, &self.verified[package.origin.suite])?;
        }
        let made = reindex(&self.title(), listed, self.site_key).map_err(|fail| match fail {
            Failure::Write(source) => Error::Write { name: name(), source },
            Failure::Sign(source) => Error::Sign { name: name(), source: Box::new(source) },
        })?;
        for (path, bytes) in made {
            let path = RelPath::new(path).map_err(|source| Error::Path { name: name(), source })?;
            let object = store
                .insert_bytes(&bytes)
                .map_err(|source| Error::Store { name: name(), source: Box::new(source) })?;
            plan.have.insert(path, object);
        }
        Ok(())
    }

    /// Lists what was read of the upstream and is not served: while it is kept, the next survey costs little.
    fn evidence(&self, read: &[Read]) -> Result<BTreeMap<String, Object>, Error> {
        let address = |from: &Verified<'_>, path: &RelPath| {
            let base = from.suite.urls.first();
            base.map_or(path.to_string(), |base| masked(&below(base, path)))
        };
        let proofs = self.verified.iter().flat_map(|one| {
            let proof = one.proof.iter();
            proof.map(move |(path, object)| (address(one, path), *object))
        });
        let mut evidence: BTreeMap<_, _> = proofs.collect();
        for one in read {
            let from = &self.verified[one.suite];
            let path = place(from.suite, &one.packages.path)?;
            evidence.insert(address(from, &path), one.packages.object);
        }
        Ok(evidence)
    }

    /// Names the made repository after its first suite and dates it by its newest.
    fn title(&self) -> Title<'_> {
        let first = &self.verified[0];
        let suite = first.release.codename.as_deref().unwrap_or(&first.suite.name);
        let dates = self.verified.iter().map(|one| one.release.date);
        let date = dates.max().unwrap_or(first.release.date);
        Title { name: &self.source.name, suite, date }
    }
}

#[cfg(test)]
mod tests;
