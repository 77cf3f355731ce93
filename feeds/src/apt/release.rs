//! A suite's `Release` file: when it was made, until when it holds, and the digest of every index.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use super::deb822::{Paragraph, paragraphs};
use super::file::{Checksums, sha512};

/// What a `Release` file says.
#[derive(Clone, Debug)]
pub(super) struct Release {
    /// The name that does not change when the distribution ages.
    pub(super) codename: Option<String>,
    /// When it was made.
    pub(super) date: Timestamp,
    /// Until when it may be used.
    pub(super) valid_until: Option<Timestamp>,
    /// Whether indexes can be asked for by their digest.
    pub(super) by_hash: bool,
    /// Whether packages for all architectures stand in an index of their own only.
    pub(super) separate_all: bool,
    /// Whether its packages are installed only when asked for.
    pub(super) not_automatic: bool,
    /// The length and digest of each index, by its path below the suite.
    pub(super) indexes: BTreeMap<String, Index>,
}

/// The length and digest of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Index {
    /// Its length in bytes.
    pub(super) size: u64,
    /// Its digests.
    pub(super) checksums: Checksums,
}

/// A `Release` file lacks what a mirror must know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant tells what its fields are")]
pub enum Unreadable {
    /// It holds no paragraph.
    #[error("it is empty")]
    Empty,
    /// A date is missing or written in a way that nobody agreed on.
    #[error("its `{field}` is not a date: `{value}`")]
    Date { field: &'static str, value: String },
    /// It proves no index by a digest that cannot be forged.
    #[error("it lists no index by SHA256 or SHA512")]
    Weak,
    /// A line of a list is not digest, length and path.
    #[error("its {list} list has a line that is not a digest, a length and a path: `{line}`")]
    Line { list: &'static str, line: String },
    /// Two lists disagree about a file.
    #[error("its lists disagree about the length of `{0}`")]
    Length(String),
}

impl Release {
    /// Reads a `Release` file; one that lists its indexes by weak digests only proves none of them.
    pub(super) fn parse(text: &str) -> Result<Self, Unreadable> {
        let paragraph = paragraphs(text).next().ok_or(Unreadable::Empty)?;
        let get = |name: &str| paragraph.get(name);
        let date = parse_date("Date", get("Date").unwrap_or_default())?;
        let valid_until =
            get("Valid-Until").map(|value| parse_date("Valid-Until", value)).transpose()?;
        let lists_all =
            get("Architectures").is_some_and(|all| all.split_whitespace().any(|one| one == "all"));
        let merged = get("No-Support-for-Architecture-all") == Some("Packages");
        Ok(Self {
            codename: get("Codename").map(str::to_owned),
            date,
            valid_until,
            by_hash: get("Acquire-By-Hash") == Some("yes"),
            not_automatic: get("NotAutomatic") == Some("yes"),
            separate_all: lists_all && !merged,
            indexes: indexes(paragraph)?,
        })
    }

    /// Tells whether any index is proved.
    pub(super) fn proves(&self) -> bool {
        self.indexes.values().any(|index| index.checksums.prove())
    }
}

/// Joins the lists of digests by path.
fn indexes(paragraph: Paragraph<'_>) -> Result<BTreeMap<String, Index>, Unreadable> {
    let mut indexes = BTreeMap::new();
    for list in ["SHA256", "SHA512"] {
        for line in paragraph.get(list).unwrap_or_default().lines() {
            let wrong = || Unreadable::Line { list, line: line.trim().to_owned() };
            let Some((hex, size, path)) = parse_line(line) else {
                if line.trim().is_empty() {
                    continue;
                }
                return Err(wrong());
            };
            let index = indexes
                .entry(path.to_owned())
                .or_insert(Index { size, checksums: Checksums::default() });
            if index.size != size {
                return Err(Unreadable::Length(path.to_owned()));
            }
            let checksums = &mut index.checksums;
            match list {
                "SHA256" => checksums.sha256 = Some(hex.parse().map_err(|_| wrong())?),
                _ => checksums.sha512 = Some(sha512(hex).ok_or_else(wrong)?),
            }
        }
    }
    if !indexes.is_empty() {
        return Ok(indexes);
    }
    let weak = ["SHA1", "MD5Sum"].into_iter().filter_map(|list| paragraph.get(list));
    let lines = weak.flat_map(str::lines).filter_map(parse_line);
    let unproved = |(_, size, path): (&str, u64, &str)| {
        (path.to_owned(), Index { size, checksums: Checksums::default() })
    };
    Ok(lines.map(unproved).collect())
}

/// Reads digest, length and path; folders of flat repositories begin their paths with `./`.
fn parse_line(line: &str) -> Option<(&str, u64, &str)> {
    let mut words = line.split_whitespace();
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(hex), Some(size), Some(path), None) => {
            Some((hex, size.parse().ok()?, path.strip_prefix("./").unwrap_or(path)))
        }
        _ => None,
    }
}

