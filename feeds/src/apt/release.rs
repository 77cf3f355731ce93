//! A suite's `Release` file: when it was made, until when it holds, and the digest of every index.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use super::deb822::paragraphs;
use crate::digest::Sha256;

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
    /// Its digest.
    pub(super) sha256: Sha256,
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
    /// It proves no index by SHA256.
    #[error("it lists no index by SHA256")]
    NoSha256,
    /// A line of the list is not digest, length and path.
    #[error("its SHA256 list has a line that is not a digest, a length and a path: `{0}`")]
    Line(String),
}

impl Release {
    /// Reads a `Release` file.
    pub(super) fn parse(text: &str) -> Result<Self, Unreadable> {
        let paragraph = paragraphs(text).next().ok_or(Unreadable::Empty)?;
        let get = |name: &str| paragraph.get(name);
        let date = parse_date("Date", get("Date").unwrap_or_default())?;
        let valid_until =
            get("Valid-Until").map(|value| parse_date("Valid-Until", value)).transpose()?;
        let lines = get("SHA256").ok_or(Unreadable::NoSha256)?.lines();
        let indexes = lines.filter(|line| !line.trim().is_empty()).map(parse_line);
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
            indexes: indexes.collect::<Result<_, _>>()?,
        })
    }
}

fn parse_line(line: &str) -> Result<(String, Index), Unreadable> {
    let wrong = || Unreadable::Line(line.trim().to_owned());
    let mut words = line.split_whitespace();
    let (Some(sha256), Some(size), Some(path), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(wrong());
    };
    let sha256 = sha256.parse().map_err(|_| wrong())?;
    let size = size.parse().map_err(|_| wrong())?;
    Ok((path.to_owned(), Index { size, sha256 }))
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
        assert_eq!(index, Index { size: 12, sha256: Sha256([1; 32]) });

        let merged = text.clone() + "No-Support-for-Architecture-all: Packages\n";
        assert!(!Release::parse(&merged).expect("readable").separate_all);
    }

    #[test]
    fn what_cannot_be_trusted_is_refused() {
        let wrong = |text: String| Release::parse(&text).expect_err("unreadable");
        assert_eq!(wrong(String::new()), Unreadable::Empty);
        assert_eq!(wrong(HEAD.to_owned()), Unreadable::NoSha256);
        assert_eq!(wrong(format!("{HEAD}SHA256:\n xyz 1 a\n")), Unreadable::Line("xyz 1 a".into()));
        let no_date = Unreadable::Date { field: "Date", value: String::new() };
        assert_eq!(wrong(list()), no_date);
    }
}
