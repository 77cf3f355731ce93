//! What a mirrored repository says to people: packages, groups and advisories out of its own metadata.

use std::io::BufReader;

use super::record::{self, Record};
use super::repomd;
use super::xml::Unreadable;
use crate::compression::Compression;
use crate::pages::{Advisory, Error, Group, Listing, Package, first_line};
use crate::store::{Store, Tree};

const REPOMD: &str = "repodata/repomd.xml";

/// Reads a tree's metadata; a tree without any lists nothing.
pub(crate) fn list(store: &Store, tree: &Tree) -> Result<Listing, Error> {
    let mut listing = Listing::default();
    let Some((path, object)) = tree.files.iter().find(|(path, _)| path.as_str() == REPOMD) else {
        return Ok(listing);
    };
    let text = store.read(&object.sha256).map_err(Error::Store)?;
    // Its chain was verified when it was mirrored.
    let known =
        repomd::parse(&text, true).map_err(|source| Error::unreadable(tree, path, source))?;
    for metadata in known {
        let path = &metadata.file.path;
        match metadata.kind.as_str() {
            "primary" => each(store, tree, path, "package", &PACKAGE, |it| {
                listing.packages.extend(package(&it));
            })?,
            "group" => each(store, tree, path, "group", &["name", "description"], |it| {
                let text = |field| first_line(it.text(field).unwrap_or_default());
                listing.groups.push(Group { name: text("name"), description: text("description") });
            })?,
            "updateinfo" => each(store, tree, path, "update", &ADVISORY, |it| {
                listing.advisories.push(advisory(&it));
            })?,
            _ => {}
        }
    }
    Ok(listing.settled())
}

const PACKAGE: [&str; 6] = ["name", "arch", "version", "size", "summary", "location"];
const ADVISORY: [&str; 4] = ["id", "title", "issued", "severity"];

/// Hands over each record of a metadata file; one that the tree lacks, or that cannot be read here, has none.
fn each(
    store: &Store,
    tree: &Tree,
    path: &crate::store::RelPath,
    record: &str,
    fields: &[&str],
    mut take: impl FnMut(Record),
) -> Result<(), Error> {
    let (Some(object), Some(compression)) =
        (tree.files.get(path), Compression::of(path.file_name()))
    else {
        return Ok(());
    };
    let failed = |source| Error::Read { tree: tree.path.clone(), file: path.clone(), source };
    let file = fs_err::File::open(store.path(&object.sha256)).map_err(failed)?;
    let text = BufReader::new(compression.reader(BufReader::new(file)).map_err(failed)?);
    let take = |record| -> Result<(), Unreadable> {
        take(record);
        Ok(())
    };
    record::read(text, record, fields, take).map_err(|source| Error::unreadable(tree, path, source))
}

fn attribute(record: &Record, field: &str, name: &str) -> String {
    let attributes = record.fields.get(field).map(|field| &field.attributes);
    attributes.and_then(|attributes| attributes.get(name)).cloned().unwrap_or_default()
}

fn package(record: &Record) -> Option<Package> {
    let [epoch, version, release] =
        ["epoch", "ver", "rel"].map(|part| attribute(record, "version", part));
    let epoch =
        if matches!(epoch.as_str(), "" | "0") { String::new() } else { format!("{epoch}:") };
    Some(Package {
        name: record.text("name")?.to_owned(),
        architecture: record.text("arch").unwrap_or_default().to_owned(),
        version: format!("{epoch}{version}-{release}"),
        size: attribute(record, "size", "package").parse().unwrap_or(0),
        summary: first_line(record.text("summary").unwrap_or_default()),
        file: attribute(record, "location", "href"),
    })
}

fn advisory(record: &Record) -> Advisory {
    let text = |field| first_line(record.text(field).unwrap_or_default());
    Advisory {
        // The day is enough.
        issued: attribute(record, "issued", "date").chars().take(10).collect(),
        id: text("id"),
        kind: record.attributes.get("type").cloned().unwrap_or_default(),
        severity: text("severity"),
        title: text("title"),
    }
}
