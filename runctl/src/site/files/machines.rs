//! machines.toml: the machines that the site knows.

use rack::{Firmware, Machine};
use serde_json::Value;

use super::super::kinds::{Read, address, host_name, line, mac, name, word, wrong};
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
        serial: table.optional("serial", serial),
        parameters: table.pairs_or_none("parameters", line).into_iter().collect(),
    };
    table.finish();
    machine
}

/// A serial console as the kernel names it.
fn serial(value: &Value) -> Read<String> {
    let text = line(value)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == ',';
    if text.starts_with("tty") && text.chars().all(fits) {
        Ok(text)
    } else {
        wrong(format!("`{text}` is no serial console, such as `ttyS0,115200`"))
    }
}
