//! What one package says about others: `Depends`, `Pre-Depends`, `Recommends`, `Provides`.

use std::fmt;

use super::version::Version;

/// How a version must stand to the one named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// `<<`
    Earlier,
    /// `<=`
    AtMost,
    /// `=`
    Exactly,
    /// `>=`
    AtLeast,
    /// `>>`
    Later,
}

/// One package by name, with the versions that will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Relation<'a> {
    /// The package, without an architecture qualifier.
    pub(super) name: &'a str,
    /// Which versions will do; all, if there is none.
    pub(super) version: Option<(Comparison, Version<'a>)>,
}

/// Reads `a (>= 1) | b:any, c` as groups of alternatives, of which each group wants one.
pub(super) fn groups(value: &str) -> impl Iterator<Item = impl Iterator<Item = Relation<'_>>> {
    value.split(',').filter(|group| !group.trim().is_empty()).map(alternatives)
}

/// Reads `a (>= 1) | b` as alternatives.
pub(super) fn alternatives(group: &str) -> impl Iterator<Item = Relation<'_>> {
    group.split('|').filter_map(Relation::parse)
}

impl<'a> Relation<'a> {
    /// Reads one relation; architecture and profile restrictions belong to sources and are passed over.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let end = text.find([' ', '\t', '\n', '(', '[', '<']).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let name = name.split(':').next().filter(|name| !name.is_empty())?;
        let version = rest
            .trim_start()
            .strip_prefix('(')
            .and_then(|inner| inner.split_once(')'))
            .and_then(|(inner, _)| constraint(inner.trim()));
        Some(Self { name, version })
    }

    /// Tells whether this version of the package will do.
    pub(super) fn admits(&self, version: Version<'_>) -> bool {
        let Some((comparison, wanted)) = self.version else {
            return true;
        };
        match comparison {
            Comparison::Earlier => version < wanted,
            Comparison::AtMost => version <= wanted,
            Comparison::Exactly => version == wanted,
            Comparison::AtLeast => version >= wanted,
            Comparison::Later => version > wanted,
        }
    }

    /// Tells whether a `Provides` of this name will do: one without a version satisfies no constraint.
    pub(super) fn admits_provided(&self, provided: Option<Version<'_>>) -> bool {
        match provided {
            Some(version) => self.admits(version),
            None => self.version.is_none(),
        }
    }
}

fn constraint(text: &str) -> Option<(Comparison, Version<'_>)> {
    let end = text.find(|c: char| !"<>=".contains(c))?;
    let (operator, version) = text.split_at(end);
    let comparison = match operator {
        "<<" => Comparison::Earlier,
        // A single sign is an old spelling of "or equal".
        "<=" | "<" => Comparison::AtMost,
        "=" => Comparison::Exactly,
        ">=" | ">" => Comparison::AtLeast,
        ">>" => Comparison::Later,
        _ => return None,
    };
    Some((comparison, Version(version.trim())))
}

impl fmt::Display for Relation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        let Some((comparison, version)) = self.version else {
            return Ok(());
        };
        let operator = match comparison {
            Comparison::Earlier => "<<",
            Comparison::AtMost => "<=",
            Comparison::Exactly => "=",
            Comparison::AtLeast => ">=",
            Comparison::Later => ">>",
        };
        write!(f, " ({operator} {})", version.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_alternatives_are_read() {
        let value =
            "libc6 (>= 2.34), python3:any | python3-minimal (<< 4~) ,\n a(=1), , b [amd64] <!x>";
        let read: Vec<Vec<String>> =
            groups(value).map(|group| group.map(|one| one.to_string()).collect()).collect();
        let wanted: Vec<Vec<&str>> = vec![
            vec!["libc6 (>= 2.34)"],
            vec!["python3", "python3-minimal (<< 4~)"],
            vec!["a (= 1)"],
            vec!["b"],
        ];
        assert_eq!(read, wanted);
    }

    #[test]
    fn constraints_hold_as_debian_says() {
        let admits = |relation: &str, version: &str| {
            Relation::parse(relation).expect("a relation").admits(Version(version))
        };
        assert!(admits("a", "1"));
        assert!(admits("a (>= 1.0)", "1.0") && !admits("a (>= 1.0)", "1.0~rc1"));
        assert!(admits("a (<< 2)", "2~") && !admits("a (<< 2)", "2"));
        assert!(admits("a (= 1:2-3)", "1:2-3") && !admits("a (= 1:2-3)", "2-3"));
        assert!(admits("a (>> 1)", "1.1") && !admits("a (>> 1)", "1"));
        assert!(admits("a (<= 1)", "1") && admits("a (< 1)", "1"));
    }

    #[test]
    fn an_unversioned_provides_satisfies_no_constraint() {
        let versioned = Relation::parse("mta (>= 2)").expect("a relation");
        assert!(!versioned.admits_provided(None));
        assert!(versioned.admits_provided(Some(Version("2"))));
        assert!(Relation::parse("mta").expect("a relation").admits_provided(None));
    }
}
