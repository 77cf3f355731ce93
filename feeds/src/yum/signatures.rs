//! The signatures of packages: a key of the operator's must have signed the header of each.
//!
//! A header has the digest of its payload, so the signature covers that too; it is compared where no signed metadata vouches
//! for the whole file. Headers are read here within bounds, and not by a library that trusts their offsets: nobody has
//! vouched for them yet.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::io::{self, BufReader, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::digest::{Digest, Hasher, Sha256};
use crate::store::{Object, RelPath, Store};
use crate::trust::{self, Keyring};
use crate::{Class, Classified};

/// Who must have signed the packages of a tree.
#[derive(Clone, Debug)]
pub struct PackageKeys {
    /// Their keys.
    pub keyring: Arc<Keyring>,
    /// Whether nothing else vouches for the payloads.
    pub payloads: bool,
    /// What lies beside the packages.
    pub beside: BTreeSet<RelPath>,
    /// The packages that were found to be signed by them before.
    pub proven: HashSet<Sha256>,
}

/// Packages are not signed as they must be.
#[derive(Debug, thiserror::Error)]
#[error("{} of {total} packages of `{tree}` are not signed as they must be:{}", refused.len(), told(refused))]
pub struct BadSignatures {
    /// The tree.
    tree: RelPath,
    /// How many packages were looked at.
    total: usize,
    /// Each that is refused.
    refused: Vec<(RelPath, Why)>,
}

/// Why a package is refused.
#[derive(Debug)]
enum Why {
    Unreadable(io::Error),
    NoPackage(&'static str),
    Signature(trust::Error),
    NoPayloadDigest,
    WrongPayload,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
            Self::NoPackage(lacks) => write!(f, "it is no RPM package: {lacks}"),
            Self::Signature(error) => error.fmt(f),
            Self::NoPayloadDigest => f.write_str("its signature does not cover its payload"),
            Self::WrongPayload => f.write_str("its payload is not what its header says"),
        }
    }
}

fn told(refused: &[(RelPath, Why)]) -> String {
    refused.iter().fold(String::new(), |told, (path, why)| format!("{told}\n  `{path}`: {why}"))
}

impl Classified for BadSignatures {
    fn class(&self) -> Class {
        Class::Verification
    }

    fn hint(&self) -> Option<String> {
        Some(
            "name the keys of all who sign its packages, or leave \"packages\" out of `signed`"
                .to_owned(),
        )
    }
}

/// Checks the signatures of the packages among the files of a tree, on all cores; each that is refused is named.
pub(crate) async fn verify(
    store: &Store,
    tree: &RelPath,
    files: &BTreeMap<RelPath, Object>,
    keys: PackageKeys,
) -> Result<(), BadSignatures> {
    let is_open = |(path, object): &(&RelPath, &Object)| {
        !keys.beside.contains(path) && !keys.proven.contains(&object.sha256)
    };
    let open = files.iter().filter(is_open);
    let packages: Vec<_> = open.map(|(path, object)| (path.clone(), *object)).collect();
    let (store, tree, total) = (store.clone(), tree.clone(), packages.len());
    let work = move || check_all(&store, &packages, &keys);
    let refused = match tokio::task::spawn_blocking(work).await {
        Ok(refused) => refused,
        Err(stopped) => std::panic::resume_unwind(stopped.into_panic()),
    };
    if refused.is_empty() { Ok(()) } else { Err(BadSignatures { tree, total, refused }) }
}

fn check_all(
    store: &Store,
    packages: &[(RelPath, Object)],
    keys: &PackageKeys,
) -> Vec<(RelPath, Why)> {
    let (next, refused) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(packages.len()) {
            scope.spawn(|| {
                while let Some((path, object)) = packages.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let checked = fs_err::File::open(store.path(&object.sha256))
                        .map_err(Why::Unreadable)
                        .and_then(|file| check(BufReader::new(file), keys));
                    if let Err(why) = checked {
                        let mut refused = refused.lock().unwrap_or_else(PoisonError::into_inner);
                        refused.push((path.clone(), why));
                    }
                }
            });
        }
    });
    let mut refused = refused.into_inner().unwrap_or_else(PoisonError::into_inner);
    refused.sort_by(|(one, _), (other, _)| one.cmp(other));
    refused
}

const LEAD: usize = 96;
const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];
const HEADER_MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0];
/// No header is longer.
const LARGEST: u64 = 256 << 20;

/// Tags of signatures over the header: base64 texts of any kind, DSA, RSA.
const OPENPGP: u32 = 278;
const BINARY: [u32; 2] = [267, 268];
/// Tags of digests of the payload as it stands in the file.
const PAYLOAD: [(u32, &str); 2] = [(5121, "sha512"), (5092, "sha256")];

