//! gito.toml: keys, and the repositories that gito mirrors.

use std::path::Path;

use super::super::kinds::{git_remote, inner_path, line, server};
use super::super::model::{GitFeed, Gito, Host};
use super::super::table::Table;
use super::{existing, host, site::Base};
use crate::services::Service;

pub(super) const FILE: &str = "gito.toml";

/// Reads gito.toml.
pub(super) fn read(mut table: Table<'_>, base: &Base, folder: &Path) -> (Host, Gito) {
    let host = host(Service::Gito, &mut table, base);
    let gito = Gito {
        admin_key: table.optional("admin_key", existing(folder)),
        identity: table.optional("identity", existing(folder)),
        trust_hosts: table.list("trust_hosts", &[], server),
        repositories: table.tables("git").into_iter().map(git).collect(),
    };
    table.finish();
    (host, gito)
}

fn git(mut table: Table<'_>) -> GitFeed {
    let feed = GitFeed {
        name: table.required("name", inner_path),
        url: table.required("url", git_remote),
        owner: table.or("owner", "", line),
        description: table.or("description", "", line),
        category: table.or("category", "", line),
        push_mirror: table.optional("push_mirror", git_remote),
    };
    if feed.name == "gitolite-admin" {
        table.object("name", "`gitolite-admin` is gitolite's own repository", None);
    }
    if let Some(name) = feed.name.strip_suffix(".git") {
        let help = format!("write `{name}`, gitolite adds the ending");
        table.object("name", "a repository is named without `.git`", Some(help));
    }
    table.finish();
    feed
}
