//! data.toml: what data mirrors.

use std::path::Path;

use super::super::kinds::{flag, inner_path, name, number, url, word};
use super::super::model::{AptFeed, AptUpstream, Data, FilesFeed, Host, Trust, YumFeed};
use super::super::table::Table;
use super::{existing, host, plain_files, site::Base, some};
use crate::services::Service;

pub(super) const FILE: &str = "data.toml";

/// Reads data.toml.
pub(super) fn read(mut table: Table<'_>, base: &Base, folder: &Path) -> (Host, Data) {
    let host = host(Service::Data, &mut table, base);
    let data = Data {
        keep: table.or("keep", 3, number(1..=1000)),
        apt: table.tables("apt").into_iter().map(|table| apt(table, folder)).collect(),
        yum: table.tables("yum").into_iter().map(|table| yum(table, folder)).collect(),
        files: table.tables("files").into_iter().map(files).collect(),
    };
    table.finish();
    (host, data)
}

fn apt(mut table: Table<'_>, folder: &Path) -> AptFeed {
    let feed = AptFeed {
        name: table.required("name", name),
        upstream: apt_upstream(&mut table, folder),
        architectures: table.list("architectures", &["amd64"], name),
        packages: table.list("packages", &[], name),
        recommends: table.or("recommends", false, flag),
        udebs: table.or("udebs", false, flag),
        skip_missing: table.optional("missing", word(&["skip"])).is_some(),
    };
    if feed.skip_missing && feed.packages.is_empty() {
        let help =
            "name `packages`: a whole mirror keeps the upstream's own index, which lists them";
        table.object("missing", "`missing` does not go without `packages`", Some(help.to_owned()));
    }
    table.finish();
    feed
}

fn apt_upstream(table: &mut Table<'_>, folder: &Path) -> AptUpstream {
    const NAMED: [&str; 5] = ["urls", "suites", "components", "keys", "trust"];
    if table.optional("upstream", word(&["host"])).is_none() && !table.has("upstream") {
        return AptUpstream::Sources {
            urls: some(table, "urls", url),
            suites: some(table, "suites", inner_path),
            components: table.list("components", &["main"], inner_path),
            trust: trust(table, folder),
        };
    }
    table.know(&NAMED);
    for key in NAMED.into_iter().filter(|key| table.has(key)) {
        let help = "leave it out, the host's own APT sources say it".to_owned();
        table.object(key, format!("`{key}` does not go with `upstream`"), Some(help));
    }
    AptUpstream::Host
}

fn yum(mut table: Table<'_>, folder: &Path) -> YumFeed {
    let feed = YumFeed {
        name: table.required("name", name),
        urls: some(&mut table, "urls", url),
        trust: trust(&mut table, folder),
        architectures: table.list("architectures", &[], name),
    };
    table.finish();
    feed
}

fn files(mut table: Table<'_>) -> FilesFeed {
    let feed = FilesFeed { name: table.required("name", name), files: plain_files(&mut table) };
    if !table.has("file") {
        table.lacks("no file is named", Some("add a `[[files.file]]` table".to_owned()));
    }
    table.finish();
    feed
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
