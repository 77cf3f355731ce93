//! The host's own APT options that images need too, as `apt-config` tells them.

use std::process::Stdio;

use crate::failure::{Class, Classify as _, Outcome};

/// Options that decide how the host's sources are reached and believed.
const CARRIED: [&str; 5] = [
    "Acquire::Check-Valid-Until",
    "Acquire::Check-Date",
    "Acquire::http::Proxy",
    "Acquire::https::Proxy",
    "Acquire::Retries",
];

/// Reads the carried options that the host has set, as name and value.
pub fn options() -> Outcome<Vec<(String, String)>> {
    let dump = std::process::Command::new("apt-config")
        .args(["dump", "--no-empty", "--format", "%f %v%n"])
        .stdin(Stdio::null())
        .output()
        .or_fail(Class::Missing, || {
            "cannot read the host's APT options with apt-config".to_owned()
        })?;
    let text = String::from_utf8_lossy(&dump.stdout);
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    let carried = pairs.filter(|(name, _)| CARRIED.contains(name));
    Ok(carried.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}
