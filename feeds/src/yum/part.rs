//! A part of a repository: what a filter keeps of it, with metadata of its own that the site signs.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::error::Error;
use super::head::{Head, REPOMD};
use super::metadata::Upstream;
use super::repomd::{self, Metadata};
use super::select::{self, Failure};
use super::source::{Selection, Source};
use crate::events::{Event, Watch};
use crate::store::{Object, RelPath, Store};
use crate::transfer::{Transfer, below, masked};
use crate::{Neighbour, Unsatisfied};

/// The upstream's metadata, as it was verified.
pub(super) struct Whole<'a> {
    /// `repomd.xml` and its signature.
    pub(super) head: &'a Head,
    /// What it lists.
    pub(super) files: Vec<(Metadata, Object)>,
}

/// A part as it will be.
pub(super) struct Part {
    /// The places of its packages in `primary.xml`.
    pub(super) ordinals: HashSet<usize>,
    /// All its other files.
    files: BTreeMap<RelPath, Object>,
}

impl Whole<'_> {
    /// Puts the metadata that is served among the files that are there: the upstream's own, or that of a part.
    ///
    /// What is read of the upstream and not served is returned, by masked URL.
    pub(super) fn place(
        self,
        part: Option<Part>,
        have: &mut BTreeMap<RelPath, Object>,
    ) -> BTreeMap<String, Object> {
        let files = self.files.into_iter().map(|(listed, object)| (listed.file.path, object));
        let Some(part) = part else {
            have.extend(files);
            return BTreeMap::new();
        };
        let base = self.head.bases.first();
        let address = |path: &RelPath| base.map(|base| masked(&below(base, path)));
        let read = files.chain(self.head.files.clone());
        let evidence = read.filter_map(|(path, object)| Some((address(&path)?, object))).collect();
        have.retain(|path, _| !self.head.files.contains_key(path));
        have.extend(part.files);
        evidence
    }
}

/// Selects and makes metadata, if only a part is wanted, and tells what it goes without.
pub(super) async fn of(
    source: &Source,
    whole: &Whole<'_>,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Result<Option<Part>, Error> {
    let Selection::Part { filter, site_key, neighbours } = &source.selection else {
        return Ok(None);
    };
    let (name, architectures) = (source.name.clone(), source.architectures.clone());
    let (repomd, files) = (whole.head.text.clone(), whole.files.clone());
    let (filter, site_key, neighbours) =
        (filter.clone(), Arc::clone(site_key), Arc::clone(neighbours));
    let store = transfer.store().clone();
    let work = move || {
        let upstream = Upstream { name: &name, repomd: &repomd, files: &files, store: &store };
        let read: Vec<_> =
            neighbours.iter().map(|one| known(one, &store)).collect::<Result<_, _>>()?;
        let beside: Vec<_> = neighbours
            .iter()
            .zip(&read)
            .map(|(one, files)| Upstream { name: &one.name, repomd: &[], files, store: &store })
            .collect();
        let selected = select::select(&filter, &architectures, &upstream, &beside)
            .map_err(|failure| told(&name, &neighbours, failure))?;
        let files = upstream.cut(&selected, &site_key)?;
        Ok((Part { ordinals: selected.ordinals, files }, selected.unsatisfied))
    };
    // It takes a processor for long: away from whoever serves connections.
    let (part, lacking) = match tokio::task::spawn_blocking(work).await {
        Ok(made) => made?,
        Err(stopped) => std::panic::resume_unwind(stopped.into_panic()),
    };
    if !lacking.is_empty() {
        let each: Vec<_> = lacking.iter().map(Unsatisfied::to_string).collect();
        let (name, count) = (&source.name, each.len());
        let text = format!("`{name}` goes without what it has not ({count}): {}", each.join(", "));
        watch.event(Event::Warning { text });
    }
    Ok(Some(part))
}

/// Lists the metadata that another repository will be served with.
fn known(neighbour: &Neighbour, store: &Store) -> Result<Vec<(Metadata, Object)>, Error> {
    let name = || neighbour.name.clone();
    let object = neighbour.indexes.iter().find(|(path, _)| path.as_str() == REPOMD);
    let (_, object) = object.ok_or_else(|| Error::NoPrimary { name: name() })?;
    let text =
        store.read(&object.sha256).map_err(|source| Error::Store { name: name(), source })?;
    // Its chain was verified when it was surveyed.
    let listed = repomd::parse(&text, true).map_err(|source| Error::Metadata {
        name: name(),
        file: REPOMD.to_owned(),
        source,
    })?;
    let with_object = |one: Metadata| {
        let object = neighbour.indexes.get(&one.file.path).copied();
        object.map(|object| (one, object))
    };
    Ok(listed.into_iter().filter_map(with_object).collect())
}

fn told(name: &str, neighbours: &[Neighbour], failure: Failure<Error>) -> Error {
    let name = name.to_owned();
    match failure {
        Failure::Open(error) => error,
        Failure::Read(kind, source) => Error::Metadata { name, file: kind.to_owned(), source },
        Failure::Pattern(source) => Error::Pattern { name, source },
        Failure::Unsatisfied(unsatisfied) => {
            let beside = neighbours.iter().map(|one| one.name.clone()).collect();
            Error::Unsatisfied { name, beside, unsatisfied }
        }
    }
}
