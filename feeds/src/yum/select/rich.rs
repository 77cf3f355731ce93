//! What a package asks for: a name, perhaps in a range of versions, or such relations combined.

use super::version::{Range, Sense};

/// No relation of a real package is nested so deep.
const DEEPEST: usize = 32;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Relation<'a> {
    /// A capability.
    Plain(Plain<'a>),
    /// All of them.
    And(Vec<Relation<'a>>),
    /// One of them at least.
    Or(Vec<Relation<'a>>),
    /// The first if the second is there; the third, if any, where it is not.
    If(Box<[Relation<'a>; 2]>, Option<Box<Relation<'a>>>),
    /// The first unless the second is there; then the third, if any.
    Unless(Box<[Relation<'a>; 2]>, Option<Box<Relation<'a>>>),
    /// One package that is all of them.
    With(Vec<Relation<'a>>),
    /// One package that is the first and not the second.
    Without(Box<[Relation<'a>; 2]>),
}

/// A capability in a range of versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plain<'a> {
    pub(super) name: &'a str,
    pub(super) range: Range<'a>,
}

impl<'a> Relation<'a> {
    /// Reads a relation as it stands in metadata; nothing if it makes no sense.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut rest = text.trim();
        let relation = one(&mut rest, 0)?;
        rest.trim().is_empty().then_some(relation)
    }

    /// Lists the names that it is made of.
    pub(super) fn names(&self, take: &mut impl FnMut(&'a str)) {
        match self {
            Self::Plain(plain) => take(plain.name),
            Self::And(all) | Self::Or(all) | Self::With(all) => {
                for one in all {
                    one.names(take);
                }
            }
            Self::Without(two) => {
                for one in two.iter() {
                    one.names(take);
                }
            }
            Self::If(two, third) | Self::Unless(two, third) => {
                for one in two.iter().chain(third.as_deref()) {
                    one.names(take);
                }
            }
        }
    }
}

fn one<'a>(rest: &mut &'a str, depth: usize) -> Option<Relation<'a>> {
    *rest = rest.trim_start();
    if depth > DEEPEST {
        return None;
    }
    match rest.strip_prefix('(') {
        Some(inside) => {
            *rest = inside;
            let relation = combined(rest, depth + 1)?;
            *rest = rest.trim_start().strip_prefix(')')?;
            Some(relation)
        }
        None => plain(rest).map(Relation::Plain),
    }
}

/// Reads what stands within parentheses.
fn combined<'a>(rest: &mut &'a str, depth: usize) -> Option<Relation<'a>> {
    let first = one(rest, depth)?;
    let Some(operator) = operator(rest) else { return Some(first) };
    let mut all = vec![first, one(rest, depth)?];
    match operator {
        "and" | "or" | "with" => {
            while let Some(next) = self::operator(rest) {
                // Different ones do not mix without parentheses.
                if next != operator {
                    return None;
                }
                all.push(one(rest, depth)?);
            }
            Some(match operator {
                "and" => Relation::And(all),
                "or" => Relation::Or(all),
                _ => Relation::With(all),
            })
        }
        "without" => Some(Relation::Without(pair(all)?)),
        "if" | "unless" => {
            let third = match self::operator(rest) {
                Some("else") => Some(Box::new(one(rest, depth)?)),
                Some(_) => return None,
                None => None,
            };
            let two = pair(all)?;
            Some(match operator {
                "if" => Relation::If(two, third),
                _ => Relation::Unless(two, third),
            })
        }
        _ => None,
    }
}

fn pair(all: Vec<Relation<'_>>) -> Option<Box<[Relation<'_>; 2]>> {
    <[Relation<'_>; 2]>::try_from(all).ok().map(Box::new)
}

/// Takes the next operator, if one comes before the parenthesis ends.
fn operator<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let text = rest.trim_start();
    if text.starts_with(')') {
        return None;
    }
    let end = text.find(|c: char| c.is_whitespace() || c == '(').unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    (!word.is_empty()).then(|| {
        *rest = after;
        word
    })
}

fn plain<'a>(rest: &mut &'a str) -> Option<Plain<'a>> {
    let name = word(rest)?;
    let mut after = *rest;
    let mut range = Range::default();
    if let Some(sense) = word(&mut after).and_then(Sense::parse) {
        range = Range { sense, evr: word(&mut after)? };
        *rest = after;
    }
    Some(Plain { name, range })
}

/// Takes the next word; parentheses within it, as in `libc.so.6()(64bit)`, belong to it as far as they are in pairs.
fn word<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let text = rest.trim_start();
    let mut open = 0_usize;
    let end = text.find(|c: char| {
        match c {
            '(' => open += 1,
            ')' if open == 0 => return true,
            ')' => open -= 1,
            _ => {}
        }
        c.is_whitespace()
    });
    let (word, after) = text.split_at(end.unwrap_or(text.len()));
    *rest = after;
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any(name: &str) -> Relation<'_> {
        Relation::Plain(Plain { name, range: Range::default() })
    }

    #[test]
    fn reads_plain_ones() {
        assert_eq!(Relation::parse("libc.so.6()(64bit)"), Some(any("libc.so.6()(64bit)")));
        assert_eq!(Relation::parse("/bin/sh"), Some(any("/bin/sh")));
        let Some(Relation::Plain(plain)) = Relation::parse("a(x) >= 1:2-3") else {
            panic!("it is plain")
        };
        assert_eq!((plain.name, plain.range.evr), ("a(x)", "1:2-3"));
        assert_eq!(plain.range.sense.sign(), ">=");
    }

    #[test]
    fn reads_combined_ones() {
        let or = Relation::Or(vec![any("a"), any("b"), any("c()(64bit)")]);
        assert_eq!(Relation::parse("(a or b or c()(64bit))"), Some(or.clone()));
        let conditional = Relation::If(Box::new([any("x"), or]), Some(Box::new(any("y"))));
        assert_eq!(Relation::parse("(x if (a or b or c()(64bit)) else y)"), Some(conditional));
        assert!(matches!(
            Relation::parse("((a >= 1 with a < 2) unless (b without c))"),
            Some(Relation::Unless(two, None))
                if matches!(&*two, [Relation::With(_), Relation::Without(_)])
        ));
        let mut names = Vec::new();
        let relation = Relation::parse("((a and b) if c else (d or /e))").expect("it is right");
        relation.names(&mut |name| names.push(name));
        assert_eq!(names, ["a", "b", "c", "d", "/e"]);
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for wrong in [
            "",
            "(",
            "()",
            "(a or)",
            "(a or b",
            "(a or b and c)",
            "(a nor b)",
            "(a if b if c)",
            "a b",
            &"(".repeat(10_000),
        ] {
            assert_eq!(Relation::parse(wrong), None, "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "([()]|[a-c]| |>=|or|and|if|else|with|unless|1:2){0,16}") {
            drop(Relation::parse(&text));
        }
    }
}
