//! `[[files]]` of data.toml.

use super::super::super::kinds::name;
use super::super::super::model::FilesFeed;
use super::super::super::table::Table;
use super::super::plain_files;

/// Reads one folder of plain files.
pub(super) fn read(mut table: Table<'_>) -> FilesFeed {
    let feed = FilesFeed { name: table.required("name", name), files: plain_files(&mut table) };
    if !table.has("file") {
        table.lacks("no file is named", Some("add a `[[files.file]]` table".to_owned()));
    }
    table.finish();
    feed
}
