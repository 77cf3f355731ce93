//! Some packages of a repository, told as one suite in new indexes: what passes the filter, or what a list of packages
//! needs. One architecture is held at a time.

mod beside;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::deb822::paragraphs;
use super::error::Error;
use super::indexes::{Located, Survey, put_wanted};
use super::neighbour::{self, Lent};
use super::package::Package;
use super::reindex::{Reindex, Title};
use super::select::Universe;
use super::source::{Missing, Subset};
use crate::events::Event;
use crate::plan::Plan;
use crate::store::Object;
use crate::transfer::{Want, below, masked};

/// The one component of what is selected by name.
const MAIN: &str = "main";

/// Plans what is taken, and makes its indexes.
pub(super) async fn plan(
    plan: &mut Plan,
    survey: &Survey<'_>,
    subset: &Subset,
    located: Vec<Located>,
) -> Result<(), Error> {
    let components = Components::of(survey, subset);
    let title = title(survey);
    let mut making = Making {
        survey,
        subset,
        components: &components,
        reindex: Reindex::new(title, survey.transfer.store()),
        taken: Taken::default(),
        left_out: BTreeSet::new(),
        read: Vec::new(),
    };
    for architecture in &survey.source.architectures {
        making.architecture(plan, architecture, &located).await?;
    }
    making.warn_of_left_out();
    making.translations().await?;
    if survey.source.extras.sources {
        making.sources(plan).await?;
    }
    plan.evidence = evidence(survey, &located);
    for (address, object) in std::mem::take(&mut making.read) {
        plan.evidence.insert(address, object);
    }
    let made = making.reindex.finish(&subset.signing);
    plan.have.extend(made.map_err(|failure| Error::making(&survey.source.name, failure))?);
    Ok(())
}

/// Names the made repository after its first suite and dates it by its newest.
fn title<'a>(survey: &'a Survey<'_>) -> Title<'a> {
    let first = &survey.verified[0];
    let name = &survey.source.name;
    let suite = match &first.release.codename {
        Some(codename) => codename,
        None if first.suite.is_flat() => name,
        None => &first.suite.name,
    };
    let dates = survey.verified.iter().map(|one| one.release.date);
    let date = dates.max().unwrap_or(first.release.date);
    Title { name, suite, date }
}

/// Lists what was read of the upstream and is not served: while it is kept, the next survey costs little.
fn evidence(survey: &Survey<'_>, located: &[Located]) -> BTreeMap<String, Object> {
    let mut evidence = BTreeMap::new();
    for one in &survey.verified {
        let address = |path| one.suite.urls.first().map(|base| masked(&below(base, path)));
        let proofs = one.proof.iter();
        evidence.extend(proofs.filter_map(|(path, object)| Some((address(path)?, *object))));
    }
    for one in located {
        let base = survey.verified[one.suite].suite.urls.first();
        if let Some(base) = base {
            evidence.insert(masked(&below(base, &one.fetched.places[0])), one.fetched.object);
        }
    }
    evidence
}

/// The components of the made repository: the upstream's, but one for what was selected by name over all of them.
struct Components(Vec<String>);

impl Components {
    fn of(survey: &Survey<'_>, subset: &Subset) -> Self {
        if subset.packages.is_some() {
            return Self(vec![MAIN.to_owned()]);
        }
        let mut told: Vec<String> = Vec::new();
        for one in &survey.verified {
            for component in one.suite.told_components() {
                let component = Self::shortened(component);
                if !told.iter().any(|known| known == component) {
                    told.push(component.to_owned());
                }
            }
        }
        Self(told)
    }

    /// The place of an upstream's component; suites like Debian's old security put a folder before it.
    fn place(&self, component: &str) -> usize {
        let component = Self::shortened(component);
        self.0.iter().position(|known| known == component).unwrap_or(0)
    }

    fn shortened(component: &str) -> &str {
        component.rsplit('/').next().unwrap_or(component)
    }
}

/// The paragraphs of the packages of one component.
fn texts<'a>(packages: &[Package<'a>], component: usize) -> Vec<&'a str> {
    packages.iter().filter(|one| one.origin.component == component).map(Package::text).collect()
}

/// What was taken, over all architectures.
#[derive(Default)]
struct Taken {
    /// What translated descriptions belong to, by package.
    descriptions: HashMap<String, HashSet<String>>,
    /// Names and versions, with the place of the component.
    sources: BTreeMap<(String, String), usize>,
}

impl Taken {
    fn note(&mut self, package: &Package<'_>, sources: bool) {
        if !package.description().is_empty() {
            let known = self.descriptions.entry(package.name.to_owned()).or_default();
            known.insert(package.description().to_owned());
        }
        if sources {
            let (name, version) = package.source();
            let key = (name.to_owned(), version.to_owned());
            self.sources.entry(key).or_insert(package.origin.component);
        }
    }
}

/// A subset in the making.
struct Making<'a> {
    survey: &'a Survey<'a>,
    subset: &'a Subset,
    components: &'a Components,
    reindex: Reindex<'a>,
    taken: Taken,
    left_out: BTreeSet<String>,
    /// Indexes that were read and are not served, by address.
    read: Vec<(String, Object)>,
}

