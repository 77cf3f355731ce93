//! regi.toml: the registry, and the images that it mirrors.

use std::path::Path;

use super::super::kinds::{flag, image, name, number};
use super::super::model::{Host, ImageFeed, ImageSource, Regi};
use super::super::table::Table;
use super::{existing, host, site::Base};
use crate::services::Service;

pub(super) const FILE: &str = "regi.toml";

/// Reads regi.toml.
pub(super) fn read(mut table: Table<'_>, base: &Base, folder: &Path) -> (Host, Regi) {
    let host = host(Service::Regi, &mut table, base);
    let regi = Regi {
        port: table.or("port", 5000, number(1..=65535)),
        user: table.or("user", "booddies", name),
        parallel: table.or("parallel", 16, number(1..=64)),
        images: table.tables("image").into_iter().map(|table| mirrored(table, folder)).collect(),
    };
    table.finish();
    (host, regi)
}

fn mirrored(mut table: Table<'_>, folder: &Path) -> ImageFeed {
    let name = table.required("name", image);
    let engine = table.optional("engine", image);
    let reference = table.optional("registry", image);
    let plain = table.or("plain", false, flag);
    let authority = table.optional("authority", existing(folder));
    if table.has("engine") == table.has("registry") {
        table.object(
            "name",
            format!("image `{name}` must come from one place"),
            Some("write either `engine` or `registry`".to_owned()),
        );
    }
    for key in ["plain", "authority"] {
        if table.has("engine") && table.has(key) {
            table.object(key, format!("`{key}` does not go with `engine`"), None);
        }
    }
    table.finish();
    let registry =
        || ImageSource::Registry { reference: reference.unwrap_or_default(), plain, authority };
    ImageFeed { name, source: engine.map_or_else(registry, ImageSource::Engine) }
}
