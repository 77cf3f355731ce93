//! One package of an index: what selecting and fetching it needs, borrowed from the index.

use std::fmt;

use super::deb822::Paragraph;
use super::file::{Checksums, File, sha512};
use super::relation::{self, Relation};
use super::version::Version;
use crate::store::{NotRelative, RelPath};

/// A binary package as an index describes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Package<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Its version.
    pub(super) version: Version<'a>,
    /// `all`, or the architecture that it runs on.
    pub(super) architecture: &'a str,
    /// Where its file lies, below the repository's root.
    pub(super) filename: &'a str,
    /// The length of its file.
    pub(super) size: u64,
    /// The digests of its file.
    pub(super) checksums: Checksums,
    /// Which suite it comes from.
    pub(super) origin: Origin,
    /// How much a system needs it.
    pub(super) priority: Priority,
    /// Whether every system has it.
    pub(super) essential: bool,
    depends: &'a str,
    pre_depends: &'a str,
    recommends: &'a str,
    provides: &'a str,
    source: &'a str,
    description: &'a str,
    paragraph: Paragraph<'a>,
}

/// Which suite a package comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    /// The place of the suite among the surveyed ones.
    pub(super) suite: usize,
    /// Whether its packages are taken only where no others will do, as backports are.
    pub(super) reserve: bool,
    /// The place of its component among the made repository's.
    pub(super) component: usize,
    /// Whether packages that nothing proves are taken: the operator wrote that down.
    pub(super) unproved: bool,
}

/// How much a system needs a package; the most needed sorts first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Priority {
    /// Nothing works without it.
    Required,
    /// People expect it of any system.
    Important,
    /// A plain system has it.
    Standard,
    /// All others.
    #[default]
    Optional,
}

/// A field without which a package cannot be mirrored.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the package `{package}` has no usable `{field}`")]
pub struct Incomplete {
    package: String,
    field: &'static str,
}

impl<'a> Package<'a> {
    /// Reads a paragraph of an index that came with the given suite.
    pub(super) fn read(paragraph: Paragraph<'a>, origin: Origin) -> Result<Self, Incomplete> {
        let mut package = Self {
            name: "",
            version: Version(""),
            architecture: "",
            filename: "",
            size: 0,
            checksums: Checksums::default(),
            origin,
            priority: Priority::default(),
            essential: false,
            depends: "",
            pre_depends: "",
            recommends: "",
            provides: "",
            source: "",
            description: "",
            paragraph,
        };
        let mut size = None;
        for (field, value) in paragraph.fields() {
            match field {
                "Package" => package.name = value,
                "Version" => package.version = Version(value),
                "Architecture" => package.architecture = value,
                "Filename" => package.filename = value.strip_prefix("./").unwrap_or(value),
                "Size" => size = value.parse().ok(),
                "SHA256" => package.checksums.sha256 = value.parse().ok(),
                "SHA512" => package.checksums.sha512 = sha512(value),
                "Priority" => package.priority = Priority::read(value),
                "Essential" => package.essential = value == "yes",
                "Depends" => package.depends = value,
                "Pre-Depends" => package.pre_depends = value,
                "Recommends" => package.recommends = value,
                "Provides" => package.provides = value,
                "Source" => package.source = value,
                "Description-md5" => package.description = value,
                _ => {}
            }
        }
        let incomplete = |field| Incomplete { package: package.name.to_owned(), field };
        let wanted = [
            (package.name, "Package"),
            (package.version.0, "Version"),
            (package.architecture, "Architecture"),
            (package.filename, "Filename"),
        ];
        if let Some((_, field)) = wanted.into_iter().find(|(value, _)| value.is_empty()) {
            return Err(incomplete(field));
        }
        package.size = size.ok_or_else(|| incomplete("Size"))?;
        if !package.checksums.prove() && !origin.unproved {
            return Err(incomplete("SHA256"));
        }
        Ok(package)
    }

    /// What it needs before it can be unpacked and configured: each group wants one of its alternatives.
    pub(super) fn needs(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        groups(self.pre_depends).chain(groups(self.depends))
    }

    /// What it is better with.
    pub(super) fn recommends(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        groups(self.recommends)
    }

    /// What else it can be asked for as, with the version where it names one.
    pub(super) fn provides(
        &self,
    ) -> impl Iterator<Item = (&'a str, Option<Version<'a>>)> + use<'a> {
        let provided = relation::groups(self.provides).flatten();
        provided.map(|Relation { name, version }| (name, version.map(|(_, version)| version)))
    }

    /// The source that it was built from, by name and version.
    pub(super) fn source(&self) -> (&'a str, &'a str) {
        match self.source.split_once('(') {
            Some((name, version)) => (name.trim(), version.trim_end_matches(')').trim()),
            None if self.source.is_empty() => (self.name, self.version.0),
            None => (self.source, self.version.0),
        }
    }

    /// What its translated descriptions are called by; empty, if its description stands in the index.
    pub(super) fn description(&self) -> &'a str {
        self.description
    }

    /// Its file.
    pub(super) fn file(&self) -> Result<File, NotRelative> {
        let path = RelPath::new(self.filename)?;
        Ok(File { path, size: self.size, checksums: self.checksums })
    }

    /// Its paragraph as the upstream wrote it.
    pub(super) fn text(&self) -> &'a str {
        self.paragraph.text()
    }
}

fn groups(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|group| !group.is_empty())
}

impl fmt::Display for Package<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version.0)
    }
}

impl Priority {
    fn read(value: &str) -> Self {
        match value {
            "required" => Self::Required,
            "important" => Self::Important,
            "standard" => Self::Standard,
            _ => Self::Optional,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apt::deb822::paragraphs;
    use crate::digest::Sha256;

    fn read(text: &str) -> Result<Package<'_>, Incomplete> {
        Package::read(paragraphs(text).next().expect("text"), Origin::default())
    }

    #[test]
    fn a_package_without_what_a_mirror_needs_is_refused_by_field() {
        let full = format!(
            "Package: a\nVersion: 1\nArchitecture: all\nFilename: ./pool/a.deb\nSize: 3\nSHA256: {}\n",
            Sha256([7; 32])
        );
        let package = read(&full).expect("complete").filename;
        assert_eq!(package, "pool/a.deb");
        for field in ["Version", "Architecture", "Filename", "Size", "SHA256"] {
            let lines: Vec<_> = full.lines().filter(|l| !l.starts_with(field)).collect();
            let without = lines.join("\n");
            let wrong = read(&without).expect_err(field);
            assert_eq!(wrong, Incomplete { package: "a".to_owned(), field });
        }
    }

    #[test]
    fn the_source_is_named_with_its_own_version() {
        let source = |field: &str| {
            let text = format!(
                "Package: a\nVersion: 1+b1\n{field}Architecture: all\nFilename: a\nSize: 3\nSHA512: {}\n",
                "a".repeat(128)
            );
            let (name, version) = read(&text).expect("complete").source();
            format!("{name} {version}")
        };
        assert_eq!(source(""), "a 1+b1");
        assert_eq!(source("Source: b\n"), "b 1+b1");
        assert_eq!(source("Source: b (1)\n"), "b 1");
        assert_eq!(source("Source: b (\n"), "b ");
    }
}
