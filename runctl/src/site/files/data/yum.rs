//! `[[yum]]` of data.toml.

use std::path::Path;

use super::super::super::kinds::{name, url};
use super::super::super::model::YumFeed;
use super::super::super::table::Table;
use super::super::some;
use super::trust;

/// Reads one YUM repository.
pub(super) fn read(mut table: Table<'_>, folder: &Path) -> YumFeed {
    let feed = YumFeed {
        name: table.required("name", name),
        urls: some(&mut table, "urls", url),
        trust: trust(&mut table, folder),
        architectures: table.list("architectures", &[], name),
    };
    table.finish();
    feed
}