impl Making<'_> {
    /// Takes packages of one architecture, and all parts of the installer.
    async fn architecture(
        &mut self,
        plan: &mut Plan,
        architecture: &str,
        located: &[Located],
    ) -> Result<(), Error> {
        let store = self.survey.transfer.store();
        let mut texts = Vec::new();
        for one in located.iter().filter(|one| one.architecture == architecture) {
            let (fetched, store) = (one.fetched.clone(), store.clone());
            texts.push((one, super::blocking(move || fetched.text(&store)).await?));
        }
        let lent = neighbour::lent(&self.subset.neighbours, architecture, store)?;
        let packages = self.read(architecture, &texts, false)?;
        let mut packages = self.select(architecture, packages, &lent)?;
        let mut udebs = self.read(architecture, &texts, true)?;
        udebs.sort_by(|a, b| (a.filename, a.origin.suite).cmp(&(b.filename, b.origin.suite)));
        udebs.dedup_by(|a, b| (a.filename, a.checksums) == (b.filename, b.checksums));
        if self.survey.source.missing == Missing::Skip {
            self.leave_out(&mut [&mut packages, &mut udebs]).await?;
        }
        for package in packages.iter().chain(&udebs) {
            let file = package
                .file()
                .map_err(|source| Error::Path { name: package.to_string(), source })?;
            let want = file.want(&self.survey.verified[package.origin.suite].bases);
            put_wanted(plan, file.path, want)?;
            self.taken.note(package, self.survey.source.extras.sources);
        }
        self.list(architecture, &packages, &udebs)
    }

    fn list(
        &mut self,
        architecture: &str,
        packages: &[Package<'_>],
        udebs: &[Package<'_>],
    ) -> Result<(), Error> {
        let name = &self.survey.source.name;
        for (place, component) in self.components.0.iter().enumerate() {
            let listed = texts(packages, place);
            self.reindex
                .packages(component, architecture, &listed)
                .map_err(|failure| Error::making(name, failure))?;
            let listed = texts(udebs, place);
            if self.survey.source.udebs && (place == 0 || !listed.is_empty()) {
                self.reindex
                    .udebs(component, architecture, &listed)
                    .map_err(|failure| Error::making(name, failure))?;
            }
        }
        Ok(())
    }

    fn select<'t>(
        &self,
        architecture: &str,
        packages: Vec<Package<'t>>,
        lent: &'t [Lent],
    ) -> Result<Vec<Package<'t>>, Error> {
        let Some(wanted) = &self.subset.packages else {
            return Ok(self.subset.filter.newest(packages));
        };
        let mut beside = Vec::new();
        for text in lent {
            beside.extend(text.packages(architecture)?);
        }
        Universe::new(packages, beside).select(wanted).map_err(|unsatisfied| Error::Unsatisfied {
            architecture: architecture.to_owned(),
            beside: self.subset.neighbours.iter().map(|one| one.name.clone()).collect(),
            unsatisfied,
        })
    }

    /// Reads the packages of an architecture that pass the filter, or all parts of its installer.
    fn read<'t>(
        &self,
        architecture: &str,
        texts: &'t [(&Located, String)],
        udebs: bool,
    ) -> Result<Vec<Package<'t>>, Error> {
        let mut packages = Vec::new();
        for (one, text) in texts.iter().filter(|(one, _)| one.udebs == udebs) {
            let from = &self.survey.verified[one.suite];
            let mut origin = self.survey.origin(one);
            origin.component = self.components.place(&one.component);
            for paragraph in paragraphs(text) {
                let package = Package::read(paragraph, origin).map_err(|source| Error::Index {
                    suite: from.suite.name.clone(),
                    index: one.fetched.places[0].to_string(),
                    source,
                })?;
                // An index without architectures lists them all.
                let fits = !from.suite.is_flat()
                    || matches!(package.architecture, one if one == "all" || one == architecture);
                if fits && (udebs || self.subset.filter.admits(package.name)) {
                    packages.push(package);
                }
            }
        }
        Ok(packages)
    }

    /// Leaves out what the upstream lists and does not have.
    async fn leave_out(&mut self, listed: &mut [&mut Vec<Package<'_>>]) -> Result<(), Error> {
        let want = |package: &Package<'_>| {
            let from = &self.survey.verified[package.origin.suite];
            let file = package.file();
            Ok(file
                .map_err(|source| Error::Path { name: package.to_string(), source })?
                .want(&from.bases))
        };
        let all = listed.iter().flat_map(|packages| packages.iter());
        let wants = all.map(want).collect::<Result<Vec<_>, Error>>()?;
        let absent = self.survey.transfer.absent(&wants).await;
        let absent: HashSet<_> = absent.into_iter().map(Want::key).collect();
        let mut keys = wants.iter().map(Want::key);
        for packages in listed {
            packages.retain(|package| {
                let here = keys.next().is_none_or(|key| !absent.contains(&key));
                if !here {
                    self.left_out.insert(package.to_string());
                }
                here
            });
        }
        Ok(())
    }

    fn warn_of_left_out(&self) {
        if self.left_out.is_empty() {
            return;
        }
        let named: Vec<_> = self.left_out.iter().map(String::as_str).collect();
        let text = format!(
            "`{}` goes without what its upstream lists and does not have ({}): {}",
            self.survey.source.name,
            named.len(),
            named.join(", ")
        );
        self.survey.watch.event(Event::Warning { text });
    }
}
