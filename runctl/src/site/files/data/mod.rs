//! data.toml: what data mirrors.

mod apt;
mod files;
mod yum;

use std::path::Path;

use super::super::kinds::{number, word};
use super::super::model::{Data, Host, Trust};
use super::super::table::Table;
use super::{existing, host, site::Base};
use crate::service::Service;

pub(super) const FILE: &str = "data.toml";

/// Reads data.toml.
pub(super) fn read(mut table: Table<'_>, base: &Base, folder: &Path) -> (Host, Data) {
    let host = host(Service::Data, &mut table, base);
    let data = Data {
        keep: table.or("keep", 3, number(1..=1000)),
        apt: table.tables("apt").into_iter().map(|table| apt::read(table, folder)).collect(),
        yum: table.tables("yum").into_iter().map(|table| yum::read(table, folder)).collect(),
        files: table.tables("files").into_iter().map(|table| files::read(table, folder)).collect(),
    };
    table.finish();
    (host, data)
}

/// What others have counts where something is needed.
fn leaning(table: &Table<'_>) {
    if table.has("leans_on") && !table.has("packages") {
        let help = "it is about what the packages of a list need: name `packages`".to_owned();
        table.object("leans_on", "`leans_on` does not go without `packages`", Some(help));
    }
}

/// Reads who vouches for an upstream: key files, or nobody, written down.
fn trust(table: &mut Table<'_>, folder: &Path) -> Trust {
    let keys = table.list("keys", &[], existing(folder));
    let none = table.optional("trust", word(&["none"]));
    match (table.has("keys"), table.has("trust")) {
        (true, true) => table.object("trust", "`trust` does not go with `keys`", None),
        (true, false) if table.has_empty_list("keys") => {
            table.object("keys", "`keys` must name at least one", None);
        }
        (false, false) => table.lacks(
            "nobody vouches for this upstream",
            Some("write `keys = [\"FILE\"]`, or `trust = \"none\"`".to_owned()),
        ),
        _ => {}
    }
    if none.is_some() { Trust::None } else { Trust::Keys(keys) }
}
