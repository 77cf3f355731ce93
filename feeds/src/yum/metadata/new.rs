//! Metadata made of nothing but packages, which the site signs.

use std::collections::BTreeMap;
use std::io;

use super::output::Output;
use super::repomd::{Line, Upstream};
use super::{Made, misplaced, sign};
use crate::store::{Object, RelPath, Store};
use crate::trust::SiteKey;
use crate::yum::Error;

/// The metadata of one repository in the making.
pub(in crate::yum) struct New<'a> {
    name: &'a str,
    built: u64,
    key: &'a SiteKey,
    store: &'a Store,
    made: Vec<(&'static str, String, Made)>,
}

impl<'a> New<'a> {
    /// Begins the metadata of a repository as of when its packages were built, in seconds since 1970.
    pub(in crate::yum) fn dated(
        name: &'a str,
        built: u64,
        key: &'a SiteKey,
        store: &'a Store,
    ) -> Self {
        Self { name, built, key, store, made: Vec::new() }
    }

    /// Makes one file: a type of metadata, written by whoever knows how.
    pub(in crate::yum) fn file(
        &mut self,
        kind: &'static str,
        write: impl FnOnce(&mut Output) -> io::Result<()>,
    ) -> Result<(), Error> {
        let unwritten = |source| Error::Write { name: self.name.to_owned(), source };
        let mut output = Output::begin(self.store).map_err(unwritten)?;
        write(&mut output).map_err(unwritten)?;
        let made = output.finish(self.store);
        let made = made.map_err(|source| Error::Store { name: self.name.to_owned(), source })?;
        let path = format!("repodata/{}-{kind}.xml.gz", made.object.sha256);
        self.made.push((kind, path, made));
        Ok(())
    }

    /// Lists and signs all files; returns everything that the repository has beside its packages.
    pub(in crate::yum) fn finish(self) -> Result<BTreeMap<RelPath, Object>, Error> {
        let Self { name, built, key, store, made } = self;
        let timestamp = built.to_string();
        let lines: Vec<_> = made
            .iter()
            .map(|(kind, path, made)| Line::Made { kind, path, timestamp: &timestamp, made })
            .collect();
        let text = Upstream::dated(built).write(&lines);
        let mut files = sign(name, &text, built, key, store)?;
        for (_, path, made) in &made {
            let path = RelPath::new(path.as_str()).map_err(|source| misplaced(name, source))?;
            files.insert(path, made.object);
        }
        Ok(files)
    }
}
