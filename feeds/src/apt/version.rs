//! Debian version numbers and their order: epoch, upstream part, revision; `~` sorts before everything, even the end.

use std::cmp::Ordering;

/// A version as it stands in an index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Version<'a>(pub(super) &'a str);

impl<'a> Version<'a> {
    /// Splits into epoch, upstream version and revision; what is missing counts as zero.
    fn parts(self) -> (&'a str, &'a str, &'a str) {
        let (epoch, rest) = self.0.split_once(':').unwrap_or(("0", self.0));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
        (epoch, upstream, revision)
    }
}

impl Ord for Version<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.0 == other.0 {
            return Ordering::Equal;
        }
        let (left, right) = (self.parts(), other.parts());
        compare(left.0, right.0)
            .then_with(|| compare(left.1, right.1))
            .then_with(|| compare(left.2, right.2))
    }
}

impl PartialOrd for Version<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version<'_> {}

/// Compares by turns a run of other characters and a run of digits, until something differs.
fn compare(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while !left.is_empty() || !right.is_empty() {
        let (text_left, rest_left) = run(left, |byte| !byte.is_ascii_digit());
        let (text_right, rest_right) = run(right, |byte| !byte.is_ascii_digit());
        let (digits_left, after_left) = run(rest_left, u8::is_ascii_digit);
        let (digits_right, after_right) = run(rest_right, u8::is_ascii_digit);
        let order = compare_text(text_left, text_right)
            .then_with(|| compare_digits(digits_left, digits_right));
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (after_left, after_right);
    }
    Ordering::Equal
}

fn run(bytes: &[u8], of: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| !of(byte)).unwrap_or(bytes.len());
    bytes.split_at(end)
}

fn compare_text(left: &[u8], right: &[u8]) -> Ordering {
    // The end of a run weighs 0: after `~`, before letters, which come before all else.
    let weigh = |byte: Option<&u8>| match byte {
        None => 0,
        Some(b'~') => -1,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    };
    (0..left.len().max(right.len()))
        .map(|at| weigh(left.get(at)).cmp(&weigh(right.get(at))))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Compares numbers of any length without computing them.
fn compare_digits(left: &[u8], right: &[u8]) -> Ordering {
    let (_, left) = run(left, |byte| *byte == b'0');
    let (_, right) = run(right, |byte| *byte == b'0');
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn order_is_debians() {
        // Each row is in strictly rising order.
        let rising: &[&[&str]] = &[
            &["1.0~~", "1.0~~a", "1.0~", "1.0", "1.0a", "1.0+b", "1.0.1", "1.1"],
            &["1.0~rc1-1", "1.0-1", "1.0-1+b1", "1.0-1.1", "1.0-2~bpo1", "1.0-2"],
            &["9", "10", "100", "1:0", "1:1", "2:0.1"],
            &["2.36-9", "2.36-9+deb12u9", "2.36-9+deb12u10", "2.37"],
            &["0.9", "1", "1-1", "1a"],
            &["1.2-3-4", "1.2-3-5"],
            &["20240101~", "20240101", "99999999999999999999999", "100000000000000000000000"],
        ];
        for row in rising {
            for (at, left) in row.iter().enumerate() {
                for right in &row[at + 1..] {
                    assert!(Version(left) < Version(right), "{left} < {right}");
                    assert!(Version(right) > Version(left), "{right} > {left}");
                }
            }
        }
    }

    #[test]
    fn different_spellings_of_one_version_are_equal() {
        for (left, right) in
            [("0:1.0", "1.0"), ("1.0-0", "1.0"), ("1.00", "1.0"), ("1.a01", "1.a1")]
        {
            assert_eq!(Version(left), Version(right));
        }
    }

    proptest! {
        #[test]
        fn order_is_total(a in "[0-9a-z.~+:-]{0,8}", b in "[0-9a-z.~+:-]{0,8}", c in "[0-9a-z.~+:-]{0,8}") {
            let (a, b, c) = (Version(&a), Version(&b), Version(&c));
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            if a <= b && b <= c {
                prop_assert!(a <= c);
            }
        }
    }
}
