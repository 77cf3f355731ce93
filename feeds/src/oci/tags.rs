//! Which tags of a repository are wanted: by pattern, by version, the newest few. Pure.

use semver::{Version, VersionReq};

use crate::patterns::Patterns;

/// What is wanted of a repository.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Tags by pattern; none lets all pass.
    pub tags: Patterns,
    /// Tags that are versions within a range.
    pub versions: Option<Versions>,
    /// How many of the newest versions.
    pub newest: Option<usize>,
}

/// A range of versions, such as `>=1.2, <2`.
#[derive(Clone, Debug)]
pub struct Versions(VersionReq);

impl std::str::FromStr for Versions {
    type Err = semver::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Choice {
    /// Whether a tag alone is named, without looking which there are.
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty() && self.versions.is_none() && self.newest.is_none()
    }

    /// The wanted ones of all tags: oldest first where versions are asked for, else in the order given.
    ///
    /// Tags that only accompany an image, as its signatures do, are none of them.
    pub fn among(&self, all: Vec<String>) -> Vec<String> {
        let named = |tag: &String| self.tags.is_empty() || self.tags.match_name(tag);
        let chosen = all.into_iter().filter(|tag| !accompanies(tag)).filter(named);
        if self.versions.is_none() && self.newest.is_none() {
            return chosen.collect();
        }
        let within = |version: &Version| match &self.versions {
            Some(Versions(range)) => range.matches(version),
            None => version.pre.is_empty(),
        };
        let mut versions: Vec<_> =
            chosen.filter_map(|tag| Some((version(&tag).filter(&within)?, tag))).collect();
        versions.sort();
        let newest = self.newest.unwrap_or(usize::MAX);
        let passed = versions.len().saturating_sub(newest);
        versions.into_iter().skip(passed).map(|(_, tag)| tag).collect()
    }
}

/// Reads a tag as a version: two numbers or three, a `v` before them, a variant behind them.
fn version(tag: &str) -> Option<Version> {
    let text = tag.strip_prefix('v').unwrap_or(tag);
    let (numbers, variant) = match text.find(['-', '+']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    match numbers.matches('.').count() {
        1 => format!("{numbers}.0{variant}").parse().ok(),
        2 => text.parse().ok(),
        _ => None,
    }
}

/// Whether a tag is one that signatures, attestations and referrers are kept under.
fn accompanies(tag: &str) -> bool {
    accompanied(tag).is_some()
}

/// The digest of what a tag accompanies, if it does.
pub(super) fn accompanied(tag: &str) -> Option<String> {
    let hex = tag.strip_prefix("sha256-")?.get(..64)?;
    hex.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| format!("sha256:{hex}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(patterns: &[&str], versions: &str, newest: Option<usize>) -> Vec<String> {
        let signature = format!("sha256-{}.sig", "a".repeat(64));
        let all = ["1.2", "1.10.0", "v1.9.1", "2.0.0", "1.10.0-alpine", "latest", "1", &signature];
        let patterns: Vec<_> = patterns.iter().map(|it| (*it).to_owned()).collect();
        let choice = Choice {
            tags: Patterns::new(&patterns).unwrap(),
            versions: (!versions.is_empty()).then(|| versions.parse().unwrap()),
            newest,
        };
        choice.among(all.map(str::to_owned).into())
    }

    #[test]
    fn tags_are_chosen_by_pattern_range_and_age() {
        assert_eq!(
            chosen(&["1.*", "latest"], "", None),
            ["1.2", "1.10.0", "1.10.0-alpine", "latest"]
        );
        assert_eq!(chosen(&[], ">=1.2, <2", None), ["1.2", "v1.9.1", "1.10.0"]);
        assert_eq!(chosen(&[], ">=1.2, <2", Some(1)), ["1.10.0"]);
        assert_eq!(chosen(&[], "", Some(2)), ["1.10.0", "2.0.0"]);
        assert_eq!(chosen(&["v*"], "", Some(5)), ["v1.9.1"]);
        assert_eq!(chosen(&[], "", None).len(), 7, "the signature is no image");
        assert_eq!(chosen(&[], "=9", None), Vec::<String>::new());
    }
}
