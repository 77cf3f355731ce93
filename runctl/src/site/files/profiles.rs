//! profiles.toml: what machines become.

use std::path::Path;

use rack::{Answer, Profile};
use serde_json::Value;

use super::super::kinds::{inner_path, lines, name, wrong};
use super::super::table::Table;
use super::{existing, some};

pub(super) const FILE: &str = "profiles.toml";

/// Reads profiles.toml, and the templates that it names.
pub(super) fn read(mut table: Table<'_>, folder: &Path) -> Vec<Profile> {
    let profiles =
        table.tables("profile").into_iter().map(|table| profile(table, folder)).collect();
    table.finish();
    profiles
}

fn profile(mut table: Table<'_>, folder: &Path) -> Profile {
    let profile = Profile {
        name: table.required("name", name),
        kernel: table.required("kernel", inner_path),
        initrds: some(&mut table, "initrds", inner_path),
        arguments: table.or("arguments", "", lines),
        answer: table.table("answer").map(|table| answer(table, folder)),
    };
    table.finish();
    profile
}

fn answer(mut table: Table<'_>, folder: &Path) -> Answer {
    let template = |value: &Value| {
        let path = existing(folder)(value)?;
        fs_err::read_to_string(&path).or_else(|error| wrong(error.to_string()))
    };
    let answer = Answer {
        name: table.required("name", name),
        template: table.required("template", template),
    };
    table.finish();
    answer
}
