//! cgit.toml: how the pages over gito's repositories look.

use super::super::kinds::{line, text};
use super::super::model::{Cgit, Host};
use super::super::table::Table;
use super::{host, site::Base};
use crate::service::Service;

pub(super) const FILE: &str = "cgit.toml";

/// Reads cgit.toml; `gito` is the host from where pages tell to clone.
pub(super) fn read(mut table: Table<'_>, base: &Base, gito: &str) -> (Host, Cgit) {
    let host = host(Service::Cgit, &mut table, base);
    let prefix = format!("ssh://git@{gito}.{}", base.domain);
    let cgit = Cgit {
        title: table.or("title", "booddies", text),
        description: table.or("description", "Repositories of this site", line),
        clone_prefix: table.or("clone_prefix", prefix, text),
    };
    table.finish();
    (host, cgit)
}
