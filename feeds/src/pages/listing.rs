//! What a repository offers, as people read it: the same for every kind.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// As much of a summary as fits on a line or two; what an upstream writes has no end of its own.
const LONGEST_TEXT: usize = 400;

/// All that a page shows of a repository.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) packages: Vec<Package>,
    pub(crate) groups: Vec<Group>,
    pub(crate) advisories: Vec<Advisory>,
}

/// One package.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) architecture: String,
    pub(crate) version: String,
    pub(crate) size: u64,
    pub(crate) summary: String,
    /// Its file, below the repository.
    pub(crate) file: String,
}

/// What is installed together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) description: String,
}

/// What the upstream says of an update.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Advisory {
    pub(crate) issued: String,
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) severity: String,
    pub(crate) title: String,
}

/// What one state of a repository has that the one before had not.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Changes {
    pub(crate) added: Vec<Change>,
    pub(crate) removed: Vec<Change>,
    pub(crate) upgraded: Vec<Change>,
}

/// One package that came, went or changed; versions that stayed are not told.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    pub(crate) name: String,
    pub(crate) architecture: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Listing {
    /// Puts everything into its one order, the newest advisories first, and drops what is told twice.
    pub(crate) fn settled(mut self) -> Self {
        self.packages.sort_unstable();
        self.packages.dedup();
        self.groups.sort_unstable();
        self.groups.dedup();
        self.advisories.sort_unstable_by(|one, other| other.cmp(one));
        self.advisories.dedup();
        self
    }

    /// Compares with the state before, by names and architectures.
    pub(crate) fn changes_since(&self, before: &Self) -> Changes {
        let (old, new) = (versions(&before.packages), versions(&self.packages));
        let mut changes = Changes::default();
        let keys: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
        for key in keys {
            let none = BTreeSet::new();
            let (was, is) = (old.get(&key), new.get(&key));
            let told = |these: Option<&BTreeSet<&str>>, not: Option<&BTreeSet<&str>>| {
                let told = these.unwrap_or(&none).difference(not.unwrap_or(&none));
                told.copied().collect::<Vec<_>>().join(", ")
            };
            let (from, to) = (told(was, is), told(is, was));
            let change =
                Change { name: key.0.to_owned(), architecture: key.1.to_owned(), from, to };
            match (was, is) {
                (None, _) => changes.added.push(change),
                (_, None) => changes.removed.push(change),
                (Some(was), Some(is)) if was != is => changes.upgraded.push(change),
                _ => {}
            }
        }
        changes
    }
}

fn versions(packages: &[Package]) -> BTreeMap<(&str, &str), BTreeSet<&str>> {
    let mut versions: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for package in packages {
        let key = (package.name.as_str(), package.architecture.as_str());
        versions.entry(key).or_default().insert(package.version.as_str());
    }
    versions
}

/// Takes the first line of what an upstream wrote, as far as it fits.
pub(crate) fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> Package {
        Package {
            name: name.to_owned(),
            architecture: "noarch".to_owned(),
            version: version.to_owned(),
            size: 1,
            summary: String::new(),
            file: format!("{name}-{version}.rpm"),
        }
    }

    fn listing(packages: &[(&str, &str)]) -> Listing {
        let packages = packages.iter().map(|(name, version)| package(name, version)).collect();
        Listing { packages, ..Listing::default() }.settled()
    }

    #[test]
    fn tells_what_came_what_went_and_what_changed() {
        let before = listing(&[("gone", "1"), ("kept", "1"), ("kernel", "1"), ("kernel", "2")]);
        let after = listing(&[("come", "1"), ("kept", "1"), ("kernel", "2"), ("kernel", "3")]);
        let changes = after.changes_since(&before);
        let told = |changes: &[Change]| {
            changes
                .iter()
                .map(|it| format!("{} {}>{}", it.name, it.from, it.to))
                .collect::<Vec<_>>()
        };
        assert_eq!(told(&changes.added), ["come >1"]);
        assert_eq!(told(&changes.removed), ["gone 1>"]);
        assert_eq!(told(&changes.upgraded), ["kernel 1>3"]);
        assert_eq!(after.changes_since(&after), Changes::default());
    }

    #[test]
    fn a_summary_is_one_line_of_some_length() {
        assert_eq!(first_line("  one\ntwo"), "one");
        assert_eq!(first_line(&"é".repeat(500)).chars().count(), LONGEST_TEXT + 1);
    }
}
