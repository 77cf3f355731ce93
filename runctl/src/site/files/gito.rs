//! gito.toml: keys, and the repositories that gito mirrors.

use std::path::Path;

use feeds::git::{By, Divergence, Login, Pin, Signed, Verification};

use super::super::kinds::{Read, git_remote, inner_path, line, number, server, text, word, wrong};
use super::super::model::{GitFeed, Gito, Host, Puppetfile};
use super::super::table::Table;
use super::{existing, host, site::Base};
use crate::service::Service;

pub(super) const FILE: &str = "gito.toml";

/// Reads gito.toml.
pub(super) fn read(mut table: Table<'_>, base: &Base, folder: &Path) -> (Host, Gito) {
    let host = host(Service::Gito, &mut table, base);
    let gito = Gito {
        admin_key: table.optional("admin_key", existing(folder)),
        identity: table.optional("identity", existing(folder)),
        trust_hosts: table.list("trust_hosts", &[], server),
        parallel: table.or("parallel", 8, number(1..=64)),
        repositories: table.tables("git").into_iter().map(|table| git(table, folder)).collect(),
        puppetfiles: table
            .tables("puppetfile")
            .into_iter()
            .map(|table| puppetfile(table, folder))
            .collect(),
    };
    table.finish();
    (host, gito)
}

/// Everybody, cgit among them.
const READERS: &[&str] = &["@all", "gitweb"];

fn puppetfile(mut table: Table<'_>, folder: &Path) -> Puppetfile {
    let puppetfile = Puppetfile {
        path: table.required("path", existing(folder)),
        modules: table.required("modules", inner_path),
        readers: table.list("readers", READERS, user),
    };
    table.finish();
    puppetfile
}

fn git(mut table: Table<'_>, folder: &Path) -> GitFeed {
    let (readers, writers) =
        (table.list("readers", READERS, user), table.list("writers", &[], user));
    let feed = GitFeed {
        name: table.required("name", inner_path),
        url: table.required("url", git_remote),
        owner: table.or("owner", "", line),
        description: table.or("description", "", line),
        category: table.or("category", "", line),
        push_mirror: table.optional("push_mirror", git_remote),
        divergence: divergence(&mut table),
        readers,
        writers,
        login: table.optional("credentials", login(folder)).unwrap_or_default(),
        by: match table.or("fetch_by", "auto", word(&["auto", "git"])) {
            "git" => By::Git,
            _ => By::Whatever,
        },
        pin: pin(&mut table),
        verification: verification(&mut table, folder),
        modules: table.optional("modules", inner_path),
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

/// Reads whether the upstream's state wins; what is pushed on is usually pushed to as well, so its own work is kept.
fn divergence(table: &mut Table<'_>) -> Divergence {
    let usual =
        if table.has("push_mirror") || table.has("writers") { "read-write" } else { "read-only" };
    let mode = table.or("mode", usual, word(&["read-only", "read-write"]));
    if mode == "read-write" {
        return Divergence::Keep;
    }
    if table.has("writers") {
        let help = "write `mode = \"read-write\"`, or leave it out".to_owned();
        table.object("writers", "`writers` makes no sense for what is read-only", Some(help));
    }
    Divergence::Overwrite
}

/// A user or group of gitolite.
fn user(value: &serde_json::Value) -> Read<String> {
    let name = text(value)?;
    let bare = name.strip_prefix('@').unwrap_or(&name);
    let usual = |it: char| it.is_ascii_alphanumeric() || "-._@+".contains(it);
    if bare.starts_with(|it: char| it.is_ascii_alphanumeric()) && bare.chars().all(usual) {
        Ok(name)
    } else {
        wrong(format!("`{name}` is no user or group of gitolite"))
    }
}

/// Where user and password come from: a file, or git's credential helpers.
fn login(folder: &Path) -> impl Fn(&serde_json::Value) -> Read<Login> {
    move |value| match text(value)?.as_str() {
        "helper" => Ok(Login::Helper),
        _ => existing(folder)(value).map(Login::File),
    }
}

/// Reads what part of the upstream is mirrored.
fn pin(table: &mut Table<'_>) -> Pin {
    let branch = table.optional("branch", reference);
    let tag = table.optional("tag", reference);
    let commit = table.optional("commit", commit);
    match (branch, tag, commit) {
        (None, None, None) => Pin::Everything,
        (Some(branch), None, None) => Pin::Branch(branch),
        (None, Some(tag), None) => Pin::Tag(tag),
        (branch, None, Some(id)) => Pin::Commit { id, branch },
        (_, Some(tag), _) => {
            let help = "a tag stands for itself: leave out the others".to_owned();
            table.object("tag", "`tag` stands beside `branch` or `commit`", Some(help));
            Pin::Tag(tag)
        }
    }
}

/// Reads what must be signed, and by whom.
fn verification(table: &mut Table<'_>, folder: &Path) -> Option<Verification> {
    let verify = table.optional("verify", word(&["signed-tags", "signed-commits"]));
    let keys = table.list("keys", &[], existing(folder));
    let Some(verify) = verify else {
        if table.has("keys") && !table.has("verify") {
            let help = "add `verify = \"signed-tags\"` or `verify = \"signed-commits\"`".to_owned();
            table.object("keys", "`keys` do nothing without `verify`", Some(help));
        }
        return None;
    };
    if !table.has("keys") || table.has_empty_list("keys") {
        let help = "name files of OpenPGP or ssh public keys: `keys = [\"/etc/booddies/keys/upstream.asc\"]`";
        table.object("verify", "nobody is named whose signature counts", Some(help.to_owned()));
    }
    if verify == "signed-tags" && (table.has("branch") || table.has("commit")) {
        let help = "pin a tag, or write `verify = \"signed-commits\"`".to_owned();
        table.object("verify", "only a branch is mirrored, so no tag can vouch for it", Some(help));
    }
    let signed = if verify == "signed-tags" { Signed::Tags } else { Signed::Commits };
    Some(Verification { signed, keys })
}

/// The name of a branch or tag.
fn reference(value: &serde_json::Value) -> Read<String> {
    let name = text(value)?;
    let whole = name.split('/').all(|part| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && part.strip_suffix(".lock").is_none()
    });
    let strange = |it: char| it.is_whitespace() || it.is_control() || "~^:?*[\\".contains(it);
    if whole
        && !name.starts_with('-')
        && !name.contains(strange)
        && !name.contains("..")
        && !name.contains("@{")
    {
        Ok(name)
    } else {
        wrong(format!("`{name}` is no name of a branch or tag"))
    }
}

/// The whole id of a commit.
fn commit(value: &serde_json::Value) -> Read<String> {
    let id = text(value)?;
    if id.len() == 40 && id.chars().all(|it| it.is_ascii_hexdigit() && !it.is_ascii_uppercase()) {
        Ok(id)
    } else {
        wrong(format!("`{id}` is no whole commit id: 40 digits of 0-9 and a-f"))
    }
}
