//! `primary`, `filelists` and `other`, cut to the packages that are kept; what is kept stays byte for byte.

use std::collections::HashSet;
use std::io::{self, BufRead, Write};

use super::super::fragments::{Fragments, Tag};
use super::super::xml::Unreadable;

/// A document could not be cut.
#[derive(Debug)]
pub(in crate::yum) enum Uncut {
    /// It makes no sense.
    Read(Unreadable),
    /// The new one could not be written.
    Write(io::Error),
}

impl From<Unreadable> for Uncut {
    fn from(error: Unreadable) -> Self {
        Self::Read(error)
    }
}

impl From<io::Error> for Uncut {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

/// Cuts `primary.xml` to the packages at some places.
pub(super) fn cut_primary(
    input: impl BufRead,
    ordinals: &HashSet<usize>,
    output: &mut impl Write,
) -> Result<(), Uncut> {
    let mut next = 0;
    cut(input, ordinals.len(), output, |_| {
        next += 1;
        ordinals.contains(&(next - 1))
    })
}

/// Cuts a document whose packages carry what identifies them.
pub(super) fn cut_by_pkgid(
    input: impl BufRead,
    pkgids: &HashSet<Box<str>>,
    output: &mut impl Write,
) -> Result<(), Uncut> {
    let mut seen = HashSet::new();
    cut(input, pkgids.len(), output, |tag| {
        let kept = tag.attributes.get("pkgid").and_then(|pkgid| pkgids.get(pkgid.as_str()));
        kept.is_some_and(|pkgid| seen.insert(pkgid))
    })
}

fn cut(
    input: impl BufRead,
    count: usize,
    output: &mut impl Write,
    mut keep: impl FnMut(&Tag) -> bool,
) -> Result<(), Uncut> {
    let mut fragments = Fragments::open(input)?;
    write_head(fragments.root(), Some(count), output)?;
    while let Some(tag) = fragments.next()? {
        if tag.name != "package" || keep(&tag) {
            output.write_all(fragments.take()?.as_bytes())?;
            output.write_all(b"\n")?;
        }
    }
    write_tail(fragments.root(), output)?;
    Ok(())
}

/// Writes how a document begins; its root as it was, but for the number of packages.
pub(super) fn write_head(
    root: &Tag,
    count: Option<usize>,
    output: &mut impl Write,
) -> io::Result<()> {
    output.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<")?;
    let number = root.attributes.get("packages");
    let raw = root.raw.trim_end();
    match (number, count) {
        (Some(number), Some(count)) => {
            let new = format!("packages=\"{count}\"");
            let raw = raw.replacen(&format!("packages=\"{number}\""), &new, 1);
            let raw = raw.replacen(&format!("packages='{number}'"), &new, 1);
            output.write_all(raw.as_bytes())?;
        }
        _ => output.write_all(raw.as_bytes())?,
    }
    output.write_all(b">\n")
}

/// Writes how it ends.
pub(super) fn write_tail(root: &Tag, output: &mut impl Write) -> io::Result<()> {
    writeln!(output, "</{}>", root.full_name())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILELISTS: &str = "<?xml version='1.0'?><filelists xmlns=\"x\" packages=\"3\">\n<package pkgid=\"a\" name=\"A\"><file>/a &amp; b</file></package>\n\
        <package pkgid=\"b\"/><package pkgid=\"a\"><file>/again</file></package></filelists>";

    fn cut_to(text: &str, pkgids: &[&str]) -> String {
        let pkgids = pkgids.iter().map(|one| Box::from(*one)).collect();
        let mut output = Vec::new();
        cut_by_pkgid(text.as_bytes(), &pkgids, &mut output).expect("it is cut");
        String::from_utf8(output).expect("text")
    }

    #[test]
    fn keeps_what_is_asked_for_once_and_counts_it() {
        let cut = cut_to(FILELISTS, &["a"]);
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<filelists xmlns=\"x\" packages=\"1\">\n\
            <package pkgid=\"a\" name=\"A\"><file>/a &amp; b</file></package>\n</filelists>\n";
        assert_eq!(cut, expected);
        assert_eq!(cut_to(&cut, &["a"]), cut, "cutting again changes nothing");
        assert!(!cut_to(FILELISTS, &[]).contains("<package "));
    }

    #[test]
    fn keeps_places_of_primary() {
        let text = "<metadata packages='3'><package><name>a</name></package><package><name>b</name></package></metadata>";
        let mut output = Vec::new();
        cut_primary(text.as_bytes(), &HashSet::from([1]), &mut output).expect("it is cut");
        let cut = String::from_utf8(output).expect("text");
        assert!(
            cut.contains("packages=\"1\"") && cut.contains("<name>b<") && !cut.contains("<name>a<")
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_keeps_only_what_was_asked(
            text in "<l packages=\"2\">(<package pkgid=\"[ab]\">[x&;]{0,2}</package>|<package pkgid=\"b\"/>|<[ab]/>|</a>){0,8}(</l>)?"
        ) {
            let mut output = Vec::new();
            let pkgids = HashSet::from([Box::from("a")]);
            if cut_by_pkgid(text.as_bytes(), &pkgids, &mut output).is_ok() {
                let cut = String::from_utf8(output).expect("text");
                proptest::prop_assert!(!cut.contains("pkgid=\"b\""), "{}", cut);
                proptest::prop_assert!(cut.matches("pkgid=\"a\"").count() <= 1, "{}", cut);
            }
        }
    }
}
