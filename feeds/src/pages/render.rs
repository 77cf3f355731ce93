//! Templates into HTML: the one place that names the template engine.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::Error;
use super::listing::{Changes, Listing, Package};
use crate::store::Tree;

/// Packages, changes of a kind and advisories that stand in the page itself; all packages are found by searching.
const SHOWN: usize = 500;

/// What a path of a link may show as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

const REPOSITORY: &str = include_str!("templates/repository.html");
const FRONT: &str = include_str!("templates/front.html");
const STYLE: &str = include_str!("templates/style.css");
const SEARCH: &str = include_str!("templates/search.js");

/// One line of the front page.
#[derive(Serialize)]
struct Served {
    name: String,
    /// Its page, or its listing where it has none.
    url: String,
    files: usize,
    size: String,
    trust: String,
}

/// Returns what all pages are made with.
pub(super) fn templates() -> String {
    [REPOSITORY, FRONT, STYLE, SEARCH].concat()
}

/// Renders the page of a repository.
pub(super) fn repository(
    tree: &Tree,
    listing: &Listing,
    changes: Option<&Changes>,
) -> Result<String, Error> {
    let name = tree.path.as_str().trim_start_matches("data/");
    let bytes = listing.packages.iter().map(|package| package.size).sum();
    render(
        REPOSITORY,
        context! {
            style => STYLE, search => SEARCH, shown => SHOWN,
            name, home => format!("/{}/", linked(name)),
            upstream => tree.upstream.as_str(), trust => tree.trust.as_str(),
            count => listing.packages.len(), size => human(bytes),
            packages => rows(listing.packages.iter().map(Row::of)),
            groups => rows(listing.groups.iter()),
            changes => changes.map(|changes| Value::from(Serde(changes))),
            advisories => rows(listing.advisories.iter()),
            advisory_count => listing.advisories.len(),
        },
    )
}

/// Renders the front page.
pub(super) fn front(trees: &[&Tree]) -> Result<String, Error> {
    let served = |tree: &&Tree| {
        let name = tree.path.as_str().trim_start_matches("data/").to_owned();
        let below = if super::place(&tree.path).is_some() { "/pages/" } else { "/" };
        Served {
            url: format!("{below}{}/", linked(&name)),
            name,
            files: tree.files.len(),
            size: human(tree.files.values().map(|object| object.size).sum()),
            trust: tree.trust.clone(),
        }
    };
    let trees: Vec<_> = trees.iter().map(served).collect();
    render(FRONT, context! { style => STYLE, trees => Value::from(Serde(trees)) })
}

/// Writes the index that is searched: a row of text and numbers for each package, a line each.
pub(super) fn packages(listing: &Listing) -> Result<Vec<u8>, Error> {
    let mut text = b"[".to_vec();
    for (at, package) in listing.packages.iter().enumerate() {
        text.extend_from_slice(if at == 0 { b"\n" } else { b",\n" });
        let Row { name, version, architecture, size, summary, url } = Row::of(package);
        serde_json::to_writer(&mut text, &(name, version, architecture, size, summary, url))
            .map_err(Error::Index)?;
    }
    text.extend_from_slice(b"\n]\n");
    Ok(text)
}

/// One line of the table of packages.
#[derive(Serialize)]
struct Row<'p> {
    name: &'p str,
    version: &'p str,
    architecture: &'p str,
    size: String,
    summary: &'p str,
    /// Its file, from the repository's folder.
    url: String,
}

impl<'p> Row<'p> {
    fn of(package: &'p Package) -> Self {
        Self {
            name: &package.name,
            version: &package.version,
            architecture: &package.architecture,
            size: human(package.size),
            summary: &package.summary,
            url: linked(&package.file),
        }
    }
}

/// As many as stand in the page itself.
fn rows(all: impl Iterator<Item = impl Serialize>) -> Value {
    Value::from(Serde(all.take(SHOWN).collect::<Vec<_>>()))
}

fn render(template: &str, values: Value) -> Result<String, Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.map_err(Error::Render)?);
    environment.render_str(template, values).map_err(Error::Render)
}

fn linked(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}

/// Bytes as people read them.
fn human(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut tenths, mut unit) = (u128::from(bytes) * 10 / 1024, 0);
    while tenths >= 10240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}
