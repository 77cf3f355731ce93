//! Names by shell pattern: `*` and `?` within a part of a path, `**` over parts, `[…]` and `{a,b}`.

use std::fmt;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Patterns of which one has to match.
#[derive(Clone, Default)]
pub struct Patterns {
    /// As they are written.
    written: Vec<String>,
    set: GlobSet,
}

/// A pattern cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("`{pattern}` is not a pattern")]
pub struct NotPattern {
    /// The pattern.
    pub pattern: String,
    source: globset::Error,
}

impl Patterns {
    /// Reads patterns.
    pub fn new(written: &[String]) -> Result<Self, NotPattern> {
        let mut set = GlobSetBuilder::new();
        for pattern in written {
            let wrong = |source| NotPattern { pattern: pattern.clone(), source };
            set.add(GlobBuilder::new(pattern).literal_separator(true).build().map_err(wrong)?);
        }
        let all = || written.join(" ");
        let set = set.build().map_err(|source| NotPattern { pattern: all(), source })?;
        Ok(Self { written: written.to_vec(), set })
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    /// Tells whether one of them matches.
    pub fn match_name(&self, name: &str) -> bool {
        self.set.is_match(name)
    }
}

impl fmt::Debug for Patterns {
    /// Tells them as they are written, and nothing of how they are matched: trees are compared by it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stay_within_a_part_unless_doubled() {
        let matches = |pattern: &str, name: &str| {
            Patterns::new(&[pattern.to_owned()]).expect("a pattern").match_name(name)
        };
        assert!(matches("*.iso", "a.iso") && !matches("*.iso", "b/a.iso"));
        assert!(matches("**", "b/a.iso") && matches("**/*.iso", "a.iso"));
        assert!(matches("lib{a,b}[12]", "libb1") && !matches("lib?", "libab"));
        assert!(!Patterns::default().match_name("a"));
        let wrong = Patterns::new(&["a[".to_owned()]).expect_err("not closed");
        assert_eq!(wrong.to_string(), "`a[` is not a pattern");
    }
}
