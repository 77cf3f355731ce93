//! The head of the chain: on which mirrors a repository lies, and a `repomd.xml` that holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::try_join;
use jiff::Timestamp;
use url::Url;

use super::age::made;
use super::error::Error;
use super::metalink::{self, Metalink};
use super::mirrorlist;
use super::source::{Source, Upstream};
use crate::age;
use crate::events::Watch;
use crate::heads::{self, Blamed, which};
use crate::store::{Object, RelPath};
use crate::transfer::{Bases, Surveyed, Transfer, Want, below, masked};
use crate::trust::Keyring;

/// Where `repomd.xml` lies below a mirror.
pub(super) const REPOMD: &str = "repodata/repomd.xml";
const SIGNATURE: &str = "repodata/repomd.xml.asc";
/// `repomd.xml` and its signature have some kilobytes.
const LARGEST_REPOMD: u64 = 16 << 20;

/// `repomd.xml` of one mirror, verified.
pub(super) struct Head {
    /// All mirrors, the one that it was read from first: another may be older or newer.
    pub(super) bases: Bases,
    /// `repomd.xml` itself.
    pub(super) text: Vec<u8>,
    /// Who signed it, or `none`.
    pub(super) trust: String,
    /// It and its signature, as they are published.
    pub(super) files: BTreeMap<RelPath, Object>,
}

/// One reading of the head, asked for with all that it needs.
struct Asking<'a> {
    source: &'a Source,
    /// Who must have signed `repomd.xml`, if somebody must.
    keyring: Option<&'a Keyring>,
    /// When what is served was made, if nothing older is taken.
    served: Option<Timestamp>,
    metalink: Option<Metalink>,
    transfer: &'a Transfer,
    watch: &'a dyn Watch,
}

/// Finds the mirrors, and asks them for a `repomd.xml` that holds.
pub(super) async fn read(
    source: &Source,
    keyring: Option<&Keyring>,
    served: Option<Timestamp>,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Result<Head, Error> {
    let mut asking = Asking { source, keyring, served, metalink: None, transfer, watch };
    let all = asking.mirrors().await?;
    let of = format!("yum {}", source.name);
    let (bases, told) = heads::first(&all, &of, watch, |bases| asking.ask(bases)).await?;
    let (text, trust, files) = told;
    Ok(Head { bases, text, trust, files })
}

/// A `repomd.xml`, who signed that, and what is published of it.
type Told = (Vec<u8>, String, BTreeMap<RelPath, Object>);

impl Asking<'_> {
    /// Lists the mirrors, as the source says or as the list says that it names.
    async fn mirrors(&mut self) -> Result<Bases, Error> {
        let name = || self.source.name.clone();
        let (list, is_metalink) = match &self.source.upstream {
            Upstream::Urls(bases) => return Ok(Arc::clone(bases)),
            Upstream::Mirrorlist(url) => (url, false),
            Upstream::Metalink(url) => (url, true),
        };
        let label = if is_metalink { "metalink" } else { "mirror list" };
        let want = Want::new(vec![list.clone()], format!("{label} of yum {}", name()));
        let (_, text) = self.read(Want { limit: mirrorlist::LARGEST, ..want }).await?;
        let mirrors = if is_metalink {
            let metalink = metalink::parse(&text, list).map_err(|source| Error::Metadata {
                name: name(),
                file: masked(list),
                source,
            })?;
            let mirrors = metalink.mirrors.clone();
            self.metalink = Some(metalink);
            mirrors
        } else {
            mirrorlist::parse(&text, list)
        };
        if mirrors.is_empty() {
            return Err(Error::NoMirrors { name: name() });
        }
        Ok(mirrors.into())
    }

    /// Asks for `repomd.xml` and its signature at once; a failure names the mirror that is to blame, if one is.
    async fn ask(&self, bases: Bases) -> Result<(Url, Told), Blamed<Error>> {
        let nobody = |error| (None, error);
        let repomd = path(self.source, REPOMD).map_err(nobody)?;
        let signature = path(self.source, SIGNATURE).map_err(nobody)?;
        let whole = |path: &RelPath| Want { limit: LARGEST_REPOMD, ..Want::below(&bases, path) };
        let Some(keyring) = self.keyring else {
            let (surveyed, text) = self.read(whole(&repomd)).await.map_err(nobody)?;
            let told = which(&bases, &surveyed.url, &repomd);
            self.compare(&told, &text).map_err(|error| (Some(told.clone()), error))?;
            let files = BTreeMap::from([(repomd, surveyed.object)]);
            return Ok((told, (text, "none".to_owned(), files)));
        };
        let both = try_join(self.read(whole(&repomd)), self.read(whole(&signature)));
        let ((surveyed, text), mut signed) = both.await.map_err(nobody)?;
        let told = which(&bases, &surveyed.url, &repomd);
        let blame = |error| (Some(told.clone()), error);
        self.compare(&told, &text).map_err(blame)?;
        if which(&bases, &signed.0.url, &signature) != told {
            // Two mirrors answered, and one may be older: both files must be of the same.
            let want = Want::below(&Bases::from([told.clone()]), &signature);
            signed = self.read(Want { limit: LARGEST_REPOMD, ..want }).await.map_err(blame)?;
        }
        let signed_by = keyring.verify_detached(&text, &signed.1).map_err(|error| {
            let url = masked(&below(&told, &repomd));
            blame(Error::Trust { url, source: Box::new(error) })
        })?;
        let files = BTreeMap::from([(repomd, surveyed.object), (signature, signed.0.object)]);
        Ok((told, (text, signed_by.fingerprint, files)))
    }

    /// Compares a `repomd.xml` with what the metalink says that it must be, and with what is served.
    fn compare(&self, told: &Url, text: &[u8]) -> Result<(), Error> {
        if self.metalink.as_ref().is_some_and(|metalink| !metalink.vouches_for(text)) {
            return Err(Error::NotInMetalink { url: masked(told) });
        }
        age::compare(made(text), self.served).map_err(|age| Error::Older { url: masked(told), age })
    }

    /// Asks for a file that nobody tells the digest of, and reads it.
    async fn read(&self, want: Want) -> Result<(Surveyed, Vec<u8>), Error> {
        let name = || self.source.name.clone();
        let surveyed = self
            .transfer
            .survey(want, self.watch)
            .await
            .map_err(|error| Error::Fetch { name: name(), source: Box::new(error) })?;
        let bytes = self
            .transfer
            .store()
            .read(&surveyed.object.sha256)
            .map_err(|error| Error::Store { name: name(), source: error })?;
        Ok((surveyed, bytes))
    }
}

fn path(source: &Source, file: &str) -> Result<RelPath, Error> {
    RelPath::new(file).map_err(|wrong| Error::Name { name: source.name.clone(), source: wrong })
}
