//! machines.toml: the machines that the site knows.

use rack::{Firmware, Machine};

use super::super::kinds::{address, host_name, mac, name, word};
use super::super::table::Table;
use super::some;

pub(super) const FILE: &str = "machines.toml";

/// Reads machines.toml.
pub(super) fn read(mut table: Table<'_>) -> Vec<Machine> {
    let machines = table.tables("machine").into_iter().map(machine).collect();
    table.finish();
    machines
}

fn machine(mut table: Table<'_>) -> Machine {
    let machine = Machine {
        name: table.required("name", host_name),
        macs: some(&mut table, "macs", mac),
        address: table.optional("address", address),
        profile: table.optional("profile", name),
        firmware: Firmware::of_word(table.or("firmware", "bios", word(&Firmware::WORDS)))
            .unwrap_or_default(),
    };
    table.finish();
    machine
}
