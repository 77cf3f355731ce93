//! New, complete metadata for a part of a repository, cut out of the upstream's own and signed by the site.
//!
//! What is kept stays as the upstream wrote it, whatever it says; nothing is dated by a clock. Equal input gives equal
//! bytes.

mod comps;
mod element;
#[cfg(fuzzing)]
pub(super) mod fuzzing;
pub(super) mod modulemd;
mod new;
mod output;
mod packages;
mod repomd;
#[cfg(test)]
mod tests;
mod updateinfo;
mod yaml;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read as _, Write as _};

pub(super) use self::new::New;
use self::output::Output;
use self::packages::Uncut;
use self::repomd::Line;
use super::error::Error;
use super::repomd::Metadata;
use super::select::{self, Selected};
use super::xml::Unreadable;
use crate::compression::Compression;
use crate::digest::Sha256;
use crate::store::{NotRelative, Object, RelPath, Store};
use crate::trust::SiteKey;

/// Where clients find the site's public key, below the repository's root.
pub(super) const KEY: &str = "RPM-GPG-KEY-booddies";
/// The largest `filelists.xml` have a gigabyte.
const LARGEST: u64 = 4 << 30;

/// A metadata file that we made.
#[derive(Clone, Debug)]
pub(super) struct Made {
    object: Object,
    open_sha256: Sha256,
    open_size: u64,
}

/// The metadata of an upstream, as it lies in the store.
#[derive(Clone, Copy)]
pub(super) struct Upstream<'a> {
    /// The name of the repository.
    pub(super) name: &'a str,
    /// `repomd.xml`, verified.
    pub(super) repomd: &'a [u8],
    /// What it lists.
    pub(super) files: &'a [(Metadata, Object)],
    /// Where it lies.
    pub(super) store: &'a Store,
}

/// How a type of metadata is cut.
enum Cut {
    Primary,
    ByPkgid,
    Updateinfo,
    Comps,
    Modules,
    /// It says nothing of single packages.
    Keep,
    /// Clients do without it.
    LeaveOut,
}

impl Cut {
    fn of(kind: &str, all: &[repomd::Data]) -> Self {
        match kind {
            "primary" => Self::Primary,
            "filelists" | "other" | "filelists-ext" | "susedata" => Self::ByPkgid,
            "updateinfo" => Self::Updateinfo,
            "modules" => Self::Modules,
            "group" => Self::Comps,
            // The same groups again, compressed; where they are only there, they are the groups.
            _ if kind.starts_with("group_") && !kind.ends_with("_zck") => {
                let first = all.iter().find(|one| one.kind.starts_with("group"));
                if first.is_some_and(|first| first.kind == kind) {
                    Self::Comps
                } else {
                    Self::LeaveOut
                }
            }
            "prestodelta" | "deltainfo" => Self::LeaveOut,
            _ if kind.ends_with("_db") || kind.ends_with("_zck") => Self::LeaveOut,
            _ => Self::Keep,
        }
    }
}

impl<'a> Upstream<'a> {
    /// Makes the metadata of what was selected; returns all files of the repository but its packages.
    pub(super) fn cut(
        self,
        selected: &Selected,
        key: &SiteKey,
    ) -> Result<BTreeMap<RelPath, Object>, Error> {
        let upstream = repomd::Upstream::read(self.repomd)
            .map_err(|error| self.unusable("repomd.xml", error))?;
        let mut files = BTreeMap::new();
        let mut made = Vec::new();
        for data in upstream.data() {
            let how = Cut::of(&data.kind, upstream.data());
            match how {
                Cut::LeaveOut => {}
                Cut::Keep => {
                    if let Some((listed, object)) = self.find(&data.kind) {
                        files.insert(listed.file.path.clone(), *object);
                        made.push((data, None));
                    }
                }
                how => {
                    if let Some(one) = self.cut_one(&how, &data.kind, selected)? {
                        let (kind, file) = named(&how, &data.kind);
                        let path = format!("repodata/{}-{file}", one.object.sha256);
                        files.insert(self.path(&path)?, one.object);
                        made.push((data, Some((kind, path, one))));
                    }
                }
            }
        }
        let lines: Vec<_> = made
            .iter()
            .map(|(data, made)| match made {
                Some((kind, path, made)) => {
                    Line::Made { kind, path, timestamp: data.timestamp(), made }
                }
                None => Line::Kept(data.text()),
            })
            .collect();
        let text = upstream.write(&lines);
        for (path, object) in sign(self.name, &text, upstream.made(), key, self.store)? {
            files.insert(path, object);
        }
        Ok(files)
    }

