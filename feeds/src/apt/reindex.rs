//! New indexes over selected packages, signed by the site: the same bytes for the same input.
//!
//! Indexes go into the store while they are written, each once plain and once by compression; none is held in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use jiff::Timestamp;

use super::release::format_date;
use super::source::Signing;
use crate::compression::{gzipped, xzipped};
use crate::store::{self, Object, RelPath, Store};
use crate::trust;

/// Where clients find the site's public key, below the repository's root.
const KEYRING: &str = "booddies-archive-keyring";

/// What the made repository is called.
#[derive(Clone, Debug)]
pub(super) struct Title<'a> {
    /// Its name at this site.
    pub(super) name: &'a str,
    /// The one suite that it has.
    pub(super) suite: &'a str,
    /// As of when it is: its newest upstream.
    pub(super) date: Timestamp,
}

/// An index could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("it has an unsafe name")]
    Path(#[from] store::NotRelative),
    #[error("the store did not take it")]
    Keep(#[from] store::Error),
    #[error("it cannot be signed")]
    Sign(#[from] trust::Error),
}

/// A repository in the making.
pub(super) struct Reindex<'a> {
    title: Title<'a>,
    store: &'a Store,
    components: BTreeSet<String>,
    architectures: BTreeSet<String>,
    /// By their path below the suite.
    indexes: BTreeMap<String, Object>,
}

impl<'a> Reindex<'a> {
    /// Begins with nothing.
    pub(super) fn new(title: Title<'a>, store: &'a Store) -> Self {
        let (components, architectures) = (BTreeSet::new(), BTreeSet::new());
        Self { title, store, components, architectures, indexes: BTreeMap::new() }
    }

    /// Lists packages, as their paragraphs.
    pub(super) fn packages(
        &mut self,
        component: &str,
        architecture: &str,
        paragraphs: &[&str],
    ) -> Result<(), Failure> {
        self.architectures.insert(architecture.to_owned());
        self.components.insert(component.to_owned());
        self.binary(component, architecture, paragraphs)
    }

    /// Lists the parts that Debian's installer is made of.
    pub(super) fn udebs(
        &mut self,
        component: &str,
        architecture: &str,
        paragraphs: &[&str],
    ) -> Result<(), Failure> {
        self.binary(&format!("{component}/debian-installer"), architecture, paragraphs)
    }

    fn binary(
        &mut self,
        component: &str,
        architecture: &str,
        paragraphs: &[&str],
    ) -> Result<(), Failure> {
        let folder = format!("{component}/binary-{architecture}");
        self.index(&format!("{folder}/Packages"), paragraphs, true)?;
        let described = self.describe(component, architecture);
        self.insert(format!("{folder}/Release"), described.as_bytes())
    }

    /// Lists sources, as their paragraphs.
    pub(super) fn sources(&mut self, component: &str, paragraphs: &[&str]) -> Result<(), Failure> {
        self.components.insert(component.to_owned());
        self.index(&format!("{component}/source/Sources"), paragraphs, true)?;
        let described = self.describe(component, "source");
        self.insert(format!("{component}/source/Release"), described.as_bytes())
    }

    /// Lists translated descriptions, as their paragraphs.
    pub(super) fn translation(
        &mut self,
        component: &str,
        language: &str,
        paragraphs: &[&str],
    ) -> Result<(), Failure> {
        self.index(&format!("{component}/i18n/Translation-{language}"), paragraphs, false)
    }

    /// Writes an index in every compression. The last paragraph needs its empty line, or debootstrap drops it.
    fn index(&mut self, path: &str, paragraphs: &[&str], plain: bool) -> Result<(), Failure> {
        let text = || Text {
            parts: paragraphs.iter().flat_map(|paragraph| [*paragraph, "\n\n"]),
            rest: b"",
        };
        self.insert(format!("{path}.xz"), xzipped(text()))?;
        if plain {
            self.insert(format!("{path}.gz"), gzipped(text()))?;
            self.insert(path.to_owned(), text())?;
        }
        Ok(())
    }

    fn insert(&mut self, path: String, reader: impl Read) -> Result<(), Failure> {
        self.indexes.insert(path, self.store.insert_reader(reader)?);
        Ok(())
    }

    /// Writes the `Release` file that stands beside an index.
    fn describe(&self, component: &str, architecture: &str) -> String {
        let Title { name, suite, .. } = &self.title;
        format!(
            "Archive: {suite}\nOrigin: booddies\nLabel: {name}\nComponent: {component}\nArchitecture: {architecture}\n"
        )
    }

    /// Signs what was listed, and returns all files but the packages by their place below the repository's root.
    pub(super) fn finish(self, signing: &Signing) -> Result<BTreeMap<RelPath, Object>, Failure> {
        let release = self.release(signing);
        let made = u64::try_from(self.title.date.as_second()).unwrap_or(0);
        let key = &signing.site_key;
        let proofs = [
            ("InRelease", key.sign_cleartext(&release, made)?),
            ("Release.gpg", key.sign_detached_armored(release.as_bytes(), made)?),
            ("Release", release),
        ];
        let dists = format!("dists/{}", self.title.suite);
        let mut files = BTreeMap::new();
        for (name, text) in proofs {
            let object = self.store.insert_bytes(text.as_bytes())?;
            files.insert(RelPath::new(format!("{dists}/{name}"))?, object);
        }
        for (path, object) in self.indexes {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let hashed = format!("{dists}/{folder}/by-hash/SHA256/{}", object.sha256);
            files.insert(RelPath::new(hashed)?, object);
            files.insert(RelPath::new(format!("{dists}/{path}"))?, object);
        }
        let binary = self.store.insert_bytes(&key.public_key_binary()?)?;
        files.insert(RelPath::new(format!("{KEYRING}.gpg"))?, binary);
        let armored = self.store.insert_bytes(key.public_key_armored()?.as_bytes())?;
        files.insert(RelPath::new(format!("{KEYRING}.asc"))?, armored);
        Ok(files)
    }

    fn release(&self, signing: &Signing) -> String {
        let Title { name, suite, date } = &self.title;
        // A time beyond what calendars know is as good as for ever.
        let until = signing.valid_for.and_then(|duration| date.checked_add(duration).ok());
        let until = until.map(|until| format!("Valid-Until: {}\n", format_date(until)));
        let joined = |words: &BTreeSet<String>| words.iter().cloned().collect::<Vec<_>>().join(" ");
        let head = format!(
            "Origin: booddies\nLabel: {name}\nSuite: {suite}\nCodename: {suite}\nDate: {}\n{}Acquire-By-Hash: yes\nNo-Support-for-Architecture-all: Packages\nArchitectures: {}\nComponents: {}\nDescription: Packages selected for this site\nSHA256:\n",
            format_date(*date),
            until.unwrap_or_default(),
            joined(&self.architectures),
            joined(&self.components),
        );
        let line = |(path, object): (&String, &Object)| {
            format!(" {} {} {path}\n", object.sha256, object.size)
        };
        head + &self.indexes.iter().map(line).collect::<String>()
    }
}

/// Pieces of text, read one after the other.
struct Text<'t, I> {
    parts: I,
    rest: &'t [u8],
}

impl<'t, I: Iterator<Item = &'t str>> Read for Text<'t, I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            if self.rest.is_empty() {
                match self.parts.next() {
                    Some(part) => self.rest = part.as_bytes(),
                    None => break,
                }
            }
            filled += self.rest.read(&mut buffer[filled..])?;
        }
        Ok(filled)
    }
}

#[cfg(test)]
pub(super) mod tests;
