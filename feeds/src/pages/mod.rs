//! Pages for people: one of each APT and YUM repository, one of regi's images, and a front page; static files in trees of
//! their own.
//!
//! A page is made from what its tree holds and nothing else, and only when that has changed. All that came from an upstream
//! is escaped: by the template engine in HTML, and by the script, which makes text and never markup.

mod error;
mod listing;
mod render;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use error::Error;
pub(crate) use listing::{Advisory, Group, Listing, Package, first_line};

use crate::digest::Sha256;
use crate::oci::Record;
use crate::store::{Object, RelPath, Store, Tree};
use crate::{apt, yum};

/// Where the front page lies in a generation.
pub const FRONT: &str = "data/pages/front";
/// Where the page of images lies.
pub const IMAGES: &str = "data/pages/regi";
/// The page itself, in its tree.
const INDEX: &str = "index.html";

/// The tree of a repository's page, or nothing where it is none: `data/yum/os` has its page in `data/pages/yum/os`.
pub fn place(repository: &RelPath) -> Option<RelPath> {
    let rest = repository.as_str().strip_prefix("data/")?;
    let has_page = rest.starts_with("apt/") || rest.starts_with("yum/");
    RelPath::new(format!("data/pages/{rest}")).ok().filter(|_| has_page)
}

/// Tells what a repository's page is made of: the page of the same recipe needs not be made again.
pub fn recipe(repository: &Tree) -> Sha256 {
    let (templates, id) =
        (render::templates(), repository.recipe.unwrap_or_else(|| repository.id()));
    Sha256::of(format!("{templates} {} {} {id}", repository.path, repository.trust).as_bytes())
}

/// Makes the page of a repository; `before` is what was served until now.
pub fn repository(
    store: &Store,
    place: RelPath,
    repository: &Tree,
    before: Option<&Tree>,
) -> Result<Tree, Error> {
    let listing = list(store, repository)?;
    let changes = match before {
        Some(before) if before.id() != repository.id() => {
            Some(listing.changes_since(&list(store, before)?))
        }
        _ => None,
    };
    let files = [
        (INDEX, render::repository(repository, &listing, changes.as_ref())?.into_bytes()),
        ("packages.json", render::packages(&listing)?),
    ];
    let from = format!("made from {}", repository.path);
    made(store, place, from, Some(recipe(repository)), files)
}

/// Makes the page of what was mirrored into `registry`; `unlisted` are the images that nobody asks for any more. None
/// where this very page is served.
pub fn images(
    store: &Store,
    registry: &str,
    record: &Record,
    unlisted: &[String],
) -> Result<Option<Tree>, Error> {
    let place = RelPath::new(IMAGES).map_err(Error::Place)?;
    let page = render::images(registry, record, unlisted)?.into_bytes();
    let served = store.published().join("current").join(IMAGES).join(INDEX);
    if fs_err::read(served).is_ok_and(|served| served == page) {
        return Ok(None);
    }
    made(store, place, format!("mirrored into {registry}"), None, [(INDEX, page)]).map(Some)
}

/// Makes the front page of these trees; `images` says whether there is a page of images, too.
pub fn front(store: &Store, trees: &[&Tree], images: bool) -> Result<Tree, Error> {
    let place = RelPath::new(FRONT).map_err(Error::Place)?;
    let files = [(INDEX, render::front(trees, images)?.into_bytes())];
    made(store, place, "made from what is served".to_owned(), None, files)
}

fn list(store: &Store, tree: &Tree) -> Result<Listing, Error> {
    if tree.path.as_str().starts_with("data/yum/") {
        yum::list(store, tree)
    } else {
        apt::list(store, tree)
    }
}

fn made<const N: usize>(
    store: &Store,
    path: RelPath,
    upstream: String,
    recipe: Option<Sha256>,
    contents: [(&str, Vec<u8>); N],
) -> Result<Tree, Error> {
    let mut files: BTreeMap<RelPath, Object> = BTreeMap::new();
    for (name, bytes) in contents {
        let object = store.insert_bytes(&bytes).map_err(Error::Store)?;
        files.insert(RelPath::new(name).map_err(Error::Place)?, object);
    }
    let trust = "made by this site".to_owned();
    Ok(Tree { path, upstream, trust, recipe, evidence: BTreeMap::new(), files })
}
