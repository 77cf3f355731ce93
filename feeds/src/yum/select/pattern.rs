//! Patterns that name packages: by name, by name and architecture, or by everything.

use crate::patterns::Patterns;

/// Tells whether one of the patterns fits the name, or the name with what follows it.
pub(super) fn fit(patterns: &Patterns, name: &str, evr: &str, architecture: &str) -> bool {
    if patterns.is_empty() {
        return false;
    }
    let without_epoch = evr.split_once(':').map_or(evr, |(_, rest)| rest);
    patterns.match_name(name)
        || patterns.match_name(&format!("{name}.{architecture}"))
        || patterns.match_name(&format!("{name}-{without_epoch}.{architecture}"))
        || patterns.match_name(&format!("{name}-{evr}.{architecture}"))
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
            fit(&patterns, "kernel-core", "1:5.14-2.el9", "x86_64")
        };
        for right in
            ["kernel*", "kernel-core", "*.x86_64", "kernel-core-5.14-*", "kernel-core-1:5*"]
        {
            assert!(fits(right), "{right}");
        }
        for wrong in ["kernel", "*-debuginfo", "*.aarch64", "core"] {
            assert!(!fits(wrong), "{wrong}");
        }
        assert!(!fit(&Patterns::default(), "a", "1", "noarch"));
    }
}
