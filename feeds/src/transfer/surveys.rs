//! What was last read at an address whose digest nobody tells, so that asking again costs one small answer.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use super::partial::{Validator, address_key};
use crate::store::{Object, Store};

/// The object that an address had, and what tells that it still has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) object: Object,
    pub(super) validator: Validator,
}

fn path(store: &Store, url: &Url) -> PathBuf {
    store.surveys().join(format!("{}.json", address_key(url)))
}

/// Recalls what was seen at an address, if its object is still there.
pub(super) fn recall(store: &Store, url: &Url) -> Option<Seen> {
    let seen: Seen = serde_json::from_slice(&fs_err::read(path(store, url)).ok()?).ok()?;
    (store.find(&seen.object.sha256) == Some(seen.object)).then_some(seen)
}

/// Remembers what was seen at an address.
pub(super) fn remember(store: &Store, url: &Url, seen: &Seen) -> io::Result<()> {
    let path = path(store, url);
    if seen.validator.is_empty() {
        return match fs_err::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let fresh = tempfile::NamedTempFile::new_in(store.surveys())?;
    fs_err::write(fresh.path(), serde_json::to_vec(seen)?)?;
    fs_err::rename(fresh.path(), path)?;
    // It has moved on: nothing is left to be removed.
    let _path = fresh.into_temp_path().keep();
    Ok(())
}
