//! From what is asked for to everything that installing it takes.
//!
//! What is taken already suffices, and what another repository of the machines has; else, of all that satisfy a relation,
//! one that conflicts with nothing taken, lacks nothing itself and is not obsolete, then the one that is called so, then the
//! one of the asker's architecture, then the newest. What is asked for under a condition is asked again whenever something
//! new was taken. What cannot be had is collected.

mod weak;

use std::collections::{BTreeSet, HashMap, HashSet};

use super::Closed;
use super::rich::{Plain, Relation};
use super::universe::{Capability, Universe};
use super::version::{self, Range};
use super::words::Word;
use crate::Unsatisfied;

/// A selection as it grows.
pub(super) struct Closure<'u> {
    universe: &'u Universe,
    /// How early an architecture is chosen; the lower, the earlier.
    rank: &'u dyn Fn(&str) -> usize,
    taken: Vec<bool>,
    /// All that is taken; from `open` on, what they ask for has not been looked at.
    order: Vec<usize>,
    open: usize,
    /// What was asked for under a condition.
    conditional: Vec<(usize, Capability)>,
    /// What must not be there, by name.
    conflicts: HashMap<Word, Vec<(usize, Capability)>>,
    /// What must not be there together.
    rich_conflicts: Vec<(usize, Capability)>,
    unsatisfied: BTreeSet<Unsatisfied>,
    /// What was tried and could not be had whole.
    declined: HashSet<(usize, usize)>,
}

impl<'u> Closure<'u> {
    pub(super) fn new(universe: &'u Universe, rank: &'u dyn Fn(&str) -> usize) -> Self {
        Self {
            universe,
            rank,
            taken: vec![false; universe.packages.len()],
            order: Vec::new(),
            open: 0,
            conditional: Vec::new(),
            conflicts: HashMap::new(),
            rich_conflicts: Vec::new(),
            unsatisfied: BTreeSet::new(),
            declined: HashSet::new(),
        }
    }

    /// Takes what the operator asks for, or notes that it cannot be had. What is obsolete is had by what took its place.
    pub(super) fn want(&mut self, text: &str) {
        let universe = self.universe;
        let best = self.best(universe.named(text), text, None);
        let successors =
            best.map_or_else(|| universe.heirs(text), |best| universe.successors(best));
        let found = match best {
            _ if self.choose(&successors, text, None) => true,
            Some(best) => {
                self.take(best);
                true
            }
            None => Relation::parse(text).is_some_and(|relation| self.require(&relation, None)),
        };
        if !found {
            let relation = text.to_owned();
            self.unsatisfied.insert(Unsatisfied { relation, wanted_by: None });
        }
    }

    /// Takes a package.
    pub(super) fn take(&mut self, place: usize) {
        if std::mem::replace(&mut self.taken[place], true) {
            return;
        }
        self.order.push(place);
        for conflict in &self.universe.packages[place].needs.conflicts {
            match self.universe.relation(*conflict) {
                Some(Relation::Plain(_)) | None => {
                    self.conflicts.entry(conflict.name).or_default().push((place, *conflict));
                }
                Some(_) => self.rich_conflicts.push((place, *conflict)),
            }
        }
    }

    /// Tells whether a package is there: taken, or in another repository.
    fn has(&self, place: usize) -> bool {
        self.taken[place] || self.universe.packages[place].beside
    }

    /// Takes all that the taken ones ask for, and, if `weak`, what they are better with.
    pub(super) fn close(&mut self, weak: bool) {
        self.close_hard();
        if weak {
            self.close_weak();
        }
    }

    /// Returns the places of what was taken, and what could not be.
    pub(super) fn finish(self) -> Closed {
        (self.order, self.unsatisfied)
    }

    fn close_hard(&mut self) {
        let universe = self.universe;
        loop {
            while let Some(&place) = self.order.get(self.open) {
                self.open += 1;
                for capability in &universe.packages[place].needs.requires {
                    self.want_for(*capability, place);
                }
            }
            for (place, capability) in self.conditional.clone() {
                self.want_for(capability, place);
            }
            if self.open == self.order.len() {
                return;
            }
        }
    }

