//! What a mirrored repository says to people: the packages of all its indexes, each once.

use std::collections::BTreeMap;

use super::deb822::paragraphs;
use crate::compression::{Compression, read_within};
use crate::pages::{Error, Listing, Package, first_line};
use crate::store::{Object, RelPath, Store, Tree};

/// More than any index there is.
const LONGEST_INDEX: u64 = 1024 * 1024 * 1024;

/// Reads a tree's indexes; a tree without any lists nothing.
pub(crate) fn list(store: &Store, tree: &Tree) -> Result<Listing, Error> {
    let mut listing = Listing::default();
    for (path, object, compression) in indexes(tree) {
        let failed = |source| Error::Read { tree: tree.path.clone(), file: path.clone(), source };
        let packed = store.read(&object.sha256).map_err(Error::Store)?;
        let text = compression
            .reader(&packed[..])
            .and_then(|reader| read_within(reader, LONGEST_INDEX))
            .map_err(failed)?;
        for paragraph in paragraphs(&String::from_utf8_lossy(&text)) {
            let mut package = Package::default();
            for (field, value) in paragraph.fields() {
                match field {
                    "Package" => package.name = value.to_owned(),
                    "Version" => package.version = value.to_owned(),
                    "Architecture" => package.architecture = value.to_owned(),
                    "Size" => package.size = value.parse().unwrap_or(0),
                    "Description" => package.summary = first_line(value),
                    "Filename" => package.file = value.trim_start_matches("./").to_owned(),
                    _ => {}
                }
            }
            listing.packages.push(package);
        }
        // `all` stands in the index of each architecture.
        listing = listing.settled();
    }
    Ok(listing)
}

/// One index of each folder: the smallest that can be read, for all say the same.
fn indexes(tree: &Tree) -> Vec<(&RelPath, &Object, Compression)> {
    let mut chosen = BTreeMap::new();
    for (path, object) in &tree.files {
        let (folder, name) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
        let Some(compression) = Compression::of(name) else { continue };
        if name != "Packages" && !name.starts_with("Packages.") {
            continue;
        }
        let best = chosen.entry(folder).or_insert((path, object, compression));
        if object.size < best.1.size {
            *best = (path, object, compression);
        }
    }
    chosen.into_values().collect()
}
