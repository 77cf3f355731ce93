//! `[[yum]]` of data.toml.

use std::path::Path;

use serde_json::Value;

use super::super::super::kinds::{
    Read, flag, folder_of, name, number, pattern, sha256, text, url, word, wrong_but,
};
use super::super::super::model::{Trust, YumFeed, YumSigned, YumTree, YumUpstream};
use super::super::super::table::Table;
use super::super::some;
use super::trust;

/// Reads one YUM repository.
pub(super) fn read(mut table: Table<'_>, folder: &Path) -> YumFeed {
    let name_of_it = table.required("name", name);
    let upstream = upstream(&mut table);
    let loose = matches!(upstream, YumUpstream::Folder(_));
    let trust = if loose { Trust::None } else { trust(&mut table, folder) };
    let feed = YumFeed {
        name: name_of_it,
        upstream,
        signed: signed(&mut table, &trust),
        weak_digests: table.or("weak_digests", false, flag),
        accept_older: table.or("accept_older", false, flag),
        tree: tree(&mut table, &trust),
        trust,
        architectures: table.list("architectures", &[], name),
        filter: filter(&mut table),
        leans_on: table.list("leans_on", &[], name),
    };
    if loose {
        const UPSTREAM: [&str; 18] = [
            "urls",
            "mirrorlist",
            "metalink",
            "keys",
            "trust",
            "signed",
            "weak_digests",
            "accept_older",
            "tree",
            "architectures",
            "newest",
            "include",
            "exclude",
            "packages",
            "recommends",
            "modules",
            "incomplete",
            "leans_on",
        ];
        table.know(&UPSTREAM);
        for key in UPSTREAM.into_iter().filter(|key| table.has(key)) {
            let help = "a folder has the packages that are in it, and the site signs".to_owned();
            table.object(key, format!("`{key}` does not go with `from`"), Some(help));
        }
    }
    super::leaning(&table);
    table.finish();
    feed
}

/// Reads what is kept of the repository.
fn filter(table: &mut Table<'_>) -> feeds::yum::Filter {
    let filter = feeds::yum::Filter {
        newest: table.optional("newest", number(1..=1000)),
        include: table.list("include", &[], package),
        exclude: table.list("exclude", &[], package),
        packages: table.list("packages", &[], package),
        recommends: table.or("recommends", false, flag),
        modules: table.list("modules", &[], stream),
        incomplete: table.or("incomplete", false, flag),
    };
    for key in ["recommends", "incomplete"].into_iter().filter(|key| table.has(key)) {
        if !table.has("packages") {
            let help = "it is about what the packages of a list need: name `packages`".to_owned();
            table.object(key, format!("`{key}` does not go without `packages`"), Some(help));
        }
    }
    filter
}

fn upstream(table: &mut Table<'_>) -> YumUpstream {
    const LISTS: [&str; 2] = ["mirrorlist", "metalink"];
    if table.has("from") {
        return YumUpstream::Folder(table.required("from", folder_of));
    }
    let [mirrorlist, metalink] = LISTS.map(|key| table.optional(key, url));
    let named: Vec<_> = ["urls"].into_iter().chain(LISTS).filter(|key| table.has(key)).collect();
    if let [first, second, ..] = named[..] {
        table.object(second, format!("`{second}` does not go with `{first}`"), None);
    }
    match (mirrorlist, metalink) {
        (Some(list), _) => {
            table.know(&["urls"]);
            YumUpstream::Mirrorlist(list)
        }
        (None, Some(metalink)) => {
            table.know(&["urls"]);
            YumUpstream::Metalink(metalink)
        }
        (None, None) if LISTS.iter().any(|key| table.has(key)) => {
            table.know(&["urls"]);
            YumUpstream::Urls(Vec::new())
        }
        (None, None) => YumUpstream::Urls(some(table, "urls", url)),
    }
}

fn signed(table: &mut Table<'_>, trust: &Trust) -> YumSigned {
    let words = table.list("signed", &["metadata"], word(&["metadata", "packages"]));
    if table.has("signed") && *trust == Trust::None {
        let help = "name the keys that signed it: `keys = [\"FILE\"]`".to_owned();
        table.object("signed", "`signed` does not go without `keys`", Some(help));
    }
    if table.has_empty_list("signed") {
        table.object("signed", "`signed` must name at least one", None);
    }
    let keys = *trust != Trust::None;
    YumSigned {
        metadata: keys && words.contains(&"metadata"),
        packages: keys && words.contains(&"packages"),
    }
}

/// Reads whether the installation tree is wanted: nothing signs `.treeinfo`, so somebody else must vouch for it.
fn tree(table: &mut Table<'_>, trust: &Trust) -> Option<YumTree> {
    let media = table.optional("tree", parts);
    let digest = table.optional("treeinfo_sha256", sha256);
    let nobody = table.optional("treeinfo_trust", word(&["none"]));
    for key in ["treeinfo_sha256", "treeinfo_trust"].into_iter().filter(|key| table.has(key)) {
        if !table.has("tree") {
            table.object(key, format!("`{key}` does not go without `tree`"), None);
        }
    }
    if digest.is_some() && nobody.is_some() {
        table.object("treeinfo_trust", "`treeinfo_trust` does not go with `treeinfo_sha256`", None);
    }
    let media = media.flatten()?;
    let vouched = table.has("treeinfo_sha256") || table.has("treeinfo_trust");
    if *trust != Trust::None && !vouched {
        let help = "write `treeinfo_sha256 = \"…\"`, or `treeinfo_trust = \"none\"`";
        table.object(
            "tree",
            "nobody vouches for `.treeinfo`: no key signs it",
            Some(help.to_owned()),
        );
    }
    Some(YumTree { media, sha256: digest })
}

/// `true` is what an installer needs, `"all"` also images of media.
fn parts(value: &Value) -> Read<Option<bool>> {
    match value {
        Value::String(_) => word(&["all"])(value).map(|_| Some(true)),
        other => flag(other).map(|wanted| wanted.then_some(false)),
    }
}

/// A package as people name it, or a pattern of such.
fn package(value: &Value) -> Read<String> {
    let text = text(value)?;
    // A capability with a version, or a combined one, is no pattern.
    if text.contains(['(', ' ']) {
        return Ok(text);
    }
    pattern(value)
}

/// A stream of a module.
fn stream(value: &Value) -> Read<String> {
    let text = text(value)?;
    match text.split_once(':') {
        Some((module, stream)) if !module.is_empty() && !stream.is_empty() => Ok(text),
        _ => wrong_but(
            format!("`{text}` is not a stream of a module"),
            "write `module:stream`, such as `nodejs:18`",
        ),
    }
}
