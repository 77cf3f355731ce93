//! From a source to a plan: verify `repomd.xml`, fetch all metadata, read which packages there are.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::io::{BufReader, Read as _};
use std::sync::Arc;

use jiff::Timestamp;

use super::age;
use super::error::Error;
use super::head::{self, REPOMD};
use super::part;
use super::record::Listed;
use super::repomd::{self, Metadata};
use super::signatures::PackageKeys;
use super::source::{Source, Upstream};
use super::xml::Unreadable;
use super::{keys, primary, treeinfo};
use crate::compression::Compression;
use crate::digest::Sha256;
use crate::events::Watch;
use crate::plan::{self, Plan};
use crate::store::{Object, RelPath, Store, Tree};
use crate::transfer::{Bases, Transfer, Want, masked};
use crate::trust::Keyring;

/// The largest repositories have 300 MB of `primary.xml`.
const LARGEST_PRIMARY: u64 = 2 << 30;

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
    let signers = keyring.as_ref().filter(|_| source.signed.metadata);
    let upstream = match &source.upstream {
        Upstream::Urls(bases) => bases.first().map(masked).unwrap_or_default(),
        Upstream::Mirrorlist(url) | Upstream::Metalink(url) => masked(url),
    };
    let now = Timestamp::now();
    let newest = served.filter(|_| !source.accept_older);
    let newest =
        newest.and_then(|tree| age::served(tree, REPOMD, &upstream, transfer.store(), now));
    let head = head::read(source, signers, newest, transfer, watch).await?;
    let install = install_tree(source, &head.bases, transfer, watch).await?;
    let mut have = keys::served(source, transfer.store())?;
    have.extend(head.files.clone());
    have.extend(install.iter().map(|found| (found.path.clone(), found.treeinfo)));
    let trust = told_trust(source, head.trust.clone(), keyring.as_ref());
    let recipe = plan::recipe(source, &trust, have.values());
    if let Some(served) = served.filter(|served| served.recipe == Some(recipe)) {
        return Ok(Plan::unchanged(served));
    }
    let weak = source.takes_weak_digests();
    let metadata =
        repomd::parse(&head.text, weak).map_err(|error| unusable(source, REPOMD, error))?;
    let wants = metadata.iter().map(|one| want(&head.bases, &one.file)).collect();
    let label = format!("metadata of yum {name}");
    let objects = transfer
        .fetch_all(&label, wants, watch)
        .await
        .map_err(|error| Error::Fetch { name: name.clone(), source: Box::new(error) })?;
    let primary = metadata.iter().zip(&objects).find(|(one, _)| one.kind == "primary");
    let (primary, object) = primary.ok_or_else(|| Error::NoPrimary { name: name.clone() })?;
    let object = *object;
    let whole = part::Whole { head: &head, files: metadata.iter().cloned().zip(objects).collect() };
    let part = part::of(source, &whole, transfer, watch).await?;
    let selected = part.as_ref().map(|part| part.ordinals.clone());
    let packages = read_packages(source, primary, &object, selected, transfer.store()).await?;
    let evidence = whole.place(part, &mut have);
    let images = install.map_or_else(Vec::new, |found| found.images);
    // What is called a package is looked at as one, whoever lists it: so all that are served under this trust are signed.
    let beside = have.keys().chain(images.iter().map(|(path, _)| path));
    let beside = beside.filter(|path| !is_package(path)).cloned().collect();
    let packages = packages.into_iter().map(|package| {
        let fresh = want(&head.bases, &package);
        (package.path, fresh)
    });
    let get = each_once(source, &have, packages.chain(images))?;
    let signed_by = keyring.filter(|_| source.signed.packages);
    let signed_by = signed_by.map(|keyring| PackageKeys {
        keyring: Arc::new(keyring),
        payloads: !source.signed.metadata,
        beside,
        proven: proven(served, &trust),
    });
    let recipe = Some(recipe);
    Ok(Plan { tree, upstream, trust, signed_by, recipe, evidence, get, have })
}

/// Surveys the installation tree beside the packages, if it is wanted.
async fn install_tree(
    source: &Source,
    bases: &Bases,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Result<Option<treeinfo::Whole>, Error> {
    match &source.tree {
        Some(wanted) => treeinfo::survey_whole(bases, wanted, transfer, watch).await.map(Some),
        None => Ok(None),
    }
}

/// Tells who vouches for what, and what nobody vouches for although there are keys.
fn told_trust(source: &Source, metadata: String, keyring: Option<&Keyring>) -> String {
    let mut told = vec![metadata];
    if let Some(keyring) = keyring.filter(|_| source.signed.packages) {
        told.push(format!("packages by {}", keyring.key_ids().join(" ")));
    }
    if keyring.is_some() && source.weak_digests {
        told.push("weak digests".to_owned());
    }
    if keyring.is_some() && source.tree.is_some_and(|tree| tree.treeinfo.is_none()) {
        told.push(".treeinfo none".to_owned());
    }
    told.join(", ")
}

/// The packages that are served under the same trust: they were found to be signed.
fn proven(served: Option<&Tree>, trust: &str) -> HashSet<Sha256> {
    let served = served.filter(|served| served.trust == trust);
    let files = served.into_iter().flat_map(|served| &served.files);
    let packages = files.filter(|(path, _)| is_package(path));
    packages.map(|(_, object)| object.sha256).collect()
}

fn is_package(path: &RelPath) -> bool {
    path.as_str().rsplit_once('.').is_some_and(|(_, end)| end == "rpm")
}

/// Gathers files by their place; none may be wanted twice with different content.
fn each_once(
    source: &Source,
    have: &BTreeMap<RelPath, Object>,
    files: impl Iterator<Item = (RelPath, Want)>,
) -> Result<BTreeMap<RelPath, Want>, Error> {
    let conflict =
        |path: &RelPath| Err(Error::Conflict { name: source.name.clone(), path: path.clone() });
    let mut get = BTreeMap::new();
    for (path, fresh) in files {
        if have.contains_key(&path) {
            return conflict(&path);
        }
        match get.entry(path) {
            Entry::Occupied(taken) if *taken.get() != fresh => return conflict(taken.key()),
            entry => drop(entry.or_insert(fresh)),
        }
    }
    Ok(get)
}

/// Reads the packages that are wanted, away from whoever serves connections.
async fn read_packages(
    source: &Source,
    primary: &Metadata,
    object: &Object,
    selected: Option<HashSet<usize>>,
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
        let (mut packages, mut ordinal) = (Vec::new(), 0);
        let weak = source.takes_weak_digests();
        primary::read(input, weak, |package| {
            let kept = match &selected {
                Some(selected) => selected.contains(&ordinal),
                None => source.wants(&package.architecture),
            };
            ordinal += 1;
            if kept {
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

#[cfg(test)]
mod tests;
