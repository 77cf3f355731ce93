//! What the taken packages are better with: recommendations and supplements, each as far as it can be had whole and
//! conflicts with nothing.

use std::collections::BTreeSet;

use super::Closure;
use crate::Unsatisfied;
use crate::yum::select::universe::Capability;
use crate::yum::select::version;

/// What to return to if something optional cannot be had whole.
struct Mark {
    taken: usize,
    conditional: usize,
    unsatisfied: BTreeSet<Unsatisfied>,
}

impl Closure<'_> {
    /// Takes what can be had, until nothing comes any more.
    pub(super) fn close_weak(&mut self) {
        loop {
            let before = self.order.len();
            self.take_recommended();
            self.take_supplements();
            if self.order.len() == before {
                return;
            }
        }
    }

    fn take_recommended(&mut self) {
        let universe = self.universe;
        let mut next = 0;
        while let Some(&place) = self.order.get(next) {
            next += 1;
            for (index, capability) in universe.packages[place].needs.recommends.iter().enumerate()
            {
                let Some(relation) = universe.relation(*capability) else { continue };
                if !self.declined.contains(&(place, index)) {
                    let fits = self.try_whole(|all| all.require(&relation, Some(place)));
                    if !fits {
                        self.declined.insert((place, index));
                    }
                }
            }
        }
    }

    fn take_supplements(&mut self) {
        let universe = self.universe;
        for (place, package) in universe.packages.iter().enumerate() {
            let called =
                |one: &Capability| universe.relation(*one).is_some_and(|it| self.holds(&it));
            let declined = (place, usize::MAX);
            if package.needs.supplements.is_empty()
                || self.has(place)
                || self.declined.contains(&declined)
                || self.has_other_version(place)
                || !package.needs.supplements.iter().any(called)
            {
                continue;
            }
            let fits = self.try_whole(|all| {
                all.take(place);
                true
            });
            if !fits {
                self.declined.insert(declined);
            }
        }
    }

    /// Tells whether a package of the same name and architecture is taken, or newer than this one.
    fn has_other_version(&self, place: usize) -> bool {
        let (universe, package) = (self.universe, &self.universe.packages[place]);
        let text = |word| universe.words.text(word);
        universe.named(text(package.name)).iter().any(|other| {
            let one = &universe.packages[*other];
            *other != place
                && one.architecture == package.architecture
                && (self.taken[*other]
                    || version::compare(text(one.evr), text(package.evr)).is_gt())
        })
    }

    /// Takes something with all that it asks for and nothing that conflicts, or leaves everything as it was.
    fn try_whole(&mut self, take: impl FnOnce(&mut Self) -> bool) -> bool {
        let mark = Mark {
            taken: self.order.len(),
            conditional: self.conditional.len(),
            unsatisfied: self.unsatisfied.clone(),
        };
        let could = take(self);
        let fresh = self.order[mark.taken..].to_vec();
        let conflicting = fresh.iter().any(|place| self.is_in_conflict(*place));
        if could && !conflicting {
            self.close_hard();
            if self.unsatisfied == mark.unsatisfied {
                return true;
            }
        }
        for place in self.order.drain(mark.taken..) {
            self.taken[place] = false;
            for conflict in &self.universe.packages[place].needs.conflicts {
                if let Some(all) = self.conflicts.get_mut(&conflict.name) {
                    all.retain(|(by, _)| *by != place);
                }
            }
            self.rich_conflicts.retain(|(by, _)| *by != place);
        }
        self.open = self.order.len();
        self.conditional.truncate(mark.conditional);
        self.unsatisfied = mark.unsatisfied;
        false
    }
}
