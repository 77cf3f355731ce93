//! What a small file says that nobody tells the digest of, and the signature that lies beside it.

use url::Url;

use super::Error;
use super::listed::LARGEST;
use crate::digest::Sha256;
use crate::events::Watch;
use crate::store::Object;
use crate::transfer::{Transfer, Want, masked};

/// What a detached signature is called: the file's name with one of these.
const SIGNATURES: [&str; 4] = [".asc", ".sig", ".gpg", ".sign"];

/// A signature as it was found.
pub(super) struct Signature {
    /// What follows the file's name in its own.
    pub(super) end: &'static str,
    pub(super) object: Object,
    pub(super) bytes: Vec<u8>,
}

/// Asks for a signature beside a file, under each of its usual names.
pub(super) async fn beside(
    url: &Url,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Result<Signature, Error> {
    let mut failed = None;
    for end in SIGNATURES {
        let mut beside = url.clone();
        beside.set_path(&format!("{}{end}", url.path()));
        match ask(&beside, None, transfer, watch).await {
            Ok((object, bytes)) => return Ok(Signature { end, object, bytes }),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    Err(failed.unwrap_or_else(|| Error::Unmatched { url: masked(url) }))
}

/// Asks for a small file and reads it.
pub(super) async fn ask(
    url: &Url,
    sha256: Option<Sha256>,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Result<(Object, Vec<u8>), Error> {
    let told = || masked(url);
    let want = Want { sha256, limit: LARGEST, ..Want::new([url.clone()], told()) };
    let found = transfer
        .survey(want, watch)
        .await
        .map_err(|source| Error::Ask { url: told(), source: Box::new(source) })?;
    let bytes = transfer
        .store()
        .read(&found.object.sha256)
        .map_err(|source| Error::Store { url: told(), source })?;
    Ok((found.object, bytes))
}