    fn want_for(&mut self, capability: Capability, place: usize) {
        let universe = self.universe;
        let relation = universe.relation(capability);
        if matches!(&relation, Some(Relation::Plain(plain)) if plain.name.starts_with("rpmlib(")) {
            return;
        }
        let asked = (place, capability);
        let is_new = || {
            !self.conditional.iter().any(|(by, one)| *by == place && one.name == capability.name)
        };
        if relation.as_ref().is_some_and(is_conditional) && is_new() {
            self.conditional.push(asked);
        }
        // What makes no sense to us must not pass for satisfied.
        if !relation.is_some_and(|relation| self.require(&relation, Some(place))) {
            let relation = universe.relation_text(capability);
            let wanted_by = Some(universe.told(place));
            self.unsatisfied.insert(Unsatisfied { relation, wanted_by });
        }
    }

    /// Makes a relation hold by taking what it takes; tells whether that can be.
    fn require(&mut self, relation: &Relation<'_>, by: Option<usize>) -> bool {
        match relation {
            Relation::Plain(plain) => {
                let found = self.universe.providers(*plain);
                self.choose(&found, plain.name, by)
            }
            Relation::And(all) => all.iter().all(|one| self.require(one, by)),
            Relation::Or(all) => {
                if all.iter().any(|one| self.holds(one)) {
                    return true;
                }
                let first = all.iter().find(|one| self.can_hold(one));
                first.is_some_and(|one| self.require(one, by))
            }
            Relation::If(two, third) => match (self.holds(&two[1]), third) {
                (true, _) => self.require(&two[0], by),
                (false, Some(third)) => self.require(third, by),
                (false, None) => true,
            },
            // What another repository has need not be installed.
            Relation::Unless(two, third) => match (self.is_taken(&two[1]), third) {
                (false, _) => self.require(&two[0], by),
                (true, Some(third)) => self.require(third, by),
                (true, None) => true,
            },
            Relation::With(_) | Relation::Without(_) => {
                let found = self.candidates(relation);
                self.choose(&found, first_name(relation), by)
            }
        }
    }

    /// Takes the best of some packages, unless one of them is there.
    fn choose(&mut self, found: &[usize], name: &str, by: Option<usize>) -> bool {
        if found.iter().any(|place| self.has(*place)) {
            return true;
        }
        let best = self.best(found, name, by);
        if let Some(best) = best {
            self.take(best);
        }
        best.is_some()
    }

    /// Finds the best of some packages.
    fn best(&self, found: &[usize], name: &str, by: Option<usize>) -> Option<usize> {
        let packages = &self.universe.packages;
        let text = |word| self.universe.words.text(word);
        let own = by.map(|place| packages[place].architecture);
        let cost = |place: usize| {
            let package = &packages[place];
            let (called, architecture) = (text(package.name), package.architecture);
            let lacking = by.is_some() && self.lacks(place);
            let foreign =
                own.is_some_and(|own| own != architecture && text(architecture) != "noarch");
            let rank = (self.rank)(text(architecture));
            let is_obsolete =
                || self.universe.successors(place).iter().any(|by| found.contains(by));
            (
                (self.is_in_conflict(place), lacking, found.len() > 1 && is_obsolete()),
                (called != name, foreign, rank),
                (called.len(), called),
            )
        };
        found.iter().copied().min_by(|one, other| {
            let newest = || version::compare(text(packages[*other].evr), text(packages[*one].evr));
            let first = (packages[*one].ordinal).cmp(&packages[*other].ordinal);
            cost(*one).cmp(&cost(*other)).then_with(newest).then(first)
        })
    }

    /// Tells whether nothing at all provides something that a package asks for.
    fn lacks(&self, place: usize) -> bool {
        let universe = self.universe;
        let mut requires = universe.packages[place].needs.requires.iter();
        requires.any(|one| match universe.relation(*one) {
            Some(Relation::Plain(plain)) if plain.name.starts_with("rpmlib(") => false,
            Some(relation) => !self.can_hold(&relation),
            None => true,
        })
    }

    /// Tells whether a package cannot be installed together with those that are taken.
    fn is_in_conflict(&self, place: usize) -> bool {
        let universe = self.universe;
        let needs = &universe.packages[place].needs;
        let others = |other: usize| other != place && self.taken[other];
        let ours = needs.conflicts.iter().filter_map(|one| universe.relation(*one));
        let ours = || ours.clone().any(|relation| self.clashes(&relation, &others));
        let range =
            |one: &Capability| Range { sense: one.sense, evr: universe.words.text(one.evr) };
        let theirs = || {
            needs.provides.iter().any(|provided| {
                let against = self.conflicts.get(&provided.name).into_iter().flatten();
                against.into_iter().any(|(_, conflict)| range(provided).satisfies(range(conflict)))
            })
        };
        let combined = || {
            self.rich_conflicts.iter().any(|(by, conflict)| {
                let with = |other: usize| other != *by && (other == place || self.taken[other]);
                let relation = universe.relation(*conflict);
                *by != place && relation.is_some_and(|relation| self.clashes(&relation, &with))
            })
        };
        ours() || theirs() || combined()
    }

