//! regi.toml: the registry, and the images that it mirrors.

use std::path::{Path, PathBuf};

use feeds::oci::{Choice, Key, Platform, Terms, Versions, is_layout};
use feeds::patterns::Patterns;
use serde_json::Value;

use super::super::kinds::{self, Read, flag, image, name, number, pattern, wrong, wrong_but};
use super::super::model::{Host, ImageFeed, ImageSource, PullThrough, Regi};
use super::super::table::Table;
use super::{existing, host, site::Base};
use crate::service::Service;

pub(super) const FILE: &str = "regi.toml";

/// The keys of which each image has one.
const PLACES: [&str; 4] = ["engine", "registry", "layout", "archive"];
/// Keys that go with a registry alone.
const OF_REGISTRIES: [&str; 3] = ["plain", "authority", "login"];
/// Keys that go with a registry or a layout.
const OF_REPOSITORIES: [&str; 6] = ["tags", "semver", "newest", "platforms", "referrers", "verify"];

/// Reads regi.toml.
pub(super) fn read(mut table: Table<'_>, base: &Base, folder: &Path) -> (Host, Regi) {
    let host = host(Service::Regi, &mut table, base);
    let regi = Regi {
        port: table.or("port", 5000, number(1..=65535)),
        user: table.or("user", "booddies", name),
        anonymous_pull: table.or("anonymous_pull", true, flag),
        parallel: table.or("parallel", 16, number(1..=64)),
        images: table.tables("image").into_iter().map(|table| mirrored(table, folder)).collect(),
        pull_through: table
            .tables("pull_through")
            .into_iter()
            .map(|table| pull_through(table, folder))
            .collect(),
        uplink: table.optional("uplink", name),
    };
    table.finish();
    (host, regi)
}

fn mirrored(mut table: Table<'_>, folder: &Path) -> ImageFeed {
    let name = table.required("name", image);
    let place = place(&table, &name);
    let source = source(&mut table, folder);
    let choice = choice(&mut table);
    let terms = Terms {
        platforms: table.list("platforms", &[], platform),
        referrers: table.or("referrers", false, flag),
        keys: table.list("verify", &[], cosign_key(folder)),
    };
    if place.is_some_and(|place| place != "registry") {
        misplaced(&table, &OF_REGISTRIES, place);
    }
    if matches!(place, Some("engine" | "archive")) {
        misplaced(&table, &OF_REPOSITORIES, place);
    }
    if !choice.is_empty() {
        untagged(&table, "name", &name);
        if let ImageSource::Registry { reference, .. } = &source {
            untagged(&table, "registry", reference);
        }
    }
    table.finish();
    ImageFeed { name, source, choice, terms }
}

fn pull_through(mut table: Table<'_>, folder: &Path) -> PullThrough {
    let through = PullThrough {
        name: table.required("name", first_part),
        upstream: table.required("upstream", origin),
        authority: table.optional("authority", existing(folder)),
        login: table.optional("login", existing(folder)),
    };
    if through.authority.is_some() && through.upstream.starts_with("http:") {
        table.object("authority", "`authority` goes with `https:` alone", None);
    }
    table.finish();
    through
}

/// The first part of the names of repositories.
fn first_part(value: &Value) -> Read<String> {
    let text = name(value)?;
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if text.bytes().all(fits) && !text.starts_with('-') && !text.ends_with('-') {
        Ok(text)
    } else {
        wrong_but(
            format!("no repository's name begins with `{text}/`"),
            "use small letters, digits and inner hyphens",
        )
    }
}

/// A URL of a host alone; what stands behind it is the registry's.
fn origin(value: &Value) -> Read<String> {
    let text = kinds::url(value)?;
    match url::Url::parse(&text) {
        Ok(url) if url.path() == "/" && url.query().is_none() && url.username().is_empty() => {
            Ok(url.origin().ascii_serialization())
        }
        _ => wrong_but(
            format!("`{text}` is more than a registry's host"),
            "write such as `https://registry.example`",
        ),
    }
}

