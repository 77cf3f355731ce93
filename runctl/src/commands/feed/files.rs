//! One folder of plain files of data.toml, in the words of the feed.

use feeds::plan::Plan;

use super::data;
use crate::failure::Outcome;
use crate::site::FilesFeed;

/// Plans the folder.
pub(super) fn survey(feed: &FilesFeed) -> Outcome<Plan> {
    let file = |(path, texts, sha256): &(String, Vec<String>, String)| {
        Ok(feeds::files::File {
            path: path.clone(),
            urls: data::urls(texts)?,
            sha256: data::digest(path, sha256)?,
        })
    };
    let source = feeds::files::Source {
        name: feed.name.clone(),
        files: feed.files.iter().map(file).collect::<Outcome<_>>()?,
    };
    Ok(feeds::files::survey(&source)?)
}
