//! ntpd.toml: whom ntpd asks, and what it says when it can ask nobody.

use super::super::kinds::{number, server};
use super::super::model::{Host, Ntpd};
use super::super::table::Table;
use super::{host, site::Base};
use crate::service::Service;

pub(super) const FILE: &str = "ntpd.toml";

/// Reads ntpd.toml.
pub(super) fn read(mut table: Table<'_>, base: &Base) -> (Host, Ntpd) {
    let host = host(Service::Ntpd, &mut table, base);
    let ntpd = Ntpd {
        upstreams: table.list("upstreams", &[], server),
        local_stratum: table.or("local_stratum", 8, number(1..=15)),
    };
    table.finish();
    (host, ntpd)
}
