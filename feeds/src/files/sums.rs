//! Files that a list of checksums names: the list is proved by a key, by its own digest, or by nobody.

use std::collections::BTreeMap;
use std::path::PathBuf;

use url::Url;

use super::listed::digests;
use super::{Error, signature, stream};
use crate::digest::Sha256;
use crate::events::Watch;
use crate::patterns::Patterns;
use crate::store::{Object, RelPath};
use crate::transfer::{Bases, Transfer, Want, masked};
use crate::trust::Keyring;

/// Files that a list of checksums names.
#[derive(Clone, Debug)]
pub struct Sums {
    /// The list; its files lie beside it and below.
    pub url: Url,
    /// Who vouches for it.
    pub trust: SumsTrust,
    /// Which of its files are taken.
    pub names: Patterns,
    /// The folder that they are put into; none, if it is empty.
    pub into: String,
}

/// Who vouches for a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SumsTrust {
    /// The certificates in these files: it is signed inside, or has a signature beside it.
    Keys(Vec<PathBuf>),
    /// Its own digest, written down.
    Sha256(Sha256),
    /// Nobody: the operator wrote that down.
    Unsigned,
}

/// A list that was verified.
pub(super) struct Verified<'a> {
    sums: &'a Sums,
    text: String,
    /// The list and its signature, by the name beside the files.
    pub(super) heads: Vec<(String, Object)>,
    /// Who vouches for it.
    pub(super) by: String,
}

impl Sums {
    /// Asks for the list and verifies it.
    pub(super) async fn verify(
        &self,
        transfer: &Transfer,
        watch: &dyn Watch,
    ) -> Result<Verified<'_>, Error> {
        let sha256 = match &self.trust {
            SumsTrust::Sha256(sha256) => Some(*sha256),
            _ => None,
        };
        let (object, bytes) = signature::ask(&self.url, sha256, transfer, watch).await?;
        let name = self.url.path_segments().and_then(Iterator::last).unwrap_or_default();
        let mut heads = vec![(name.to_owned(), object)];
        let plain = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (text, by) = match &self.trust {
            SumsTrust::Unsigned => (plain(&bytes), "none".to_owned()),
            SumsTrust::Sha256(_) => (plain(&bytes), "sha256 written down".to_owned()),
            SumsTrust::Keys(keys) => {
                let distrust = |source| Error::Trust { url: masked(&self.url), source };
                let keyring = Keyring::load(keys).map_err(distrust)?;
                if bytes.starts_with(b"-----BEGIN PGP SIGNED MESSAGE-----") {
                    let (text, by) = keyring.verify_cleartext(&bytes).map_err(distrust)?;
                    (text, by.fingerprint)
                } else {
                    let found = signature::beside(&self.url, transfer, watch).await?;
                    let by = keyring.verify_detached(&bytes, &found.bytes).map_err(distrust)?;
                    heads.push((format!("{name}{}", found.end), found.object));
                    (plain(&bytes), by.fingerprint)
                }
            }
        };
        Ok(Verified { sums: self, text, heads, by })
    }
}

impl Verified<'_> {
    /// Tells what to fetch, by its place in the tree.
    pub(super) fn files(&self) -> Result<BTreeMap<RelPath, Want>, Error> {
        let files = if stream::is_stream(&self.text) { self.artifacts() } else { self.beside() }?;
        if files.is_empty() {
            return Err(Error::Unmatched { url: masked(&self.sums.url) });
        }
        Ok(files)
    }

    /// Files that lie anywhere, by what they are for.
    fn artifacts(&self) -> Result<BTreeMap<RelPath, Want>, Error> {
        let url = || masked(&self.sums.url);
        let artifacts =
            stream::artifacts(&self.text).map_err(|source| Error::Stream { url: url(), source })?;
        let mut files = BTreeMap::new();
        for (name, artifact) in artifacts {
            if self.sums.names.match_name(&name) {
                let sha256 = Some(artifact.sha256);
                let want = Want { sha256, ..Want::new([artifact.url], name.as_str()) };
                files.insert(self.safe(self.place(&name))?, want);
            }
        }
        Ok(files)
    }

    /// Files that lie beside the list and below.
    fn beside(&self) -> Result<BTreeMap<RelPath, Want>, Error> {
        let mut base = self.sums.url.clone();
        base.set_query(None);
        if let Ok(mut segments) = base.path_segments_mut() {
            segments.pop().push("");
        }
        let bases = Bases::from([base]);
        let mut files = BTreeMap::new();
        for (name, digest) in digests(&self.text) {
            if !self.sums.names.match_name(&name) {
                continue;
            }
            let mut want = Want::below(&bases, &self.safe(name.clone())?);
            digest.demand(&mut want);
            files.insert(self.safe(self.place(&name))?, want);
        }
        Ok(files)
    }

    fn safe(&self, path: String) -> Result<RelPath, Error> {
        let name = masked(&self.sums.url);
        RelPath::new(path).map_err(|source| Error::Path { name, source })
    }

    /// The place of one of its files in the tree.
    pub(super) fn place(&self, name: &str) -> String {
        let into = &self.sums.into;
        if into.is_empty() { name.to_owned() } else { format!("{into}/{name}") }
    }
}

#[cfg(test)]
mod tests;
