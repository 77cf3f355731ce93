//! boot.toml: DHCP, and the kernels that machines start from.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::kinds::{
    absolute, address, flag, inner_path, name, number, sha256, text, url, word, wrong,
};
use super::super::model::{Boot, Boots, Dhcp, Host, KernelFeed, KernelSource, Pool};
use super::super::table::Table;
use super::{Read, host, loaders, plain_files, site::Base, some};
use crate::service::Service;

pub(super) const FILE: &str = "boot.toml";

/// Reads boot.toml.
pub(super) fn read(mut table: Table<'_>, base: &Base, folder: &Path) -> (Host, Boot) {
    let host = host(Service::Boot, &mut table, base);
    let boot = Boot {
        dhcp: match table.or("dhcp", "lend", word(&["lend", "proxy"])) {
            "proxy" => Dhcp::Proxy,
            _ => Dhcp::Lend,
        },
        lease: table.or("lease", 3600, number(120..=31_536_000)),
        dhcp_options: table.list("dhcp_options", &[], text),
        log_dhcp: table.or("log_dhcp", true, flag),
        menu_timeout: table.or("menu_timeout", 300, number(1..=86_400)),
        pool: table.table("pool").map(pool),
        loaders: loaders::read(table.section("loaders"), folder),
        kernels: table.tables("kernel").into_iter().map(kernel).collect(),
    };
    if boot.dhcp == Dhcp::Proxy && boot.pool.is_some() {
        let message = "a proxy lends no addresses";
        let help = "remove `[pool]`: a proxy answers only the machines of machines.toml";
        table.object("dhcp", message, Some(help.to_owned()));
    }
    table.finish();
    (host, boot)
}

fn pool(mut table: Table<'_>) -> Pool {
    let end = |value: &_| address(value).map(Some);
    let pool = Pool {
        first: table.required("first", end).unwrap_or(Ipv4Addr::UNSPECIFIED),
        last: table.required("last", end).unwrap_or(Ipv4Addr::UNSPECIFIED),
        profile: table.optional("profile", name),
    };
    table.finish();
    pool
}

fn kernel(mut table: Table<'_>) -> KernelFeed {
    let name = table.required("name", name);
    let ways = ["deb", "treeinfo", "tree", "folder", "file"]
        .into_iter()
        .filter(|way| table.has(way))
        .count();
    if ways != 1 {
        table.object(
            "name",
            format!("kernel `{name}` must come from one place"),
            Some(
                "write one of `[kernel.deb]`, `[kernel.treeinfo]`, `[kernel.tree]`, `folder` or `[[kernel.file]]`"
                    .to_owned(),
            ),
        );
    }
    let deb = table.table("deb").map(deb);
    let treeinfo = table.table("treeinfo").map(treeinfo);
    let tree = table.table("tree").map(tree);
    let folder = table.optional("folder", media).map(|path| KernelSource::Folder { path });
    let files = plain_files(&mut table);
    let boots = boots(&mut table);
    if tree.is_some() && boots.is_none() {
        table.lacks("a tree is read as its `distro` and `version` say: name them", None);
    }
    table.finish();
    let source = deb.or(treeinfo).or(tree).or(folder).unwrap_or(KernelSource::Urls { files });
    KernelFeed { name, boots, source }
}

/// Which distro the folder boots; nothing else finds it without.
fn boots(table: &mut Table<'_>) -> Option<Boots> {
    let distro = table.optional("distro", name);
    let version = table.optional("version", name);
    let architecture = table.or("architecture", "x86_64", word(&["x86_64", "arm64"]));
    if distro.is_some() != version.is_some() {
        let missing = if distro.is_some() { "version" } else { "distro" };
        table.lacks(format!("missing key `{missing}`"), None);
    }
    Some(Boots { distro: distro?, version: version?, architecture: architecture.to_owned() })
}

/// A folder of this host that holds the operator's own media.
fn media(value: &Value) -> Read<PathBuf> {
    let path = absolute(value)?;
    if path.is_dir() { Ok(path) } else { wrong(format!("there is no folder `{}`", path.display())) }
}

fn tree(mut table: Table<'_>) -> KernelSource {
    let urls = some(&mut table, "urls", url);
    let sha256 = proof(&mut table, "the sha256 of its list of checksums");
    table.finish();
    KernelSource::Tree { urls, sha256 }
}

fn treeinfo(mut table: Table<'_>) -> KernelSource {
    let urls = some(&mut table, "urls", url);
    let architecture = table.or("architecture", "x86_64", name);
    let sha256 = proof(&mut table, "the `sha256` of its .treeinfo");
    table.finish();
    KernelSource::Treeinfo { urls, architecture, sha256 }
}

/// What proves a tree, or the written-down lack of it.
fn proof(table: &mut Table<'_>, what: &str) -> Option<String> {
    let sha256 = table.optional("sha256", sha256);
    table.optional("trust", word(&["none"]));
    match (table.has("sha256"), table.has("trust")) {
        (true, true) => table.object("trust", "`trust` does not go with `sha256`", None),
        (false, false) => table.lacks(
            "nothing vouches for this tree",
            Some(format!("write {what}, or `trust = \"none\"`")),
        ),
        _ => {}
    }
    sha256
}

fn deb(mut table: Table<'_>) -> KernelSource {
    let apt = table.required("apt", name);
    let package = table.required("package", name);
    let files = table.pairs("files", inner_path);
    table.finish();
    KernelSource::Deb { apt, package, files }
}
