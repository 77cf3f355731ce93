//! When the metadata of a repository was made, as it tells itself: what is offered, and what is served.

use jiff::Timestamp;

use super::record;
use crate::age::believed;
use crate::store::{Store, Tree};

/// When a `repomd.xml` was made, as the newest of what it lists tells; many tell nothing.
pub(super) fn made(repomd: &[u8]) -> Option<Timestamp> {
    let mut newest = None;
    let read = record::read(repomd, "data", &["timestamp"], |record| {
        newest = newest.max(record.text("timestamp").and_then(seconds));
        Ok(())
    });
    read.ok().and(newest)
}

/// Old tools write fractions, too.
fn seconds(text: &str) -> Option<Timestamp> {
    Timestamp::from_second(text.split('.').next()?.parse().ok()?).ok()
}

/// When the `repomd.xml` at `path` was made that a served tree comes from; nothing, if that comes from elsewhere.
pub(super) fn served(
    tree: &Tree,
    path: &str,
    upstream: &str,
    store: &Store,
    now: Timestamp,
) -> Option<Timestamp> {
    if tree.upstream != upstream {
        return None;
    }
    let own = tree.files.iter().find(|(at, _)| at.as_str() == path);
    // A part has metadata of the site's own; what that was made of lies beside.
    let read = tree.evidence.iter().find(|(url, _)| url.ends_with(path));
    let object = read.map(|(_, object)| object).or(own.map(|(_, object)| object))?;
    believed(made(&store.read(&object.sha256).ok()?)?, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_what_is_listed_counts() {
        let data = |timestamp: &str| format!("<data type=\"x\">{timestamp}</data>");
        let at = |text: &str| data(&format!("<timestamp>{text}</timestamp>"));
        let repomd = |all: &[String]| made(format!("<repomd>{}</repomd>", all.concat()).as_bytes());
        let seventeen = Timestamp::from_second(17).ok();
        assert_eq!(repomd(&[at("3"), at("17.25"), data(""), at(" 5 ")]), seventeen);
        assert_eq!(repomd(&[data(""), at("soon"), at("9223372036854775807")]), None);
        assert_eq!(repomd(&[]), None);
        assert_eq!(made(b"<repomd><data><timestamp>5</timestamp></data>"), None, "cut off");
    }
}
