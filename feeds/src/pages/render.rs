//! Templates into HTML: the one place that names the template engine.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::Error;
use super::listing::{Changes, Listing, Package};
use crate::oci::Record;
use crate::store::Tree;

/// Packages, changes of a kind and advisories that stand in the page itself; all packages are found by searching.
const SHOWN: usize = 500;

/// What a path of a link may show as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// What all pages have; the others fill its body.
const PAGE: (&str, &str) = ("page.html", include_str!("templates/page.html"));
const REPOSITORY: (&str, &str) = ("repository.html", include_str!("templates/repository.html"));
const IMAGES: (&str, &str) = ("images.html", include_str!("templates/images.html"));
const FRONT: (&str, &str) = ("front.html", include_str!("templates/front.html"));
const STYLE: &str = include_str!("templates/style.css");
/// Searches an index beside the page.
const SEARCH: &str =
    concat!(include_str!("templates/field.js"), include_str!("templates/search.js"));
/// Searches the lines of the page itself.
const FILTER: &str =
    concat!(include_str!("templates/field.js"), include_str!("templates/filter.js"));

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

/// One line of the page of images.
#[derive(Serialize)]
struct Mirrored<'r> {
    repository: &'r str,
    tag: &'r str,
    digest: &'r str,
    platforms: String,
    size: String,
    fed: String,
    signer: Option<&'r str>,
    previous: Option<&'r str>,
    /// Whether regi.toml still asks for it.
    listed: bool,
}

/// Returns what the page of a repository is made with.
pub(super) fn templates() -> String {
    [PAGE.1, REPOSITORY.1, STYLE, SEARCH].concat()
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
            title => name, script => SEARCH, shown => SHOWN,
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

/// Renders the page of what was mirrored into `registry`; `unlisted` are those that regi.toml asks for no more.
pub(super) fn images(
    registry: &str,
    record: &Record,
    unlisted: &[String],
) -> Result<String, Error> {
    let mirrored = record.images().map(|(name, image)| Mirrored {
        repository: &image.repository,
        tag: &image.tag,
        digest: &image.digest,
        platforms: image.platforms.join(", "),
        size: human(image.size),
        fed: image.fed.strftime("%Y-%m-%d %H:%M").to_string(),
        signer: image.signer.as_deref(),
        previous: image.previous.as_deref(),
        listed: !unlisted.contains(name),
    });
    let images = Value::from(Serde(mirrored.collect::<Vec<_>>()));
    render(IMAGES, context! { title => "Images", script => FILTER, registry, images })
}

/// Renders the front page; `images` says whether there is a page of images, too.
pub(super) fn front(trees: &[&Tree], images: bool) -> Result<String, Error> {
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
    let title = "What is served here";
    render(FRONT, context! { title, images, trees => Value::from(Serde(trees)) })
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

fn render((name, template): (&str, &str), values: Value) -> Result<String, Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.map_err(Error::Render)?);
    environment.add_template(PAGE.0, PAGE.1).map_err(Error::Render)?;
    environment.add_template(name, template).map_err(Error::Render)?;
    let page = environment.get_template(name).map_err(Error::Render)?;
    page.render(context! { style => STYLE, ..values }).map_err(Error::Render)
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
