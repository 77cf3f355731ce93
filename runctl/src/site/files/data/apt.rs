//! `[[apt]]` of data.toml.

use std::path::Path;

use super::super::super::kinds::{flag, inner_path, name, url, word};
use super::super::super::model::{AptFeed, AptUpstream};
use super::super::super::table::Table;
use super::super::some;
use super::trust;

/// Reads one APT repository.
pub(super) fn read(mut table: Table<'_>, folder: &Path) -> AptFeed {
    let feed = AptFeed {
        name: table.required("name", name),
        upstream: upstream(&mut table, folder),
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

fn upstream(table: &mut Table<'_>, folder: &Path) -> AptUpstream {
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
