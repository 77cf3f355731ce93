//! One file that a signature of its own proves, which lies beside it or elsewhere.

use std::path::PathBuf;

use url::Url;

use super::Error;
use super::signature::{Signature, ask, beside};
use crate::events::Watch;
use crate::heads::{self, Blamed};
use crate::store::Object;
use crate::transfer::{Bases, Transfer, Want, masked};
use crate::trust::Keyring;

/// A file and its signature.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Its place in the tree; the signature comes beside it.
    pub path: String,
    /// Where it lies, best first.
    pub urls: Bases,
    /// The certificates in these files, of which one signed it.
    pub keys: Vec<PathBuf>,
    /// Where the signature lies, if that is not beside the file, under its name with a usual ending.
    pub signature: Option<Url>,
}

/// A file that was verified.
pub(super) struct Verified {
    /// The file and its signature, by their places in the tree.
    pub(super) files: Vec<(String, Object)>,
    /// Who signed it.
    pub(super) by: String,
}

impl Signed {
    /// Asks the mirrors for the file and its signature until one has both and they belong together.
    pub(super) async fn verify(
        &self,
        transfer: &Transfer,
        watch: &dyn Watch,
    ) -> Result<Verified, Error> {
        let url = || self.urls.first().map(masked).unwrap_or_default();
        let keyring =
            Keyring::load(&self.keys).map_err(|source| Error::Trust { url: url(), source })?;
        let of = format!("file {}", self.path);
        let ask = |left: Bases| self.ask(left, &keyring, transfer, watch);
        heads::first(&self.urls, &of, watch, ask).await.map(|(_, verified)| verified)
    }

    /// Asks the first of some mirrors; any failure is its own.
    async fn ask(
        &self,
        left: Bases,
        keyring: &Keyring,
        transfer: &Transfer,
        watch: &dyn Watch,
    ) -> Result<(Url, Verified), Blamed<Error>> {
        let Some(mirror) = left.first() else {
            let path = self.path.clone();
            return Err((None, Error::Nowhere { path }));
        };
        match self.ask_mirror(mirror, keyring, transfer, watch).await {
            Ok(verified) => Ok((mirror.clone(), verified)),
            Err(error) => Err((Some(mirror.clone()), error)),
        }
    }

    async fn ask_mirror(
        &self,
        mirror: &Url,
        keyring: &Keyring,
        transfer: &Transfer,
        watch: &dyn Watch,
    ) -> Result<Verified, Error> {
        // A file without one is not worth its bytes.
        let signature = match &self.signature {
            Some(url) => {
                let (object, bytes) = ask(url, None, transfer, watch).await?;
                Signature { end: "", object, bytes }
            }
            None => beside(mirror, transfer, watch).await?,
        };
        let unread = |source| Error::Ask { url: masked(mirror), source: Box::new(source) };
        let surveyed = transfer.survey(Want::new([mirror.clone()], self.path.as_str()), watch);
        let object = surveyed.await.map_err(unread)?.object;
        let path = transfer.store().path(&object.sha256);
        let (keyring, text) = (keyring.clone(), signature.bytes);
        let work = move || keyring.verify_detached_file(&path, &text);
        let verified = tokio::task::spawn_blocking(work).await;
        let verified =
            verified.unwrap_or_else(|stopped| std::panic::resume_unwind(stopped.into_panic()));
        let by = verified.map_err(|source| Error::Trust { url: masked(mirror), source })?;
        let beside = self.beside(signature.end);
        let files = vec![(self.path.clone(), object), (beside, signature.object)];
        Ok(Verified { files, by: by.fingerprint })
    }

    /// The place of the signature in the tree.
    fn beside(&self, end: &str) -> String {
        let name = |url: &Url| url.path_segments()?.next_back().map(str::to_owned);
        match self.signature.as_ref().and_then(name) {
            None => format!("{}{end}", self.path),
            Some(name) => match self.path.rsplit_once('/') {
                Some((folder, _)) => format!("{folder}/{name}"),
                None => name,
            },
        }
    }
}

#[cfg(test)]
mod tests;
