//! Patterns that name packages: by name, by name and architecture, or by everything.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Patterns of which one at least must fit.
#[derive(Clone, Debug)]
pub(super) struct Patterns {
    set: GlobSet,
}

impl Patterns {
    /// Reads patterns with `*`, `?`, `[…]` and `{…,…}`.
    pub(super) fn new(patterns: &[String]) -> Result<Self, globset::Error> {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            set.add(GlobBuilder::new(pattern).build()?);
        }
        Ok(Self { set: set.build()? })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Tells whether one fits the name, or the name with what follows it.
    pub(super) fn fit(&self, name: &str, evr: &str, architecture: &str) -> bool {
        if self.is_empty() {
            return false;
        }
        let without_epoch = evr.split_once(':').map_or(evr, |(_, rest)| rest);
        self.set.is_match(name)
            || self.set.is_match(format!("{name}.{architecture}"))
            || self.set.is_match(format!("{name}-{without_epoch}.{architecture}"))
            || self.set.is_match(format!("{name}-{evr}.{architecture}"))
    }
}

/// Tells what is wrong with a pattern, if anything is.
pub fn pattern_mistake(pattern: &str) -> Option<String> {
    GlobBuilder::new(pattern).build().err().map(|error| error.kind().to_string())
}

/// Tells whether a text is a pattern rather than a name.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_names_and_all_that_follows() {
        let fits = |pattern: &str| {
            let patterns = Patterns::new(&[pattern.to_owned()]).expect("a pattern");
            patterns.fit("kernel-core", "1:5.14-2.el9", "x86_64")
        };
        for right in
            ["kernel*", "kernel-core", "*.x86_64", "kernel-core-5.14-*", "kernel-core-1:5*"]
        {
            assert!(fits(right), "{right}");
        }
        for wrong in ["kernel", "*-debuginfo", "*.aarch64", "core"] {
            assert!(!fits(wrong), "{wrong}");
        }
        assert!(!Patterns::new(&[]).expect("no pattern").fit("a", "1", "noarch"));
    }
}
