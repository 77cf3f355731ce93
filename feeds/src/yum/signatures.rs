//! The signatures of packages: a key of the operator's must have signed the header of each.
//!
//! A header has the digest of its payload, so the signature covers that too; it is compared where no signed metadata vouches
//! for the whole file.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::io::{BufReader, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::header::{Flaw, Headers};
use crate::digest::Sha256;
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
    Package(Flaw),
    Signature(trust::Error),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(flaw) => flaw.fmt(f),
            Self::Signature(error) => error.fmt(f),
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
                        .map_err(|error| Why::Package(Flaw::Unreadable(error)))
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

/// Tags of signatures over the header: base64 texts of any kind, DSA, RSA.
const OPENPGP: u32 = 278;
const BINARY: [u32; 2] = [267, 268];

/// Checks one package.
fn check(mut package: impl Read, keys: &PackageKeys) -> Result<(), Why> {
    let headers = Headers::read(&mut package).map_err(Why::Package)?;
    is_signed(&headers, &keys.keyring).map_err(Why::Signature)?;
    if keys.payloads { headers.check_payload(package).map_err(Why::Package) } else { Ok(()) }
}

/// One good signature suffices; the last refusal is told.
fn is_signed(headers: &Headers, keyring: &Keyring) -> Result<(), trust::Error> {
    let Headers { signatures, header, .. } = headers;
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

#[cfg(test)]
mod tests;
