//! From a source to a plan: verify `repomd.xml`, fetch all metadata, read which packages there are.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{BufReader, Read as _};

use url::Url;

use super::error::Error;
use super::primary;
use super::record::{Listed, Unreadable};
use super::repomd::{self, Metadata};
use super::source::{Source, Upstream};
use crate::compression::Compression;
use crate::events::{Event, Watch};
use crate::plan::{self, Plan};
use crate::store::{Object, RelPath, Store, Tree};
use crate::transfer::{Bases, Transfer, Want, below, masked};
use crate::trust::Keyring;

const REPOMD: &str = "repodata/repomd.xml";
const SIGNATURE: &str = "repodata/repomd.xml.asc";
/// `repomd.xml` and its signature have some kilobytes.
const LARGEST_REPOMD: u64 = 16 << 20;
/// The largest repositories have 300 MB of `primary.xml`.
const LARGEST_PRIMARY: u64 = 2 << 30;

/// `repomd.xml` of one mirror, verified.
struct Verified {
    /// All mirrors, the one that it was read from first: another may be older or newer.
    bases: Bases,
    text: Vec<u8>,
    trust: String,
    files: BTreeMap<RelPath, Object>,
}

/// Surveys a YUM repository and returns what its tree will be.
///
/// The tree that is `served` now is planned again as it is, where the upstream still gives what that was made of.
pub async fn survey(
    source: &Source,
    served: Option<&Tree>,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Result<Plan, Error> {
    let name = &source.name;
    let tree = RelPath::new(format!("data/yum/{name}"))
        .map_err(|wrong| Error::Name { name: name.clone(), source: wrong })?;
    let keyring = source
        .trust
        .keyring()
        .map_err(|error| Error::Keys { name: name.clone(), source: Box::new(error) })?;
    let Upstream::Urls(urls) = &source.upstream else {
        return Err(Error::NoMirrors { name: name.clone() });
    };
    let verified = verify_any(source, urls, keyring.as_ref(), transfer, watch).await?;
    let recipe = plan::recipe(source, &verified.trust, verified.files.values());
    if let Some(served) = served.filter(|served| served.recipe == Some(recipe)) {
        return Ok(Plan::unchanged(served));
    }
    let weak = source.takes_weak_digests();
    let metadata =
        repomd::parse(&verified.text, weak).map_err(|error| unusable(source, REPOMD, error))?;
    let wants = metadata.iter().map(|one| want(&verified.bases, &one.file)).collect();
    let label = format!("metadata of yum {name}");
    let objects = transfer
        .fetch_all(&label, wants, watch)
        .await
        .map_err(|error| Error::Fetch { name: name.clone(), source: Box::new(error) })?;
    let primary = metadata.iter().zip(&objects).find(|(one, _)| one.kind == "primary");
    let (primary, object) = primary.ok_or_else(|| Error::NoPrimary { name: name.clone() })?;
    let packages = read_packages(source, primary, object, transfer.store()).await?;
    let mut have = verified.files;
    have.extend(metadata.iter().map(|one| one.file.path.clone()).zip(objects));
    let mut get = BTreeMap::new();
    for package in packages {
        let conflict = |path: &RelPath| Error::Conflict { name: name.clone(), path: path.clone() };
        if have.contains_key(&package.path) {
            return Err(conflict(&package.path));
        }
        let fresh = want(&verified.bases, &package);
        match get.entry(package.path) {
            Entry::Occupied(taken) if *taken.get() != fresh => return Err(conflict(taken.key())),
            entry => drop(entry.or_insert(fresh)),
        }
    }
    let upstream = urls.first().map(masked).unwrap_or_default();
    let trust = verified.trust;
    let recipe = Some(recipe);
    Ok(Plan { tree, upstream, trust, recipe, evidence: BTreeMap::new(), get, have })
}

/// Asks the mirrors in turn for a `repomd.xml` that holds; tells of the first failure if none does.
async fn verify_any(
    source: &Source,
    urls: &[Url],
    keyring: Option<&Keyring>,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Result<Verified, Error> {
    let mut first = None;
    for (index, base) in urls.iter().enumerate() {
        match verify(source, base, keyring, transfer, watch).await {
            Ok(mut verified) => {
                let mut bases = urls.to_vec();
                bases[..=index].rotate_right(1);
                verified.bases = bases.into();
                return Ok(verified);
            }
            Err(error) => {
                if index + 1 < urls.len() {
                    let text =
                        format!("yum {}: {} is of no use: {error}", source.name, masked(base));
                    watch.event(Event::Warning { text });
                }
                first.get_or_insert(error);
            }
        }
    }
    let nowhere = || {
        let label = REPOMD.to_owned();
        let source_error = crate::transfer::Error::NoAddress { label };
        Error::Fetch { name: source.name.clone(), source: Box::new(source_error) }
    };
    Err(first.unwrap_or_else(nowhere))
}

async fn verify(
    source: &Source,
    base: &Url,
    keyring: Option<&Keyring>,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Result<Verified, Error> {
    let mut files = BTreeMap::new();
    let (path, text) = read(source, base, REPOMD, transfer, watch, &mut files).await?;
    let mut trust = "none".to_owned();
    if let Some(keyring) = keyring {
        let (_, signature) = read(source, base, SIGNATURE, transfer, watch, &mut files).await?;
        let signed_by = keyring.verify_detached(&text, &signature).map_err(|error| {
            Error::Trust { url: masked(&below(base, &path)), source: Box::new(error) }
        })?;
        trust = signed_by.fingerprint;
    }
    Ok(Verified { bases: Bases::default(), text, trust, files })
}

/// Asks for a file that nobody tells the digest of, and reads it.
async fn read(
    source: &Source,
    base: &Url,
    file: &str,
    transfer: &Transfer,
    watch: &dyn Watch,
    files: &mut BTreeMap<RelPath, Object>,
) -> Result<(RelPath, Vec<u8>), Error> {
    let name = || source.name.clone();
    let path = RelPath::new(file).map_err(|wrong| Error::Name { name: name(), source: wrong })?;
    let want = Want { limit: LARGEST_REPOMD, ..Want::below(&Bases::from([base.clone()]), &path) };
    let surveyed = transfer
        .survey(want, watch)
        .await
        .map_err(|error| Error::Fetch { name: name(), source: Box::new(error) })?;
    let bytes = transfer
        .store()
        .read(&surveyed.object.sha256)
        .map_err(|error| Error::Store { name: name(), source: error })?;
    files.insert(path.clone(), surveyed.object);
    Ok((path, bytes))
}

/// Reads the packages that are wanted, away from whoever serves connections.
async fn read_packages(
    source: &Source,
    primary: &Metadata,
    object: &Object,
    store: &Store,
) -> Result<Vec<Listed>, Error> {
    let (source, primary, path) = (source.clone(), primary.clone(), store.path(&object.sha256));
    let work = move || {
        let file = primary.file.path.as_str();
        let garbled = |error| Error::Decompress {
            name: source.name.clone(),
            file: file.to_owned(),
            source: error,
        };
        let opened = fs_err::File::open(path).map_err(garbled)?;
        let unknown = || std::io::Error::other("its compression is not known");
        let compression = Compression::of(file).ok_or_else(unknown).map_err(garbled)?;
        let limit = primary.open_size.unwrap_or(LARGEST_PRIMARY).min(LARGEST_PRIMARY);
        let input = compression.reader(BufReader::new(opened)).map_err(garbled)?.take(limit);
        let mut packages = Vec::new();
        let weak = source.takes_weak_digests();
        primary::read(BufReader::new(input), weak, |package| {
            if source.wants(&package.architecture) {
                packages.push(package.file);
            }
        })
        .map_err(|error| unusable(&source, file, error))?;
        Ok(packages)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(packages) => packages,
        Err(stopped) => std::panic::resume_unwind(stopped.into_panic()),
    }
}

fn want(bases: &Bases, file: &Listed) -> Want {
    let Listed { size, sha256, other, .. } = *file;
    Want { size, sha256, other, ..Want::below(bases, &file.path) }
}

fn unusable(source: &Source, file: &str, error: Unreadable) -> Error {
    Error::Metadata { name: source.name.clone(), file: file.to_owned(), source: error }
}