/// The key that says where an image comes from.
fn place(table: &Table<'_>, name: &str) -> Option<&'static str> {
    let named: Vec<_> = PLACES.into_iter().filter(|key| table.has(key)).collect();
    if let [place] = named.as_slice() {
        return Some(place);
    }
    table.object(
        "name",
        format!("image `{name}` must come from one place"),
        Some("write one of `registry`, `engine`, `layout` and `archive`".to_owned()),
    );
    None
}

fn source(table: &mut Table<'_>, folder: &Path) -> ImageSource {
    let engine = table.optional("engine", image);
    let reference = table.optional("registry", image);
    let layout = table.optional("layout", layout(folder));
    let archive = table.optional("archive", existing(folder));
    let plain = table.or("plain", false, flag);
    let authority = table.optional("authority", existing(folder));
    let login = table.optional("login", existing(folder));
    let tag = table.optional("tag", kinds::text);
    if tag.is_some() && layout.is_none() {
        table.object("tag", "`tag` goes with `layout` alone", None);
    }
    if let Some(reference) = engine {
        return ImageSource::Engine(reference);
    }
    if let Some(folder) = layout {
        return ImageSource::Layout { folder, tag };
    }
    if let Some(path) = archive {
        return ImageSource::Archive(path);
    }
    ImageSource::Registry { reference: reference.unwrap_or_default(), plain, authority, login }
}

fn choice(table: &mut Table<'_>) -> Choice {
    let patterns = table.list("tags", &[], pattern);
    Choice {
        tags: Patterns::new(&patterns).unwrap_or_default(),
        versions: table.optional("semver", versions),
        newest: table.optional("newest", number(1..=1000)),
    }
}

fn misplaced(table: &Table<'_>, keys: &[&str], place: Option<&str>) {
    for key in keys.iter().filter(|key| table.has(key)) {
        let place = place.unwrap_or_default();
        table.object(key, format!("`{key}` does not go with `{place}`"), None);
    }
}

/// Where tags are chosen none may be written.
fn untagged(table: &Table<'_>, key: &str, reference: &str) {
    let last = reference.rsplit('/').next().unwrap_or_default();
    // What stands before the only part of a reference's path is a host, and its colon a port's.
    if reference.contains('@') || last.contains(':') {
        table.object(
            key,
            format!("`{reference}` has a tag, and others are chosen"),
            Some(
                "write the repository alone, or leave out `tags`, `semver` and `newest`".to_owned(),
            ),
        );
    }
}

fn platform(value: &Value) -> Read<Platform> {
    kinds::text(value)?.parse().or_else(|message: String| {
        wrong_but(message, "write `os/architecture[/variant]`, such as `linux/amd64`")
    })
}

fn versions(value: &Value) -> Read<Versions> {
    let text = kinds::text(value)?;
    text.parse().or_else(|error| {
        wrong_but(
            format!("`{text}` is not a range of versions: {error}"),
            "write such as `>=1.2, <2` or `~1.36`",
        )
    })
}

/// A public key of cosign, read from its file.
fn cosign_key(folder: &Path) -> impl Fn(&Value) -> Read<Key> {
    let existing = existing(folder);
    move |value| {
        let path = existing(value)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match fs_err::read_to_string(&path) {
            Ok(pem) => Key::read(&name, &pem)
                .or_else(|error| wrong(format!("`{}`: {error}", path.display()))),
            Err(error) => wrong(error.to_string()),
        }
    }
}

/// A folder with an OCI layout.
fn layout(folder: &Path) -> impl Fn(&Value) -> Read<PathBuf> {
    move |value| {
        let path = folder.join(kinds::path(value)?);
        if is_layout(&path) {
            Ok(path)
        } else {
            wrong(format!("there is no OCI layout in `{}`", path.display()))
        }
    }
}