/// When a `Release` file says that it was made.
pub(super) fn made(text: &str) -> Option<Timestamp> {
    parse_date("Date", paragraphs(text).next()?.get("Date")?).ok()
}

fn parse_date(field: &'static str, value: &str) -> Result<Timestamp, Unreadable> {
    // Debian writes "UTC", which the mail standard does not know; and nobody needs the weekday to be right.
    static PARSER: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);
    let standard = value.replace("UTC", "+0000").replace("GMT", "+0000");
    let wrong = |_| Unreadable::Date { field, value: value.to_owned() };
    PARSER.parse_timestamp(&standard).map_err(wrong)
}

/// Writes a time as `Release` files do.
pub(super) fn format_date(date: Timestamp) -> String {
    date.strftime("%a, %d %b %Y %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256;

    const HEAD: &str = "Codename: test\nDate: Sat, 11 Jul 2026 10:16:37 UTC\n";

    fn list() -> String {
        format!("SHA256:\n {} 12 main/binary-amd64/Packages.xz\n", Sha256([1; 32]))
    }

    #[test]
    fn dates_indexes_and_flags_are_read() {
        let text = format!(
            "{HEAD}Valid-Until: Sat, 18 Jul 2026 10:16:37 +0000\nAcquire-By-Hash: yes\nArchitectures: all amd64\n{}",
            list()
        );
        let release = Release::parse(&text).expect("readable");
        assert_eq!(format_date(release.date), "Sat, 11 Jul 2026 10:16:37 UTC");
        let until = release.valid_until.expect("a date");
        assert_eq!(until.as_second() - release.date.as_second(), 7 * 86_400);
        assert!(release.by_hash && release.separate_all);
        let index = release.indexes["main/binary-amd64/Packages.xz"];
        let checksums = Checksums { sha256: Some(Sha256([1; 32])), sha512: None };
        assert_eq!(index, Index { size: 12, checksums });

        let merged = text.clone() + "No-Support-for-Architecture-all: Packages\n";
        assert!(!Release::parse(&merged).expect("readable").separate_all);
    }

    #[test]
    fn what_cannot_be_trusted_is_refused() {
        let wrong = |text: String| Release::parse(&text).expect_err("unreadable");
        assert_eq!(wrong(String::new()), Unreadable::Empty);
        let line = Unreadable::Line { list: "SHA256", line: "xyz 1 a".into() };
        assert_eq!(wrong(format!("{HEAD}SHA256:\n xyz 1 a\n")), line);
        let other = format!(
            "{HEAD}{}SHA512:\n {} 13 main/binary-amd64/Packages.xz\n",
            list(),
            "a".repeat(128)
        );
        assert_eq!(wrong(other), Unreadable::Length("main/binary-amd64/Packages.xz".to_owned()));
        let no_date = Unreadable::Date { field: "Date", value: String::new() };
        assert_eq!(wrong(list()), no_date);
    }

    #[test]
    fn strong_digests_prove_and_weak_ones_do_not() {
        let read = |text: String| Release::parse(&text).expect("readable");
        let strong = read(format!("{HEAD}SHA512:\n {} 7 ./Packages\n", "a".repeat(128)));
        assert!(strong.proves() && strong.indexes["Packages"].checksums.sha512.is_some());
        let weak = read(format!("{HEAD}MD5Sum:\n {} 7 Packages\n", "a".repeat(32)));
        assert!(!weak.proves() && weak.indexes["Packages"].size == 7);
        assert!(!read(HEAD.to_owned()).proves());
    }

    proptest::proptest! {
        #[test]
        fn garbage_never_panics(text in "(Date: |SHA256:|SHA512:|MD5Sum:|[ \n]|[0-9a-f]{0,64}|\\PC){0,20}") {
            drop(Release::parse(&text));
            drop(Release::parse(&format!("{HEAD}{text}")));
        }
    }
}
