//! `primary.xml`: which packages a repository has. Streamed: it has a hundred megabytes and more.

use std::io::Read;

use memchr::memmem;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::fragments::Fragments;
use super::record::{self, Listed, Stated};
use super::xml::{self, Unreadable};

/// One package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) architecture: String,
    pub(super) file: Listed,
}

/// Reads `primary.xml` and hands over each package; `weak` takes digests that can be forged.
pub(super) fn read(
    input: impl Read,
    weak: bool,
    mut take: impl FnMut(Package),
) -> Result<(), Unreadable> {
    let mut fragments = Fragments::open(input)?;
    let mut shortened = String::new();
    while let Some(tag) = fragments.next()? {
        let at = fragments.at();
        if tag.name != "package" {
            continue;
        }
        if tag.full_name() != tag.name {
            let what = "a package with a prefix to its name";
            return Err(Unreadable::Unexpected { at, what });
        }
        shortened.clear();
        without_format(fragments.text()?, &mut shortened);
        take(package(&shortened, at, weak)?);
    }
    Ok(())
}

/// Copies a record without its `format`, which is most of it, and tells what a package provides, needs and holds.
fn without_format(record: &str, shortened: &mut String) {
    const END: &str = "</format>";
    let bytes = record.as_bytes();
    // What looks like a tag is one, unless it stands in a comment or in CDATA: then the parser has to tell.
    let is_plain = memmem::find(bytes, b"<!").is_none();
    let begins = memmem::find(bytes, b"<format>").filter(|_| is_plain);
    let ends =
        begins.and_then(|begins| Some(begins + memmem::find(&bytes[begins..], END.as_bytes())?));
    match (begins, ends) {
        (Some(begins), Some(ends)) => {
            shortened.push_str(&record[..begins]);
            shortened.push_str(&record[ends + END.len()..]);
        }
        _ => shortened.push_str(record),
    }
}

/// The elements whose text counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Architecture,
    Checksum,
}

fn package(record: &str, at: u64, weak: bool) -> Result<Package, Unreadable> {
    let mut reader = Reader::from_str(record);
    let (mut architecture, mut stated) = (None, Stated::default());
    let (mut depth, mut field) = (0_usize, None);
    loop {
        let event = reader
            .read_event()
            .map_err(|source| Unreadable::Xml { at, source: Box::new(source) })?;
        let text = match field {
            Some(Field::Architecture) => architecture.get_or_insert_default(),
            _ => &mut stated.digest,
        };
        match event {
            Event::Start(start) => {
                depth += 1;
                if depth == 2 {
                    field = open(&start, at, &mut stated)?;
                    field = field
                        .filter(|field| *field != Field::Architecture || architecture.is_none());
                }
            }
            Event::Empty(start) if depth == 1 => drop(open(&start, at, &mut stated)?),
            Event::Text(words) if depth == 2 && field.is_some() => {
                text.push_str(&words.xml10_content());
            }
            Event::GeneralRef(reference) if depth == 2 && field.is_some() => {
                xml::resolve(&reference, at, text)?;
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                field = field.filter(|_| depth >= 2);
            }
            Event::DocType(_) => {
                return Err(Unreadable::Unexpected { at, what: "a document type" });
            }
            Event::Eof if depth > 0 => {
                return Err(Unreadable::Unexpected { at, what: "its end too early" });
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let architecture: String = architecture.unwrap_or_default();
    Ok(Package {
        architecture: architecture.trim().to_owned(),
        file: stated.listed("package", weak)?,
    })
}

/// Takes down what a child of a package states in its attributes, the first of each; returns whose text is to follow.
fn open(start: &BytesStart<'_>, at: u64, stated: &mut Stated) -> Result<Option<Field>, Unreadable> {
    let attribute = |name| xml::attribute(start, name, at);
    match start.local_name().as_ref() {
        "arch" => return Ok(Some(Field::Architecture)),
        "checksum" if stated.algorithm.is_none() => {
            stated.algorithm = Some(attribute("type")?.unwrap_or_default().into_owned());
            return Ok(Some(Field::Checksum));
        }
        "size" if stated.size.is_none() => {
            stated.size = attribute("package")?.and_then(|text| text.parse().ok());
        }
        "location" if stated.href.is_none() => {
            stated.href = attribute("href")?.map(std::borrow::Cow::into_owned);
            stated.elsewhere = attribute(record::BASE)?.is_some();
        }
        _ => {}
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_packages_and_nothing_of_what_they_provide() {
        let sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let text = format!(
            r#"<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">
<package type="rpm">
  <name>bash</name><arch>x86_64</arch><version epoch="0" ver="5" rel="1"/>
  <checksum type="sha256" pkgid="YES">{sha256}</checksum>
  <summary>The shell &amp; more</summary>
  <size package="7" installed="8" archive="9"/>
  <location href="Packages/b/bash-5-1.x86_64.rpm"/>
  <format><rpm:license>GPL</rpm:license><file>/bin/sh</file><size package="1"/><location href="../x"/></format>
</package></metadata>"#
        );
        let mut packages = Vec::new();
        read(text.as_bytes(), false, |package| packages.push(package)).unwrap();
        let [package] = &packages[..] else { panic!("{packages:?}") };
        assert_eq!(package.architecture, "x86_64");
        assert_eq!(package.file.size, Some(7));
        assert_eq!(package.file.path.as_str(), "Packages/b/bash-5-1.x86_64.rpm");
    }
}
