//! `[loaders]` of boot.toml, and the folder `loaders/` beside it.

use std::io::ErrorKind;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::super::kinds::{nearest, word};
use super::super::loaders::{
    ARM64_LOADERS, BIOS_LOADERS, Loaders, OTHER_LOADERS, OwnLoader, UEFI_LOADERS,
};
use super::super::table::Table;

/// The folder of the operator's own loaders, beside the TOML files.
const FOLDER: &str = "loaders";

/// Reads which loaders are sent first, and which are the operator's own.
pub(super) fn read(mut table: Table<'_>, configuration: &Path) -> Loaders {
    let own = own(&table, &configuration.join(FOLDER));
    let loaders = Loaders {
        bios: table.or("bios", BIOS_LOADERS[0], word(&BIOS_LOADERS)),
        uefi: table.or("uefi", UEFI_LOADERS[0], word(&UEFI_LOADERS)),
        arm64: table.or("arm64", ARM64_LOADERS[0], word(&ARM64_LOADERS)),
        own,
    };
    table.finish();
    loaders
}

/// Lists the operator's own loaders; a name that nobody asks for is a mistake.
fn own(table: &Table<'_>, folder: &Path) -> Vec<OwnLoader> {
    let entries = match fs_err::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            table.lacks(error.to_string(), None);
            return Vec::new();
        }
    };
    let mut own = Vec::new();
    for entry in entries.flatten() {
        let written = entry.file_name().to_string_lossy().into_owned();
        let Some(name) = names().find(|name| *name == written) else {
            let known: Vec<_> = names().collect();
            let help = nearest(&written, &known).map_or_else(
                || format!("names that are asked for: {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("no machine asks for `{}`", entry.path().display());
            table.lacks(message, Some(help));
            continue;
        };
        match fs_err::read(entry.path()) {
            Ok(bytes) if bytes.is_empty() => {
                table.lacks(format!("`{}` is empty", entry.path().display()), None);
            }
            Ok(bytes) => own.push(OwnLoader {
                name,
                path: entry.path(),
                sha256: feeds::digest::Sha256(Sha256::digest(bytes).into()).to_string(),
            }),
            Err(error) => table.lacks(error.to_string(), None),
        }
    }
    own.sort_by_key(|loader| loader.name);
    own
}

/// Every name that a loader may have.
fn names() -> impl Iterator<Item = &'static str> {
    [&BIOS_LOADERS[..], &UEFI_LOADERS, &ARM64_LOADERS, &OTHER_LOADERS]
        .into_iter()
        .flatten()
        .copied()
}
