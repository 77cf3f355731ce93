//! The headers of an RPM package, read within bounds: nobody has vouched for them yet.
//!
//! A package is a lead, a header of signatures, a header that tells of the package, and its payload (rpm's file format,
//! version 4). A header is an introduction, an index of tags and their data.

use std::fmt;
use std::io::{self, Read};

use crate::digest::{Digest, Hasher};

pub(super) const LEAD: usize = 96;
pub(super) const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];
pub(super) const HEADER_MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0];
const INTRODUCTION: usize = 16;
const ENTRY: usize = 16;
/// No header is longer.
const LARGEST: u64 = 256 << 20;
/// Tags of digests of the payload as it stands in the file.
const PAYLOAD: [(u32, &str); 2] = [(5121, "sha512"), (5092, "sha256")];
/// Types of numbers, and how many bytes each has.
const NUMBERS: [(u32, usize); 3] = [(3, 2), (4, 4), (5, 8)];

/// Why a file is not taken for a whole package.
#[derive(Debug)]
pub(super) enum Flaw {
    Unreadable(io::Error),
    NoPackage(&'static str),
    NoPayloadDigest,
    WrongPayload,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
            Self::NoPackage(lacks) => write!(f, "it is no RPM package: {lacks}"),
            Self::NoPayloadDigest => f.write_str("its signature does not cover its payload"),
            Self::WrongPayload => f.write_str("its payload is not what its header says"),
        }
    }
}

/// Both headers of a package; what was read from stands at its payload then.
pub(super) struct Headers {
    /// Signatures and sizes.
    pub(super) signatures: Header,
    /// What the package tells of itself.
    pub(super) header: Header,
    /// Where that header begins in the file.
    pub(super) begins: usize,
}

impl Headers {
    pub(super) fn read(package: &mut impl Read) -> Result<Self, Flaw> {
        let mut lead = [0; LEAD];
        package.read_exact(&mut lead).map_err(Flaw::Unreadable)?;
        if lead[..4] != LEAD_MAGIC {
            return Err(Flaw::NoPackage("it does not begin like one"));
        }
        let signatures = Header::read(package)?;
        let length = signatures.bytes.len().next_multiple_of(8);
        let mut padding = [0; 7];
        let padding = &mut padding[..length - signatures.bytes.len()];
        package.read_exact(padding).map_err(Flaw::Unreadable)?;
        let header = Header::read(package)?;
        Ok(Self { signatures, header, begins: LEAD + length })
    }

    /// Compares the payload, which is what follows, with the digest that the header has of it.
    pub(super) fn check_payload(&self, mut payload: impl Read) -> Result<(), Flaw> {
        let stated = |(tag, algorithm): &(u32, &'static str)| {
            Some((*algorithm, self.header.text(*tag)?.to_ascii_lowercase()))
        };
        let (algorithm, wanted) = PAYLOAD.iter().find_map(stated).ok_or(Flaw::NoPayloadDigest)?;
        let other = Digest::parse(algorithm, &wanted);
        let mut hasher = Hasher::new(other.as_ref());
        let mut buffer = vec![0; 256 << 10];
        loop {
            match payload.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => hasher.update(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Flaw::Unreadable(error)),
            }
        }
        let (sha256, found) = hasher.finish();
        let holds = if other.is_some() { found == other } else { sha256.to_string() == wanted };
        if holds { Ok(()) } else { Err(Flaw::WrongPayload) }
    }
}

/// One header as it stands in the file.
pub(super) struct Header {
    pub(super) bytes: Vec<u8>,
    data: usize,
}

/// The data of a tag, from where they begin.
struct Tag<'h> {
    kind: u32,
    data: &'h [u8],
    count: usize,
}

impl Header {
    fn read(package: &mut impl Read) -> Result<Self, Flaw> {
        let mut bytes = vec![0; INTRODUCTION];
        package.read_exact(&mut bytes).map_err(Flaw::Unreadable)?;
        if bytes[..8] != HEADER_MAGIC {
            return Err(Flaw::NoPackage("a header does not begin like one"));
        }
        let (count, size) = (number(&bytes[8..12]), number(&bytes[12..16]));
        let index = u64::from(count) * ENTRY as u64;
        let length = index + u64::from(size);
        if length > LARGEST {
            return Err(Flaw::NoPackage("a header is too long"));
        }
        package.take(length).read_to_end(&mut bytes).map_err(Flaw::Unreadable)?;
        let data = usize::try_from(INTRODUCTION as u64 + index).unwrap_or(usize::MAX);
        if bytes.len() as u64 != INTRODUCTION as u64 + length {
            return Err(Flaw::NoPackage("a header ends too early"));
        }
        Ok(Self { bytes, data })
    }

    fn find(&self, tag: u32) -> Option<Tag<'_>> {
        let entries = self.bytes.get(INTRODUCTION..self.data)?.chunks_exact(ENTRY);
        let entry = entries.into_iter().find(|entry| number(&entry[..4]) == tag)?;
        let (kind, offset, count) =
            (number(&entry[4..8]), number(&entry[8..12]), number(&entry[12..16]));
        let begins = self.data.checked_add(usize::try_from(offset).ok()?)?;
        Some(Tag { kind, data: self.bytes.get(begins..)?, count: usize::try_from(count).ok()? })
    }

    /// The bytes of a tag.
    pub(super) fn binary(&self, tag: u32) -> Option<&[u8]> {
        let Tag { data, count, .. } = self.find(tag)?;
        data.get(..count)
    }

    /// The texts of a tag, each ended by a zero.
    pub(super) fn texts(&self, tag: u32) -> Vec<&[u8]> {
        let Some(Tag { data, count, .. }) = self.find(tag) else {
            return Vec::new();
        };
        let ended = data.split_inclusive(|byte| *byte == 0).take(count);
        ended.filter_map(|text| text.strip_suffix(&[0])).collect()
    }

    /// The first text of a tag; one in several languages has the untranslated one first.
    pub(super) fn text(&self, tag: u32) -> Option<String> {
        self.texts(tag).first().map(|text| String::from_utf8_lossy(text).into_owned())
    }

    /// The numbers of a tag, however wide they are.
    pub(super) fn numbers(&self, tag: u32) -> Vec<u64> {
        let Some(Tag { kind, data, count }) = self.find(tag) else {
            return Vec::new();
        };
        let width = NUMBERS.iter().find(|(known, _)| *known == kind).map(|(_, width)| *width);
        let Some(width) = width else {
            return Vec::new();
        };
        let wide = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        data.chunks_exact(width).take(count).map(wide).collect()
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
