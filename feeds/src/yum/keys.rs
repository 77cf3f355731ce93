//! The keys of a repository, served beside it: a client's `gpgkey=` can name them on the mirror.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::Error;
use super::source::{Source, Trust};
use crate::store::{Object, RelPath, Store};
use crate::trust;

/// How clients expect the files of keys to begin.
const PREFIX: &str = "RPM-GPG-KEY-";
/// What their names end with where people keep them, and says nothing.
const ENDINGS: [&str; 5] = ["asc", "gpg", "pgp", "key", "pub"];

/// Puts the keys that must have signed a repository into the store, armoured, each by its place in the tree.
pub(super) fn served(source: &Source, store: &Store) -> Result<BTreeMap<RelPath, Object>, Error> {
    let Trust::Keys(files) = &source.trust else {
        return Ok(BTreeMap::new());
    };
    let name = || source.name.clone();
    let mut served = BTreeMap::new();
    for file in files {
        let keys = |error| Error::Keys { name: name(), source: Box::new(error) };
        let place = RelPath::new(place(file))
            .map_err(|wrong| Error::Name { name: name(), source: wrong })?;
        let armoured = trust::armoured(file).map_err(keys)?;
        let object = store
            .insert_bytes(armoured.as_bytes())
            .map_err(|error| Error::Store { name: name(), source: error })?;
        if served.insert(place.clone(), object).is_some_and(|other| other != object) {
            return Err(Error::Conflict { name: name(), path: place });
        }
    }
    Ok(served)
}

/// Names a key file as clients expect it.
fn place(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let bare = match name.rsplit_once('.') {
        Some((bare, ending)) if ENDINGS.contains(&ending) => bare,
        _ => &name,
    };
    format!("{PREFIX}{}", bare.strip_prefix(PREFIX).unwrap_or(bare))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keys_as_clients_expect() {
        for (file, wanted) in [
            ("/etc/pki/rpm-gpg/RPM-GPG-KEY-el-9", "RPM-GPG-KEY-el-9"),
            ("keys/vendor.asc", "RPM-GPG-KEY-vendor"),
            ("RPM-GPG-KEY-v1.2", "RPM-GPG-KEY-v1.2"),
        ] {
            assert_eq!(place(Path::new(file)), wanted);
        }
    }
}
