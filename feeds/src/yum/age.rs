//! How old the metadata of a repository is, as it tells itself: what is served gives way to nothing older.
//!
//! A signature proves who made `repomd.xml` and not when, and a metalink vouches for the versions that slow mirrors still
//! have. So a mirror that fell behind, or plays back what once was true, could take away updates that machines had already.
//! What the upstream said then is compared with what it says now; this host's clock only tells what has yet to come.

use super::record;
use crate::store::{Store, Tree};

/// How far ahead of this host's clock an upstream's may be, in seconds, and still be believed.
const AHEAD: i64 = 24 * 60 * 60;

/// When a `repomd.xml` was made, as the newest of what it lists tells, in seconds; many tell nothing.
pub(super) fn made(repomd: &[u8]) -> Option<i64> {
    let mut newest = None;
    let read = record::read(repomd, "data", &["timestamp"], |record| {
        newest = newest.max(record.text("timestamp").and_then(seconds));
        Ok(())
    });
    read.ok().and(newest)
}

/// Old tools write fractions, too.
fn seconds(text: &str) -> Option<i64> {
    text.split('.').next()?.parse().ok()
}

/// When the `repomd.xml` at `path` was made that a served tree comes from; nothing, if that comes from elsewhere.
///
/// A time that has yet to come tells nothing: an upstream whose clock was wrong once must not lock itself out.
pub(super) fn served(
    tree: &Tree,
    path: &str,
    upstream: &str,
    store: &Store,
    now: i64,
) -> Option<i64> {
    if tree.upstream != upstream {
        return None;
    }
    let own = tree.files.iter().find(|(at, _)| at.as_str() == path);
    // A part has metadata of the site's own; what that was made of lies beside.
    let read = tree.evidence.iter().find(|(url, _)| url.ends_with(path));
    let object = read.map(|(_, object)| object).or(own.map(|(_, object)| object))?;
    let made = made(&store.read(&object.sha256).ok()?)?;
    (made <= now.saturating_add(AHEAD)).then_some(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_what_is_listed_counts() {
        let data = |timestamp: &str| format!("<data type=\"x\">{timestamp}</data>");
        let at = |text: &str| data(&format!("<timestamp>{text}</timestamp>"));
        let repomd = |all: &[String]| made(format!("<repomd>{}</repomd>", all.concat()).as_bytes());
        assert_eq!(repomd(&[at("3"), at("17.25"), data(""), at(" 5 ")]), Some(17));
        assert_eq!(repomd(&[data(""), at("soon")]), None);
        assert_eq!(repomd(&[]), None);
        assert_eq!(made(b"<repomd><data><timestamp>5</timestamp></data>"), None, "cut off");
    }
}
