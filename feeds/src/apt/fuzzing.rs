//! What the fuzz targets of APT reach: each reader, and what must hold of whatever it takes.
//!
//! Compiled only under `cfg(fuzzing)`, which cargo-fuzz sets: to nobody else these readers are public.

use super::deb822::paragraphs;
use super::package::{Origin, Package};
use super::release::{Release, format_date};
use super::select::{Universe, Wanted};
use super::sources::SourcePackage;
use super::stream::each_paragraph;
use super::version::Version;
use crate::store::RelPath;

/// More than any input has.
const LIMIT: u64 = 1 << 30;
/// Comparing each version with each other takes the cube of this.
const VERSIONS: usize = 12;

/// `Release`: reading twice gives the same, and dates can be written and read again.
pub fn release(text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    let Ok(release) = Release::parse(&text) else { return };
    let written = format!("Date: {}\n", format_date(release.date));
    let again = Release::parse(&written).expect("what we wrote can be read");
    assert_eq!(again.date, release.date);
    if release.proves() {
        assert!(!release.indexes.is_empty());
    }
    for (path, index) in &release.indexes {
        drop(RelPath::new(format!("dists/stable/{path}")));
        assert!(index.checksums.by_hash().all(|place| RelPath::new(place).is_ok()));
    }
}

/// `Packages`: a stream has the paragraphs of the text, and a selection takes each package once.
pub fn packages(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut packages = Vec::new();
    for paragraph in paragraphs(&text) {
        drop(SourcePackage::read(paragraph.text(), "suite").and_then(|source| source.files()));
        let Ok(package) = Package::read(paragraph, Origin::default()) else { continue };
        drop(package.file());
        let _ = (package.source(), package.description());
        packages.push(package);
    }
    let mut streamed = 0;
    let read = each_paragraph(bytes, LIMIT, |text| {
        let paragraph = paragraphs(text).next();
        let read = paragraph.map(|paragraph| Package::read(paragraph, Origin::default()));
        streamed += usize::from(matches!(read, Some(Ok(_))));
        Ok::<_, ()>(())
    });
    read.expect("it is short").expect("nothing is refused");
    assert_eq!(streamed, packages.len(), "{text}");
    order(packages.iter().take(VERSIONS).map(|package| package.version).collect());
    select(packages);
}

fn select(packages: Vec<Package<'_>>) {
    let names = packages.iter().take(2).map(|package| package.name.to_owned()).collect();
    let count = packages.len();
    let universe = Universe::new(packages, Vec::new());
    for recommends in [false, true] {
        let wanted = Wanted { names: Vec::clone(&names), recommends, minimal_system: recommends };
        if let Ok(taken) = universe.select(&wanted) {
            assert!(taken.len() <= count);
        }
    }
}

/// Versions have one order: what is earlier than an earlier one is earlier.
fn order(versions: Vec<Version<'_>>) {
    for one in &versions {
        for other in &versions {
            assert_eq!(one.cmp(other), other.cmp(one).reverse(), "{one:?} {other:?}");
            for third in &versions {
                if one <= other && other <= third {
                    assert!(one <= third, "{one:?} {other:?} {third:?}");
                }
            }
        }
    }
}
