//! What all readers of repository metadata share: what can be wrong with it, attributes, and references.
//!
//! Only predefined entities are resolved: nothing can grow while it is read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart};

use crate::store::NotRelative;
use crate::{Class, Classified};

/// Metadata that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is not well-formed.
    #[error("it is not well-formed XML near byte {at}")]
    Xml {
        /// Where.
        at: u64,
        /// Why.
        source: Box<quick_xml::Error>,
    },
    /// It cannot be read to its end.
    #[error("it cannot be read near byte {at}")]
    Read {
        /// Where.
        at: u64,
        /// Why.
        source: io::Error,
    },
    /// It has what no metadata has.
    #[error("near byte {at} it has {what}")]
    Unexpected {
        /// Where.
        at: u64,
        /// What.
        what: &'static str,
    },
    /// A record lacks something.
    #[error("`{record}` has no usable {lacks}")]
    Lacks {
        /// The record.
        record: String,
        /// What it lacks.
        lacks: &'static str,
    },
    /// A record lies outside its repository.
    #[error("a record lies where it must not")]
    Path(#[source] NotRelative),
    /// A record lies on another server.
    #[error("`{record}` lies on another server, where clients would go past the mirror")]
    Elsewhere {
        /// The record.
        record: String,
    },
    /// The digest can be forged, and a signature above it would prove nothing.
    #[error("`{record}` is vouched for by {algorithm} only, which can be forged")]
    Weak {
        /// The record.
        record: String,
        /// The algorithm.
        algorithm: String,
    },
}

impl Classified for Unreadable {
    fn class(&self) -> Class {
        match self {
            Self::Weak { .. } => Class::Verification,
            _ => Class::Upstream,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Weak { .. } => Some(
                "write `weak_digests = true` if this repository must be mirrored nonetheless"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// Reads all attributes.
pub(super) fn attributes(
    start: &BytesStart<'_>,
) -> Result<BTreeMap<String, String>, quick_xml::Error> {
    let mut attributes = BTreeMap::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(quick_xml::Error::from)?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0)?;
        attributes.insert(attribute.key.as_ref().to_owned(), value.into_owned());
    }
    Ok(attributes)
}

/// Reads one attribute, if it is there.
pub(super) fn attribute<'s>(
    start: &'s BytesStart<'_>,
    name: &str,
    at: u64,
) -> Result<Option<Cow<'s, str>>, Unreadable> {
    let failed = |source| Unreadable::Xml { at, source: Box::new(source) };
    match start.try_get_attribute(name).map_err(|wrong| failed(wrong.into()))? {
        Some(found) => found.normalized_value(XmlVersion::Implicit1_0).map(Some).map_err(failed),
        None => Ok(None),
    }
}

/// Appends what a reference stands for: a character, or one of the five entities that every document has.
pub(super) fn resolve(
    reference: &BytesRef<'_>,
    at: u64,
    text: &mut String,
) -> Result<(), Unreadable> {
    let failed = |source| Unreadable::Xml { at, source: Box::new(source) };
    if let Some(character) = reference.resolve_char_ref().map_err(failed)? {
        text.push(character);
        return Ok(());
    }
    let known = resolve_predefined_entity(&reference.xml10_content());
    let known = known.ok_or(Unreadable::Unexpected { at, what: "an entity of its own" })?;
    text.push_str(known);
    Ok(())
}
