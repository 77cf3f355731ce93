//! `[[apt]]` of data.toml.

use std::path::Path;

use serde_json::Value;

use super::super::super::kinds::{
    Read, flag, folder_of, hours, inner_path, name, number, pattern, url, word,
};
use super::super::super::model::{AptExtras, AptFeed, AptUpstream, Filter};
use super::super::super::table::Table;
use super::super::some;
use super::trust;

/// What is said of an upstream that is named.
const NAMED: [&str; 5] = ["urls", "suites", "components", "keys", "trust"];

/// Reads one APT repository.
pub(super) fn read(mut table: Table<'_>, folder: &Path) -> AptFeed {
    let name_of_it = table.required("name", name);
    let upstream = upstream(&mut table, folder);
    let loose = matches!(upstream, AptUpstream::Folder(_));
    let usual: &[&str] = if loose { &[] } else { &["amd64"] };
    let feed = AptFeed {
        name: name_of_it,
        upstream,
        architectures: table.list("architectures", usual, name),
        packages: table.list("packages", &[], name),
        filter: filter(&mut table),
        leans_on: table.list("leans_on", &[], name),
        recommends: table.or("recommends", false, flag),
        extras: AptExtras {
            translations: table.list("translations", &["en"], name),
            contents: table.or("contents", false, flag),
            udebs: table.or("udebs", false, flag),
            sources: table.or("sources", false, flag),
        },
        skip_missing: table.optional("missing", word(&["skip"])).is_some(),
        accept_older: table.or("accept_older", false, flag),
        valid_hours: table.optional("valid_until", hours),
    };
    if loose {
        const UPSTREAM: [&str; 9] = [
            "packages",
            "leans_on",
            "recommends",
            "udebs",
            "translations",
            "contents",
            "sources",
            "missing",
            "accept_older",
        ];
        object_to(&table, &UPSTREAM, "`from`", "a folder has the packages that are in it");
    } else {
        check(&table, &feed);
    }
    super::leaning(&table);
    table.finish();
    feed
}

/// Reads which packages pass.
fn filter(table: &mut Table<'_>) -> Filter {
    Filter {
        newest: table.optional("newest", number(1..=1000)),
        include: table.list("include", &[], pattern),
        exclude: table.list("exclude", &[], pattern),
    }
}

/// Objects to what contradicts itself.
fn check(table: &Table<'_>, feed: &AptFeed) {
    let subset = !feed.packages.is_empty() || !feed.filter.is_empty();
    if !feed.packages.is_empty() {
        let help = "a list takes the best version of what it names and of what that needs";
        object_to(table, &["newest", "include"], "`packages`", help);
    } else if feed.skip_missing && feed.filter.is_empty() {
        let help =
            "name `packages`: a whole mirror keeps the upstream's own index, which lists them";
        table.object("missing", "`missing` does not go without `packages`", Some(help.to_owned()));
    }
    if subset && feed.extras.contents {
        let help = "only a whole mirror has lists of files: they are the upstream's own";
        let message = "`contents` does not go with a part of a repository";
        table.object("contents", message, Some(help.to_owned()));
    }
    if !subset && table.has("valid_until") {
        let help = "a whole mirror keeps the upstream's own index, which says until when it holds";
        let message =
            "`valid_until` does not go without `packages`, `newest`, `include` or `exclude`";
        table.object("valid_until", message, Some(help.to_owned()));
    }
}

/// Objects to each key that does not go with another.
fn object_to(table: &Table<'_>, keys: &[&str], with: &str, help: &str) {
    for key in keys.iter().filter(|key| table.has(key)) {
        table.object(key, format!("`{key}` does not go with {with}"), Some(help.to_owned()));
    }
}

fn upstream(table: &mut Table<'_>, folder: &Path) -> AptUpstream {
    let from = table.optional("from", folder_of);
    let host = table.optional("upstream", word(&["host"]));
    if table.has("from") {
        table.know(&NAMED);
        object_to(table, &NAMED, "`from`", "nothing is fetched: the folder has it all");
        object_to(table, &["upstream"], "`from`", "nothing is fetched: the folder has it all");
        return from.map_or(AptUpstream::Host, AptUpstream::Folder);
    }
    if host.is_none() && !table.has("upstream") {
        return AptUpstream::Sources {
            urls: some(table, "urls", url),
            suites: some(table, "suites", suite),
            components: table.list("components", &["main"], inner_path),
            trust: trust(table, folder),
        };
    }
    table.know(&NAMED);
    object_to(table, &NAMED, "`upstream`", "leave it out, the host's own APT sources say it");
    AptUpstream::Host
}

/// A suite, or a folder that ends with a slash: `./` is the repository's root.
fn suite(value: &Value) -> Read<String> {
    match value.as_str().and_then(|text| text.strip_suffix('/')) {
        None => inner_path(value),
        Some("" | ".") => Ok("./".to_owned()),
        Some(folder) => inner_path(&Value::from(folder)).map(|folder| format!("{folder}/")),
    }
}
