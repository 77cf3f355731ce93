//! Pages for people beside the trees of data: made where a repository changed; one that cannot be made is told, and missing.

use feeds::events::{Event, Watch};
use feeds::pages;
use feeds::store::{RelPath, Store, Tree};

use crate::failure::Outcome;

/// Adds the pages of what is about to be published; a repository that stays as it was keeps its page.
pub(super) fn add(
    store: &Store,
    trees: &mut Vec<Tree>,
    keep: &mut Vec<RelPath>,
    watch: &dyn Watch,
) -> Outcome {
    let served = store.current()?.map(|current| current.lock.trees).unwrap_or_default();
    let find = |path: &RelPath| served.iter().find(|tree| tree.path == *path);
    let mut made = Vec::new();
    for tree in &*trees {
        let Some(place) = pages::place(&tree.path) else { continue };
        let recipe = Some(pages::recipe(tree));
        let page = find(&place).filter(|page| page.recipe == recipe && store.is_whole(page));
        let page = page.map_or_else(
            || pages::repository(store, place, tree, find(&tree.path)),
            |page| Ok(page.clone()),
        );
        match page {
            Ok(page) => made.push(page),
            Err(error) => {
                let because = std::error::Error::source(&error).map(|it| format!(": {it}"));
                let text = format!("no page: {error}{}", because.unwrap_or_default());
                watch.event(Event::Warning { text });
            }
        }
    }
    let kept = keep.iter().filter_map(find);
    let mut listed: Vec<_> = trees.iter().chain(kept).collect();
    listed.sort_by(|one, other| one.path.cmp(&other.path));
    let images = served.iter().map(|tree| &tree.path).find(|path| path.as_str() == pages::IMAGES);
    made.push(pages::front(store, &listed, images.is_some())?);
    trees.extend(made);
    let places: Vec<_> = keep.iter().filter_map(pages::place).collect();
    keep.extend(places);
    keep.extend(images.cloned());
    Ok(())
}