/// Checks one package.
fn check(mut package: impl Read, keys: &PackageKeys) -> Result<(), Why> {
    let mut lead = [0; LEAD];
    package.read_exact(&mut lead).map_err(Why::Unreadable)?;
    if lead[..4] != LEAD_MAGIC {
        return Err(Why::NoPackage("it does not begin like one"));
    }
    let signatures = Section::read(&mut package)?;
    let mut padding = [0; 7];
    let padding =
        &mut padding[..signatures.bytes.len().next_multiple_of(8) - signatures.bytes.len()];
    package.read_exact(padding).map_err(Why::Unreadable)?;
    let header = Section::read(&mut package)?;
    is_signed(&signatures, &header, &keys.keyring).map_err(Why::Signature)?;
    if keys.payloads { check_payload(package, &header) } else { Ok(()) }
}

/// One good signature suffices; the last refusal is told.
fn is_signed(
    signatures: &Section,
    header: &Section,
    keyring: &Keyring,
) -> Result<(), trust::Error> {
    let armoured = |text: &[u8]| {
        let text = String::from_utf8_lossy(text);
        format!("-----BEGIN PGP SIGNATURE-----\n\n{text}\n-----END PGP SIGNATURE-----\n")
            .into_bytes()
    };
    let texts = signatures.texts(OPENPGP).into_iter().map(armoured);
    let binary = BINARY.iter().filter_map(|tag| signatures.binary(*tag).map(<[u8]>::to_vec));
    let mut refused = trust::Error::Unsigned;
    for signature in texts.chain(binary) {
        match keyring.verify_detached(&header.bytes, &signature) {
            Ok(_) => return Ok(()),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn check_payload(mut payload: impl Read, header: &Section) -> Result<(), Why> {
    let stated = |(tag, algorithm): &(u32, &'static str)| {
        let text = String::from_utf8(header.texts(*tag).first()?.to_vec()).ok()?;
        Some((*algorithm, text.to_ascii_lowercase()))
    };
    let (algorithm, wanted) = PAYLOAD.iter().find_map(stated).ok_or(Why::NoPayloadDigest)?;
    let other = Digest::parse(algorithm, &wanted);
    let mut hasher = Hasher::new(other.as_ref());
    let mut buffer = vec![0; 256 << 10];
    loop {
        match payload.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => hasher.update(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Why::Unreadable(error)),
        }
    }
    let (sha256, found) = hasher.finish();
    let holds = if other.is_some() { found == other } else { sha256.to_string() == wanted };
    if holds { Ok(()) } else { Err(Why::WrongPayload) }
}

/// A header of a package as it stands there: an introduction, an index of tags, their data.
struct Section {
    bytes: Vec<u8>,
    data: usize,
}

const INTRODUCTION: usize = 16;
const ENTRY: usize = 16;

impl Section {
    fn read(package: &mut impl Read) -> Result<Self, Why> {
        let mut bytes = vec![0; INTRODUCTION];
        package.read_exact(&mut bytes).map_err(Why::Unreadable)?;
        if bytes[..8] != HEADER_MAGIC {
            return Err(Why::NoPackage("a header does not begin like one"));
        }
        let (count, size) = (number(&bytes[8..12]), number(&bytes[12..16]));
        let index = u64::from(count) * ENTRY as u64;
        let length = index + u64::from(size);
        if length > LARGEST {
            return Err(Why::NoPackage("a header is too long"));
        }
        package.take(length).read_to_end(&mut bytes).map_err(Why::Unreadable)?;
        let data = usize::try_from(INTRODUCTION as u64 + index).unwrap_or(usize::MAX);
        if bytes.len() as u64 != INTRODUCTION as u64 + length {
            return Err(Why::NoPackage("a header ends too early"));
        }
        Ok(Self { bytes, data })
    }

    /// Finds the data from where a tag's begin, and how many of its elements there are.
    fn find(&self, tag: u32) -> Option<(&[u8], usize)> {
        let entries = self.bytes.get(INTRODUCTION..self.data)?.chunks_exact(ENTRY);
        let entry = entries.into_iter().find(|entry| number(&entry[..4]) == tag)?;
        let (offset, count) = (number(&entry[8..12]), number(&entry[12..16]));
        let begins = self.data.checked_add(usize::try_from(offset).ok()?)?;
        Some((self.bytes.get(begins..)?, usize::try_from(count).ok()?))
    }

    fn binary(&self, tag: u32) -> Option<&[u8]> {
        let (data, count) = self.find(tag)?;
        data.get(..count)
    }

    /// The texts of a tag, each ended by a zero.
    fn texts(&self, tag: u32) -> Vec<&[u8]> {
        let Some((data, count)) = self.find(tag) else {
            return Vec::new();
        };
        let ended = data.split_inclusive(|byte| *byte == 0).take(count);
        ended.filter_map(|text| text.strip_suffix(&[0])).collect()
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests;