    /// Tells whether what must not be there is, among some packages.
    fn clashes(&self, relation: &Relation<'_>, is_there: &dyn Fn(usize) -> bool) -> bool {
        let clashes = |one: &Relation<'_>| self.clashes(one, is_there);
        let third = |third: &Option<Box<Relation<'_>>>| third.as_deref().is_some_and(clashes);
        match relation {
            Relation::And(all) => all.iter().all(clashes),
            Relation::Or(all) => all.iter().any(clashes),
            Relation::If(two, _) if clashes(&two[1]) => clashes(&two[0]),
            Relation::Unless(two, _) if !clashes(&two[1]) => clashes(&two[0]),
            Relation::If(_, other) | Relation::Unless(_, other) => third(other),
            one => self.candidates(one).into_iter().any(is_there),
        }
    }

    /// Tells whether a relation holds by what is there.
    fn holds(&self, relation: &Relation<'_>) -> bool {
        self.holds_by(relation, &|place| self.has(place))
    }

    /// Tells whether a relation holds by what is taken.
    fn is_taken(&self, relation: &Relation<'_>) -> bool {
        self.holds_by(relation, &|place| self.taken[place])
    }

    fn holds_by(&self, relation: &Relation<'_>, is_there: &dyn Fn(usize) -> bool) -> bool {
        let holds = |one: &Relation<'_>| self.holds_by(one, is_there);
        match relation {
            Relation::And(all) => all.iter().all(holds),
            Relation::Or(all) => all.iter().any(holds),
            Relation::If(two, third) => match (holds(&two[1]), third) {
                (true, _) => holds(&two[0]),
                (false, third) => third.as_deref().is_none_or(holds),
            },
            Relation::Unless(two, third) => match (holds(&two[1]), third) {
                (false, _) => holds(&two[0]),
                (true, third) => third.as_deref().is_none_or(holds),
            },
            one => self.candidates(one).into_iter().any(is_there),
        }
    }

    fn can_hold(&self, relation: &Relation<'_>) -> bool {
        match relation {
            Relation::And(all) => all.iter().all(|one| self.can_hold(one)),
            Relation::Or(all) => all.iter().any(|one| self.can_hold(one)),
            // The condition need not come true.
            Relation::If(..) => true,
            Relation::Unless(two, _) => self.can_hold(&two[0]) || self.holds(&two[1]),
            one => !self.candidates(one).is_empty(),
        }
    }

    /// Lists the packages that satisfy a relation each on its own.
    fn candidates(&self, relation: &Relation<'_>) -> Vec<usize> {
        match relation {
            Relation::Plain(plain) => self.universe.providers(*plain),
            Relation::With(all) => {
                let mut all = all.iter().map(|one| self.candidates(one));
                let first = all.next().unwrap_or_default();
                all.fold(first, |kept, one| {
                    kept.into_iter().filter(|it| one.contains(it)).collect()
                })
            }
            Relation::Without(two) => {
                let without = self.candidates(&two[1]);
                let mut kept = self.candidates(&two[0]);
                kept.retain(|place| !without.contains(place));
                kept
            }
            Relation::Or(all) => all.iter().flat_map(|one| self.candidates(one)).collect(),
            _ => Vec::new(),
        }
    }
}

fn is_conditional(relation: &Relation<'_>) -> bool {
    match relation {
        Relation::If(..) | Relation::Unless(..) => true,
        Relation::And(all) | Relation::Or(all) => all.iter().any(is_conditional),
        _ => false,
    }
}

/// Returns the name that the first part of a relation has.
fn first_name<'a>(relation: &Relation<'a>) -> &'a str {
    match relation {
        Relation::Plain(Plain { name, .. }) => name,
        Relation::And(all) | Relation::Or(all) | Relation::With(all) => {
            all.first().map_or("", first_name)
        }
        Relation::Without(two) | Relation::If(two, _) | Relation::Unless(two, _) => {
            first_name(&two[0])
        }
    }
}
