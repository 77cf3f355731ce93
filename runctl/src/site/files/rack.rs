//! rack.toml: where the rack service is.

use super::super::model::Host;
use super::super::table::Table;
use super::{host, site::Base};
use crate::services::Service;

pub(super) const FILE: &str = "rack.toml";

/// Reads rack.toml.
pub(super) fn read(mut table: Table<'_>, base: &Base) -> Host {
    let host = host(Service::Rack, &mut table, base);
    table.finish();
    host
}
