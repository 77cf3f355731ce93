//! rack.toml: where the rack service is, how long an install may take, and whose menus it shows.

use super::super::kinds::{inner_path, number};
use super::super::model::{Host, Rack};
use super::super::table::Table;
use super::{host, site::Base};
use crate::service::Service;

pub(super) const FILE: &str = "rack.toml";

/// Reads rack.toml.
pub(super) fn read(mut table: Table<'_>, base: &Base) -> (Host, Rack) {
    let host = host(Service::Rack, &mut table, base);
    let token_lifetime = table.or("token_lifetime", 4 * 60 * 60, number(60..=30 * 24 * 60 * 60));
    let menus = table.optional("menus", inner_path);
    table.finish();
    (host, Rack { token_lifetime, menus })
}
