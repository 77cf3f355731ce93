//! From a package list to everything that installing it takes, over all suites together.
//!
//! The newest version that satisfies a relation wins; one from backports only where no other suite has one. Among
//! alternatives one that is taken already suffices, or that another repository of the machines has; else the first that can
//! be had, as apt would. What cannot be had is collected and told at once, with who wants it.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use super::package::{Package, Priority};
use super::relation::{self, Relation};
use super::version::Version;
use crate::Unsatisfied;

/// What is wanted of the indexes.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Packages by name.
    pub names: Vec<String>,
    /// Whether what they are better with comes along.
    pub recommends: bool,
    /// Whether what every system has comes along, so that one can be made from the selection alone.
    pub minimal_system: bool,
}

/// All packages of one architecture, by what they can be asked for as.
pub(super) struct Universe<'a> {
    packages: Vec<Package<'a>>,
    /// From this place on, they are in other repositories of the machines.
    beside: usize,
    /// Places in `packages`, the one to prefer first.
    named: HashMap<&'a str, Vec<usize>>,
    /// Places of those that provide a name, with the version they provide it in.
    provided: HashMap<&'a str, Vec<(usize, Option<Version<'a>>)>>,
}

impl<'a> Universe<'a> {
    /// Orders packages for asking; those `beside` are there, and never taken.
    pub(super) fn new(mut packages: Vec<Package<'a>>, beside: Vec<Package<'a>>) -> Self {
        let own = packages.len();
        packages.extend(beside);
        let mut named: HashMap<_, Vec<usize>> = HashMap::with_capacity(packages.len());
        let mut provided: HashMap<_, Vec<_>> = HashMap::new();
        for (place, package) in packages.iter().enumerate() {
            named.entry(package.name).or_default().push(place);
            for (name, version) in package.provides() {
                provided.entry(name).or_default().push((place, version));
            }
        }
        for places in named.values_mut() {
            // The sort is stable: of equal versions the one of the first suite stays first.
            places.sort_by(|a, b| {
                let (a, b) = (&packages[*a], &packages[*b]);
                let kept_back = a.origin.reserve.cmp(&b.origin.reserve);
                kept_back.then_with(|| b.version.cmp(&a.version))
            });
        }
        for places in provided.values_mut() {
            // What a system has anyway before the rest, then by name, then the newest: the same choice every time.
            places.sort_by(|(a, _), (b, _)| {
                let (a, b) = (&packages[*a], &packages[*b]);
                (a.priority, a.name).cmp(&(b.priority, b.name)).then(b.version.cmp(&a.version))
            });
        }
        Self { packages, beside: own, named, provided }
    }

    /// Selects what is wanted and what it needs, in the order of name and version.
    pub(super) fn select(
        &self,
        wanted: &Wanted,
    ) -> Result<Vec<Package<'a>>, BTreeSet<Unsatisfied>> {
        let mut selection = Selection::new(self, wanted.recommends);
        if wanted.minimal_system {
            selection.take_minimal_system();
        }
        for name in &wanted.names {
            selection.want(name, None);
        }
        selection.close();
        if selection.unsatisfied.is_empty() {
            Ok(selection.finish())
        } else {
            Err(selection.unsatisfied)
        }
    }

    /// Lists those that satisfy a relation, best first: by name, then by what they provide.
    fn satisfying<'u>(&'u self, relation: Relation<'u>) -> impl Iterator<Item = usize> + 'u {
        let named = self.named.get(relation.name).into_iter().flatten().copied();
        let named = named.filter(move |place| relation.admits(self.packages[*place].version));
        let provided = self.provided.get(relation.name).into_iter().flatten();
        let provided = provided
            .filter(move |(_, version)| relation.admits_provided(*version))
            .map(|(place, _)| *place);
        named.chain(provided)
    }
}

/// A selection as it grows.
struct Selection<'u, 'a> {
    universe: &'u Universe<'a>,
    recommends: bool,
    taken: HashSet<usize>,
    /// Taken, but what they need has not been looked at.
    open: VecDeque<usize>,
    unsatisfied: BTreeSet<Unsatisfied>,
}

impl<'u, 'a> Selection<'u, 'a> {
    fn new(universe: &'u Universe<'a>, recommends: bool) -> Self {
        let (taken, open) = (HashSet::new(), VecDeque::new());
        Self { universe, recommends, taken, open, unsatisfied: BTreeSet::new() }
    }

    /// Takes the newest version of what every system has, and apt, which fetches the rest.
    fn take_minimal_system(&mut self) {
        let universe = self.universe;
        let own = |places: &Vec<usize>| places.iter().copied().find(|it| *it < universe.beside);
        let mut newest: Vec<usize> = universe.named.values().filter_map(own).collect();
        newest.sort_unstable();
        for place in newest {
            let package = &universe.packages[place];
            if package.essential || package.priority == Priority::Required || package.name == "apt"
            {
                self.take(place);
            }
        }
    }

    fn close(&mut self) {
        let universe = self.universe;
        while let Some(place) = self.open.pop_front() {
            let package = &universe.packages[place];
            for group in package.needs() {
                self.want(group, Some(package));
            }
            if self.recommends {
                for group in package.recommends() {
                    self.take_best(group, false);
                }
            }
        }
    }

    /// Takes one of the alternatives, or notes that none can be had.
    fn want(&mut self, group: &str, by: Option<&Package<'_>>) {
        if !self.take_best(group, by.is_none()) {
            let wanted_by = by.map(ToString::to_string);
            self.unsatisfied.insert(Unsatisfied { relation: group.to_owned(), wanted_by });
        }
    }

    /// Takes the best of the alternatives; what the operator asked for by name must be the repository's own.
    fn take_best(&mut self, group: &str, own: bool) -> bool {
        let universe = self.universe;
        let candidates = || {
            let all = relation::alternatives(group).flat_map(|one| universe.satisfying(one));
            all.filter(move |place| !own || *place < universe.beside)
        };
        let is_there = |place: &usize| *place >= universe.beside || self.taken.contains(place);
        if candidates().any(|place| is_there(&place)) {
            return true;
        }
        let Some(place) = candidates().next() else { return false };
        self.take(place);
        true
    }

    fn take(&mut self, place: usize) {
        if self.taken.insert(place) {
            self.open.push_back(place);
        }
    }

    fn finish(self) -> Vec<Package<'a>> {
        let packages = &self.universe.packages;
        let mut selected: Vec<_> = self.taken.into_iter().map(|place| packages[place]).collect();
        selected.sort_by(|a, b| {
            (a.name, a.architecture).cmp(&(b.name, b.architecture)).then(a.version.cmp(&b.version))
        });
        selected
    }
}

#[cfg(test)]
mod tests;
