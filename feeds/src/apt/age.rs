//! When the served state of a suite was made.

use jiff::Timestamp;

use super::release::made;
use super::source::Suite;
use super::upstream::{IN_RELEASE, RELEASE, place};
use crate::age::believed;
use crate::store::{Store, Tree};
use crate::transfer::{below, masked};
use crate::trust::signed_text;

/// When the `Release` file of a suite was made that a served tree comes from; nothing, if that comes from elsewhere.
pub(super) fn served(
    tree: &Tree,
    suite: &Suite,
    store: &Store,
    now: Timestamp,
) -> Option<Timestamp> {
    let told = format!("{} ", suite.told());
    if !tree.upstream.split(", ").any(|one| one.starts_with(&told)) {
        return None;
    }
    let base = suite.urls.first()?;
    let read = |name: &str| {
        let path = place(suite, name).ok()?;
        // A part has a `Release` file of the site's own; what that was made of lies beside.
        let read = tree.evidence.get(&masked(&below(base, &path)));
        let whole = || tree.files.get(&path).filter(|_| tree.evidence.is_empty());
        let object = read.or_else(whole)?;
        store.read(&object.sha256).ok()
    };
    let signed = || signed_text(&read(IN_RELEASE)?);
    let beside = || String::from_utf8(read(RELEASE)?).ok();
    believed(made(&signed().or_else(beside)?)?, now)
}
