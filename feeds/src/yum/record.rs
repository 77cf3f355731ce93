//! Records of repository metadata, streamed: `repomd.xml` lists `data`, `primary.xml` lists `package`, both alike.
//!
//! A document type is refused: nothing can grow while it is read.

use std::collections::BTreeMap;
use std::io::Read;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::fragments::Fragments;
use super::xml::{Unreadable, attributes, resolve};
use crate::digest::{Digest, Sha256};
use crate::store::RelPath;

/// One element below a record.
#[derive(Debug, Default)]
pub(super) struct Field {
    pub(super) text: String,
    pub(super) attributes: BTreeMap<String, String>,
}

/// One record: its own attributes and the fields asked for, the first of each name.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) fields: BTreeMap<String, Field>,
}

/// Where a file lies in its repository, and what must hold for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) path: RelPath,
    pub(super) size: Option<u64>,
    pub(super) sha256: Option<Sha256>,
    pub(super) other: Option<Digest>,
}

impl Record {
    pub(super) fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field).map(|field| field.text.trim())
    }

    /// Reads location and checksum; `weak` takes digests that can be forged.
    pub(super) fn listed(&self, size: Option<u64>, weak: bool) -> Result<Listed, Unreadable> {
        let location = self.fields.get("location").map(|field| &field.attributes);
        let checksum = self.fields.get("checksum");
        let attribute = |field: Option<&BTreeMap<String, String>>, name| {
            field.and_then(|attributes| attributes.get(name)).cloned()
        };
        let stated = Stated {
            href: attribute(location, "href"),
            elsewhere: location.is_some_and(|location| location.contains_key(BASE)),
            algorithm: attribute(checksum.map(|field| &field.attributes), "type"),
            digest: checksum.map_or_else(String::new, |field| field.text.clone()),
            size,
        };
        stated.listed(self.attributes.get("type").map_or("", String::as_str), weak)
    }
}

/// The attribute by which a record lies on another server.
pub(super) const BASE: &str = "xml:base";

/// What a record states of its file, as it was written.
#[derive(Debug, Default)]
pub(super) struct Stated {
    pub(super) href: Option<String>,
    pub(super) elsewhere: bool,
    pub(super) algorithm: Option<String>,
    pub(super) digest: String,
    pub(super) size: Option<u64>,
}

impl Stated {
    /// Checks it; `record` names what has no location, and `weak` takes digests that can be forged.
    pub(super) fn listed(self, record: &str, weak: bool) -> Result<Listed, Unreadable> {
        let Self { href, elsewhere, algorithm, digest, size } = self;
        let lacking = |record: &str, lacks| Unreadable::Lacks { record: record.to_owned(), lacks };
        let href = href.ok_or_else(|| lacking(record, "location"))?;
        if elsewhere {
            return Err(Unreadable::Elsewhere { record: href });
        }
        let decoded = percent_encoding::percent_decode_str(&href).decode_utf8();
        let path = decoded.map_err(|_| lacking(&href, "location"))?.into_owned();
        let path = RelPath::new(path).map_err(Unreadable::Path)?;
        let algorithm = algorithm.unwrap_or_default();
        let hex = digest.trim();
        let sha256 = (algorithm == "sha256").then(|| hex.parse().ok()).flatten();
        let other = Digest::parse(&algorithm, hex);
        match other {
            None if sha256.is_none() => Err(lacking(&href, "checksum")),
            Some(digest) if !digest.is_strong() && !weak => {
                Err(Unreadable::Weak { record: href, algorithm })
            }
            _ => Ok(Listed { path, size, sha256, other }),
        }
    }
}

/// Reads all elements `record` right below the root, with those of their direct children that are named in `fields`.
pub(super) fn read(
    input: impl Read,
    record: &str,
    fields: &[&str],
    mut take: impl FnMut(Record) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    let mut fragments = Fragments::open(input)?;
    while let Some(tag) = fragments.next()? {
        if tag.name == record {
            let at = fragments.at();
            let fields = read_fields(fragments.text()?, fields, at)?;
            take(Record { attributes: tag.attributes, fields })?;
        }
    }
    Ok(())
}

fn read_fields(
    record: &str,
    wanted: &[&str],
    at: u64,
) -> Result<BTreeMap<String, Field>, Unreadable> {
    let mut reader = Reader::from_str(record);
    reader.config_mut().expand_empty_elements = true;
    let (mut depth, mut fields, mut field) = (0_usize, BTreeMap::new(), None::<Field>);
    loop {
        let unexpected = |what| Unreadable::Unexpected { at, what };
        let failed = |source| Unreadable::Xml { at, source: Box::new(source) };
        match reader.read_event().map_err(failed)? {
            Event::Start(start) => {
                depth += 1;
                if depth == 2 && wanted.contains(&start.local_name().as_ref()) {
                    let attributes = attributes(&start).map_err(failed)?;
                    field = Some(Field { attributes, ..Field::default() });
                }
            }
            Event::Text(text) if depth == 2 => {
                if let Some(field) = &mut field {
                    field.text.push_str(&text.xml10_content());
                }
            }
            Event::GeneralRef(reference) if depth == 2 => {
                if let Some(field) = &mut field {
                    resolve(&reference, at, &mut field.text)?;
                }
            }
            Event::End(end) => {
                if depth == 2
                    && let Some(field) = field.take()
                {
                    fields.entry(end.local_name().as_ref().to_owned()).or_insert(field);
                }
                depth = depth.saturating_sub(1);
            }
            Event::DocType(_) => return Err(unexpected("a document type")),
            Event::Eof if depth > 0 => return Err(unexpected("its end too early")),
            Event::Eof => return Ok(fields),
            _ => {}
        }
    }
}
