//! A new `repomd.xml` over new metadata: dated by what it was made from, so that it is the same every time.

use super::super::fragments::Fragments;
use super::super::xml::Unreadable;
use super::Made;
use super::element::Element;

/// What the upstream's `repomd.xml` says, piece by piece.
#[derive(Debug, Default)]
pub(super) struct Upstream {
    revision: String,
    tags: Option<String>,
    data: Vec<Data>,
}

/// What it says of one file.
#[derive(Debug)]
pub(super) struct Data {
    /// The type of the file.
    pub(super) kind: String,
    timestamp: String,
    text: String,
}

/// One line of the new one.
#[derive(Debug)]
pub(super) enum Line<'a> {
    /// A file that we made, of a type and with a name.
    Made { kind: &'a str, path: &'a str, timestamp: &'a str, made: &'a Made },
    /// A file of the upstream.
    Kept(&'a str),
}

impl Upstream {
    /// Begins one over what no upstream has, as of a time in seconds since 1970.
    pub(super) fn dated(built: u64) -> Self {
        Self { revision: built.to_string(), ..Self::default() }
    }

    pub(super) fn read(text: &[u8]) -> Result<Self, Unreadable> {
        let mut fragments = Fragments::open(text)?;
        let mut all = Self::default();
        while let Some(tag) = fragments.next()? {
            match tag.name.as_str() {
                "revision" => all.revision = Element::parse(fragments.text()?)?.text(),
                "tags" => all.tags = Some(fragments.take()?),
                "data" => {
                    let text = fragments.take()?;
                    let timestamp = Element::parse(&text)?.child("timestamp").map(Element::text);
                    let timestamp = timestamp.unwrap_or_default();
                    let kind = tag.attributes.get("type").cloned().unwrap_or_default();
                    all.data.push(Data { kind, timestamp, text });
                }
                _ => {}
            }
        }
        Ok(all)
    }

    pub(super) fn data(&self) -> &[Data] {
        &self.data
    }

    /// As of when it is, in seconds since 1970.
    pub(super) fn made(&self) -> u64 {
        let times = self.data.iter().map(|data| data.timestamp.as_str());
        let times = times.chain([self.revision.as_str()]);
        times.filter_map(|time| time.split('.').next()?.parse().ok()).max().unwrap_or(0)
    }

    /// Writes a new one.
    pub(super) fn write(&self, lines: &[Line<'_>]) -> String {
        let revision = if self.revision.is_empty() { "0" } else { &self.revision };
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <repomd xmlns=\"http://linux.duke.edu/metadata/repo\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\">\n  \
             <revision>{revision}</revision>\n"
        );
        if let Some(tags) = &self.tags {
            text.extend(["  ", tags, "\n"]);
        }
        for line in lines {
            match line {
                Line::Kept(data) => text.extend(["  ", data, "\n"]),
                Line::Made { kind, path, timestamp, made } => {
                    let Made { object, open_sha256, open_size } = made;
                    let timestamp = if timestamp.is_empty() { "0" } else { timestamp };
                    let data = format!(
                        "  <data type=\"{kind}\">\n    <checksum type=\"sha256\">{}</checksum>\n    \
                         <open-checksum type=\"sha256\">{open_sha256}</open-checksum>\n    \
                         <location href=\"{path}\"/>\n    <timestamp>{timestamp}</timestamp>\n    \
                         <size>{}</size>\n    <open-size>{open_size}</open-size>\n  </data>\n",
                        object.sha256, object.size
                    );
                    text.push_str(&data);
                }
            }
        }
        text + "</repomd>\n"
    }
}

impl Data {
    /// As of when the file is.
    pub(super) fn timestamp(&self) -> &str {
        &self.timestamp
    }

    /// What is said of it, as it is written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}
