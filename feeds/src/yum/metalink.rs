//! Metalinks: the mirrors of a repository by preference, and what their `repomd.xml` must be.

use std::cmp::Reverse;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use url::Url;

use super::mirrorlist::{MOST, askable};
use super::xml::{self, Unreadable};
use crate::digest::{Digest, Hasher, Sha256};

const FILE: &str = "repomd.xml";
/// What lies below the base of a mirror.
const BELOW: &str = "repodata/repomd.xml";
/// Deeper than any metalink goes.
const DEEPEST: usize = 32;

/// What a metalink tells of one repository.
#[derive(Debug)]
pub(super) struct Metalink {
    /// The bases of the mirrors, best first.
    pub(super) mirrors: Vec<Url>,
    /// The present `repomd.xml`, then those before it, which slow mirrors still have.
    versions: Vec<Version>,
}

/// One version of `repomd.xml`: its length and its strongest digest.
#[derive(Debug, Default)]
struct Version {
    size: Option<u64>,
    digest: Option<Strong>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strong {
    Sha256(Sha256),
    Other(Digest),
}

impl Strong {
    fn parse(algorithm: &str, hex: &str) -> Option<Self> {
        match algorithm {
            "sha256" => hex.parse().ok().map(Self::Sha256),
            _ => Digest::parse(algorithm, hex).filter(Digest::is_strong).map(Self::Other),
        }
    }

    /// Orders by the length of the digest.
    fn strength(&self) -> u8 {
        match self {
            Self::Sha256(_) | Self::Other(Digest::Sha1(_)) => 0,
            Self::Other(Digest::Sha384(_)) => 1,
            Self::Other(Digest::Sha512(_)) => 2,
        }
    }
}

impl Version {
    fn learn(&mut self, digest: Option<Strong>) {
        let strength = |digest: Option<Strong>| digest.map(|digest| digest.strength());
        if strength(digest) > strength(self.digest) {
            self.digest = digest;
        }
    }

    fn is(&self, bytes: &[u8]) -> bool {
        let other = match self.digest {
            Some(Strong::Other(other)) => Some(other),
            _ => None,
        };
        let mut hasher = Hasher::new(other.as_ref());
        hasher.update(bytes);
        let (sha256, found) = hasher.finish();
        let holds = match self.digest {
            Some(Strong::Sha256(wanted)) => wanted == sha256,
            Some(Strong::Other(wanted)) => found == Some(wanted),
            None => false,
        };
        holds && self.size.is_none_or(|size| size == bytes.len() as u64)
    }
}

impl Metalink {
    /// Tells whether a `repomd.xml` is one of those that the metalink lists.
    pub(super) fn vouches_for(&self, repomd: &[u8]) -> bool {
        self.versions.iter().any(|version| version.is(repomd))
    }
}

/// What is open while a metalink is read.
#[derive(Default)]
struct Reading {
    open: Vec<String>,
    /// Whether the file at hand is `repomd.xml`.
    ours: bool,
    present: Version,
    before: Vec<Version>,
    text: String,
    algorithm: String,
    preference: i64,
    mirrors: Vec<(i64, Url)>,
}

impl Reading {
    fn start(&mut self, start: &BytesStart<'_>, at: u64) -> Result<(), Unreadable> {
        let attribute = |name| xml::attribute(start, name, at);
        let name = start.local_name().as_ref().to_owned();
        match name.as_str() {
            "file" => self.ours = attribute("name")?.as_deref() == Some(FILE),
            "alternate" if self.ours => self.before.push(Version::default()),
            "hash" => self.algorithm = attribute("type")?.unwrap_or_default().into_owned(),
            "url" => {
                let preference = attribute("preference")?;
                self.preference = preference.and_then(|text| text.parse().ok()).unwrap_or(0);
            }
            _ => {}
        }
        self.open.push(name);
        self.text.clear();
        if self.open.len() > DEEPEST {
            return Err(Unreadable::Unexpected { at, what: "elements too deep in each other" });
        }
        Ok(())
    }

    fn end(&mut self, from: &Url) {
        let name = self.open.pop();
        let parent = self.open.last().map(String::as_str);
        if !self.ours {
            return;
        }
        let text = self.text.trim();
        let within_alternate = self.open.iter().any(|open| open == "alternate");
        let version = match self.before.last_mut() {
            Some(version) if within_alternate => version,
            _ => &mut self.present,
        };
        match (name.as_deref(), parent) {
            (Some("file"), _) => self.ours = false,
            (Some("size"), Some("file" | "alternate")) => version.size = text.parse().ok(),
            (Some("hash"), Some("verification")) => {
                version.learn(Strong::parse(&self.algorithm, text));
            }
            (Some("url"), Some("resources")) => {
                self.mirrors.extend(base(text, from).map(|base| (self.preference, base)));
            }
            _ => {}
        }
    }
}

/// Reads a metalink that came from an address.
pub(super) fn parse(text: &[u8], from: &Url) -> Result<Metalink, Unreadable> {
    let mut reader = Reader::from_reader(text);
    reader.config_mut().expand_empty_elements = true;
    let mut reading = Reading::default();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let at = reader.buffer_position();
        let unexpected = |what| Unreadable::Unexpected { at, what };
        let event = reader
            .read_event_into(&mut buffer)
            .map_err(|source| Unreadable::Xml { at, source: Box::new(source) })?;
        match event {
            Event::Start(start) => reading.start(&start, at)?,
            Event::Text(text) => reading.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                xml::resolve(&reference, at, &mut reading.text)?;
            }
            Event::End(_) => reading.end(from),
            Event::DocType(_) => return Err(unexpected("a document type")),
            Event::Eof if !reading.open.is_empty() => return Err(unexpected("its end too early")),
            Event::Eof => break,
            _ => {}
        }
    }
    finish(reading)
}

fn finish(reading: Reading) -> Result<Metalink, Unreadable> {
    let Reading { mut mirrors, present, before, .. } = reading;
    mirrors.sort_by_key(|(preference, _)| Reverse(*preference));
    let mut bases: Vec<Url> = Vec::new();
    for (_, base) in mirrors {
        if bases.len() < MOST && !bases.contains(&base) {
            bases.push(base);
        }
    }
    let all = std::iter::once(present).chain(before);
    let versions: Vec<_> = all.filter(|version| version.digest.is_some()).collect();
    if versions.is_empty() {
        return Err(Unreadable::Lacks { record: FILE.to_owned(), lacks: "sha256 or sha512" });
    }
    Ok(Metalink { mirrors: bases, versions })
}

/// The folder that `repodata/` lies in, of a mirror that can be asked.
fn base(text: &str, from: &Url) -> Option<Url> {
    let mut url = askable(text, from)?;
    let path = url.path().strip_suffix(BELOW)?.to_owned();
    path.ends_with('/').then(|| url.set_path(&path))?;
    Some(url)
}

#[cfg(test)]
mod tests;
