//! Versions of RPM and ranges of them, compared as rpm and its solver do.

use std::cmp::Ordering;

use rpm_version::Evr;

/// On which sides of a version a range lies; on none for every version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Sense(u8);

impl Sense {
    const LESS: u8 = 1;
    const EQUAL: u8 = 2;
    const GREATER: u8 = 4;
    /// Every version.
    pub(super) const ANY: Self = Self(0);
    /// One version.
    pub(super) const EQUALS: Self = Self(Self::EQUAL);

    /// Reads it as metadata writes it (`GE`) or as people do (`>=`).
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(Self(match text {
            "EQ" | "=" | "==" => Self::EQUAL,
            "LT" | "<" => Self::LESS,
            "GT" | ">" => Self::GREATER,
            "LE" | "<=" | "=<" => Self::LESS | Self::EQUAL,
            "GE" | ">=" | "=>" => Self::GREATER | Self::EQUAL,
            _ => return None,
        }))
    }

    pub(super) fn sign(self) -> &'static str {
        match self.0 {
            Self::LESS => "<",
            Self::EQUAL => "=",
            Self::GREATER => ">",
            3 => "<=",
            6 => ">=",
            _ => "",
        }
    }

    fn has(self, side: u8) -> bool {
        self.0 & side != 0
    }
}

/// A range of versions: all on the sides `sense` of `evr`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Range<'a> {
    pub(super) sense: Sense,
    pub(super) evr: &'a str,
}

impl Range<'_> {
    /// Tells whether what is provided in this range satisfies what is wanted in another.
    ///
    /// As for the solver of dnf, what is provided without a version satisfies no range.
    pub(super) fn satisfies(self, wanted: Range<'_>) -> bool {
        if wanted.sense == Sense::ANY {
            return true;
        }
        if self.sense == Sense::ANY {
            return false;
        }
        let (has, wants) = (self.sense, wanted.sense);
        match compare(self.evr, wanted.evr) {
            Ordering::Less => has.has(Sense::GREATER) || wants.has(Sense::LESS),
            Ordering::Greater => has.has(Sense::LESS) || wants.has(Sense::GREATER),
            Ordering::Equal => has.0 & wants.0 != 0,
        }
    }
}

/// Compares two of `[epoch:]version[-release]`; a release that one of them does not name does not count.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let (one, other) = (Evr::parse_values(one), Evr::parse_values(other));
    if one.2.is_empty() || other.2.is_empty() {
        Evr::new(one.0, one.1, "").cmp(&Evr::new(other.0, other.1, ""))
    } else {
        Evr::from(one).cmp(&Evr::from(other))
    }
}

/// Writes a version with its epoch where that is not zero.
pub(super) fn evr(epoch: &str, version: &str, release: &str) -> String {
    let epoch = if matches!(epoch, "" | "0") { String::new() } else { format!("{epoch}:") };
    let release = if release.is_empty() { String::new() } else { format!("-{release}") };
    format!("{epoch}{version}{release}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range<'a>(sign: &str, evr: &'a str) -> Range<'a> {
        Range { sense: Sense::parse(sign).unwrap_or_default(), evr }
    }

    #[test]
    fn compares_as_rpm_does() {
        for (less, more) in
            [("1.0~rc1-1", "1.0-1"), ("1.0-1", "1.0^git1-1"), ("1.9", "1.10"), ("9", "1:1")]
        {
            assert_eq!(compare(less, more), Ordering::Less, "{less} {more}");
            assert_eq!(compare(more, less), Ordering::Greater, "{more} {less}");
        }
        assert_eq!(compare("0:1.0-1", "1.0"), Ordering::Equal, "no release is any release");
    }

    #[test]
    fn ranges_meet_or_do_not() {
        let cases = [
            ("=", "2.0-1", ">=", "2.0", true),
            ("=", "2.0-1", ">", "2.0-1", false),
            ("=", "2.0-1", "<", "2.0-2", true),
            ("=", "2.0-1", "=", "2.0-2", false),
            (">=", "3", "<", "2", false),
            ("<=", "3", "<", "2", true),
            ("", "", ">=", "1", false),
            ("=", "1", "", "", true),
            ("<", "1:1", "=", "5", true),
        ];
        for (has, provided, wants, wanted, expected) in cases {
            let satisfies = range(has, provided).satisfies(range(wants, wanted));
            assert_eq!(satisfies, expected, "{has} {provided} for {wants} {wanted}");
        }
    }
}