    fn cut_one(&self, how: &Cut, kind: &str, selected: &Selected) -> Result<Option<Made>, Error> {
        let Some(mut input) = self.open_kind(kind)? else { return Ok(None) };
        let mut output = Output::begin(self.store).map_err(|error| self.unwritten(error))?;
        let cut = match how {
            Cut::Primary => packages::cut_primary(input, &selected.ordinals, &mut output),
            Cut::Updateinfo => updateinfo::cut(input, &selected.nevras, &mut output),
            Cut::Comps => comps::cut(input, &selected.names, &mut output),
            Cut::Modules => {
                let mut text = String::new();
                let read = input.read_to_string(&mut text);
                read.map_err(|source| Error::Decompress {
                    name: self.name.to_owned(),
                    file: kind.to_owned(),
                    source,
                })?;
                let text = modulemd::cut(&text, |nevra| selected.nevras.contains(nevra));
                if text.is_empty() {
                    return Ok(None);
                }
                output.write_all(text.as_bytes()).map_err(Uncut::Write)
            }
            _ => packages::cut_by_pkgid(input, &selected.pkgids, &mut output),
        };
        cut.map_err(|error| match error {
            Uncut::Read(error) => self.unusable(kind, error),
            Uncut::Write(error) => self.unwritten(error),
        })?;
        let made = output.finish(self.store);
        made.map(Some).map_err(|source| Error::Store { name: self.name.to_owned(), source })
    }

    fn find(&self, kind: &str) -> Option<&'a (Metadata, Object)> {
        self.files.iter().find(|(one, _)| one.kind == kind)
    }

    fn open_kind(&self, kind: &str) -> Result<Option<Box<dyn BufRead>>, Error> {
        let Some((listed, object)) = self.find(kind) else { return Ok(None) };
        let file = listed.file.path.as_str();
        let garbled = |source| Error::Decompress {
            name: self.name.to_owned(),
            file: file.to_owned(),
            source,
        };
        let opened = fs_err::File::open(self.store.path(&object.sha256)).map_err(garbled)?;
        let unknown = || std::io::Error::other("its compression is not known");
        let compression = Compression::of(file).ok_or_else(unknown).map_err(garbled)?;
        let limit = listed.open_size.unwrap_or(LARGEST).min(LARGEST);
        let input = compression.reader(BufReader::new(opened)).map_err(garbled)?;
        Ok(Some(Box::new(BufReader::with_capacity(1 << 16, input.take(limit)))))
    }

    fn path(&self, path: &str) -> Result<RelPath, Error> {
        RelPath::new(path).map_err(|source| misplaced(self.name, source))
    }

    fn unusable(&self, file: &str, source: Unreadable) -> Error {
        Error::Metadata { name: self.name.to_owned(), file: file.to_owned(), source }
    }

    fn unwritten(&self, source: std::io::Error) -> Error {
        Error::Write { name: self.name.to_owned(), source }
    }
}

impl select::Metadata for Upstream<'_> {
    type Error = Error;

    fn open(&self, kind: &'static str) -> Result<Option<Box<dyn BufRead + '_>>, Error> {
        self.open_kind(kind).map(|input| input.map(|input| input as Box<dyn BufRead + '_>))
    }
}

/// The type and the name of a file that we made.
fn named<'k>(how: &Cut, kind: &'k str) -> (&'k str, String) {
    match how {
        Cut::Comps => ("group", "comps.xml.gz".to_owned()),
        Cut::Modules => (kind, format!("{kind}.yaml.gz")),
        _ => (kind, format!("{kind}.xml.gz")),
    }
}

fn misplaced(name: &str, source: NotRelative) -> Error {
    Error::Name { name: name.to_owned(), source }
}

/// Signs a `repomd.xml` and returns it with its signature and the key that made it.
pub(super) fn sign(
    name: &str,
    repomd: &str,
    made: u64,
    key: &SiteKey,
    store: &Store,
) -> Result<BTreeMap<RelPath, Object>, Error> {
    let failed = |error| Error::Sign { name: name.to_owned(), source: Box::new(error) };
    let signature = key.sign_detached_armored(repomd.as_bytes(), made).map_err(failed)?;
    let public = key.public_key_armored().map_err(failed)?;
    let mut files = BTreeMap::new();
    for (path, text) in [
        ("repodata/repomd.xml", repomd),
        ("repodata/repomd.xml.asc", &signature),
        // Where zypper looks for it.
        ("repodata/repomd.xml.key", &public),
        (KEY, &public),
    ] {
        let object = store.insert_bytes(text.as_bytes());
        let object = object.map_err(|source| Error::Store { name: name.to_owned(), source })?;
        files.insert(RelPath::new(path).map_err(|source| misplaced(name, source))?, object);
    }
    Ok(files)
}
