//! Which packages of an index are taken: names by pattern, and of each name the newest versions.

use std::cmp::Ordering;
use std::num::NonZeroUsize;

use super::package::Package;
use crate::patterns::Patterns;

/// What is taken of the indexes; by default everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// How many versions of each name and architecture; all, if that is not told.
    pub newest: Option<NonZeroUsize>,
    /// Only names that match; all, if there is no pattern.
    pub include: Patterns,
    /// No names that match.
    pub exclude: Patterns,
}

impl Filter {
    /// Tells whether a name passes.
    pub(super) fn admits(&self, name: &str) -> bool {
        let included = self.include.is_empty() || self.include.match_name(name);
        included && !self.exclude.match_name(name)
    }

    /// Leaves of each name and architecture the newest versions, in the order of name and version, each once.
    pub(super) fn newest<'a>(&self, mut packages: Vec<Package<'a>>) -> Vec<Package<'a>> {
        // The sort is stable: of equal versions the one of the first suite stays first, and stays.
        packages.sort_by(|a, b| same_name(a, b).then_with(|| b.version.cmp(&a.version)));
        packages.dedup_by(|later, first| {
            same_name(later, first) == Ordering::Equal && later.version == first.version
        });
        if let Some(newest) = self.newest {
            let mut before: Option<(&str, &str)> = None;
            let mut seen = 0;
            packages.retain(|package| {
                let name = Some((package.name, package.architecture));
                seen = if before == name { seen + 1 } else { 1 };
                before = name;
                seen <= newest.get()
            });
        }
        packages
    }
}

fn same_name(a: &Package<'_>, b: &Package<'_>) -> Ordering {
    (a.name, a.architecture).cmp(&(b.name, b.architecture))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apt::deb822::paragraphs;
    use crate::apt::package::Origin;
    use crate::digest::Sha256;

    fn filtered(newest: usize, include: &[&str], exclude: &[&str], lines: &[&str]) -> Vec<String> {
        let one = |line: &&str| {
            let words: Vec<_> = line.split(' ').collect();
            let [name, version] = [words[0], words[1]];
            let architecture = words.get(2).unwrap_or(&"amd64");
            format!(
                "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nFilename: a\nSize: 1\nSHA256: {}",
                Sha256([0; 32])
            )
        };
        let text = lines.iter().map(one).collect::<Vec<_>>().join("\n\n");
        let patterns = |all: &[&str]| {
            let all: Vec<_> = all.iter().map(|one| (*one).to_owned()).collect();
            Patterns::new(&all).expect("patterns")
        };
        let newest = NonZeroUsize::new(newest);
        let filter = Filter { newest, include: patterns(include), exclude: patterns(exclude) };
        let read = paragraphs(&text)
            .map(|one| Package::read(one, Origin::default()).expect("complete"))
            .filter(|package| filter.admits(package.name));
        filter.newest(read.collect()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_newest_versions_of_each_name_and_architecture_stay() {
        let lines = ["a 1", "a 3", "a 2", "a 1 all", "b 1~rc1", "b 1", "a 3"];
        assert_eq!(filtered(1, &[], &[], &lines), ["a 1", "a 3", "b 1"]);
        assert_eq!(filtered(2, &[], &[], &lines), ["a 1", "a 3", "a 2", "b 1", "b 1~rc1"]);
    }

    #[test]
    fn names_pass_by_pattern() {
        let lines = ["linux-image 1", "linux-image-dbg 1", "vim 1", "libc6.1 1"];
        assert_eq!(
            filtered(0, &["linux-*", "lib*"], &["*-dbg"], &lines),
            ["libc6.1 1", "linux-image 1"]
        );
        assert_eq!(filtered(0, &[], &["linux-*"], &lines), ["libc6.1 1", "vim 1"]);
        assert_eq!(filtered(0, &[], &[], &lines).len(), 4);
    }
}
