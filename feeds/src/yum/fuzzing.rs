//! What the fuzz targets of YUM reach: each reader, and what must hold of whatever it takes.
//!
//! Compiled only under `cfg(fuzzing)`, which cargo-fuzz sets: to nobody else these readers are public.

use std::collections::HashSet;
use std::convert::Infallible;
use std::io::BufRead;

use url::Url;

use super::header::Headers;
use super::{Filter, loose, metadata, metalink, mirrorlist, primary, repomd, select, treeinfo};
use crate::digest::Sha256;
use crate::store::{Object, RelPath};

/// `repomd.xml`, as a mirror and as a part read it.
pub fn repomd(text: &[u8]) {
    let strict = repomd::parse(text, false);
    let weak = repomd::parse(text, true);
    if let Ok(strict) = strict {
        assert_eq!(strict, weak.expect("who takes weak digests takes strong ones"));
        assert!(strict.iter().all(|one| {
            one.file.sha256.is_some() || one.file.other.is_some_and(|digest| digest.is_strong())
        }));
    }
    metadata::fuzzing::repomd(text);
}

/// `primary.xml`: what is fetched and what is selected must be the same packages.
pub fn primary(text: &[u8]) {
    let mut fetched = 0;
    let read = primary::read(text, true, |_| fetched += 1);
    let whole = select::select(&Filter::default(), &[], &Only("primary", text), &[]);
    if let (Ok(()), Ok(selected)) = (read, whole) {
        assert!(selected.ordinals.iter().all(|ordinal| *ordinal < fetched), "{selected:?}");
    }
    let filter = Filter { packages: vec!["a".to_owned(), "/b".to_owned()], ..Filter::default() };
    let filter = Filter { recommends: true, incomplete: true, ..filter };
    let Ok(closed) = select::select(&filter, &["x86_64".to_owned()], &Only("primary", text), &[])
    else {
        return;
    };
    let Some(cut) = metadata::fuzzing::primary(text, &closed.ordinals) else { return };
    let mut kept = 0;
    if primary::read(&cut[..], true, |_| kept += 1).is_ok() {
        assert_eq!(kept, closed.ordinals.len(), "{}", String::from_utf8_lossy(&cut));
    }
}

/// `comps.xml`: cutting what was cut changes nothing.
pub fn comps(text: &[u8]) {
    let names = HashSet::from(["a".to_owned(), "bash".to_owned()]);
    if let Some(cut) = metadata::fuzzing::comps(text, &names) {
        let again = metadata::fuzzing::comps(&cut, &names).expect("what was cut can be read");
        let (cut, again) = (String::from_utf8_lossy(&cut), String::from_utf8_lossy(&again));
        assert_eq!(cut, again);
    }
}

/// `.treeinfo`: all images lie within the tree, and each has a digest or is refused.
pub fn treeinfo(text: &[u8]) {
    treeinfo::fuzz(&String::from_utf8_lossy(text));
}

/// Metalinks, and plain lists of mirrors: bases can be asked, and are folders.
pub fn metalink(text: &[u8]) {
    let from = Url::parse("https://list.example/metalink").expect("an address");
    let mut bases = mirrorlist::parse(text, &from);
    if let Ok(metalink) = metalink::parse(text, &from) {
        metalink.vouches_for(text);
        assert!(metalink.mirrors.iter().all(|base| base.path().ends_with('/')), "{metalink:?}");
        bases.extend(metalink.mirrors);
    }
    assert!(bases.len() <= 2 * mirrorlist::MOST);
    assert!(bases.iter().all(|base| matches!(base.scheme(), "http" | "https")), "{bases:?}");
}

/// A package: what we tell of it must be what we would read.
pub fn package(bytes: &[u8]) {
    let mut rest = bytes;
    let Ok(headers) = Headers::read(&mut rest) else { return };
    drop(headers.check_payload(rest));
    let place = RelPath::new("Packages/a.rpm").expect("a path");
    let object = Object { sha256: Sha256::of(bytes), size: bytes.len() as u64 };
    let Some(told) = loose::fuzz(&headers, place.clone(), object) else { return };
    let mut read = Vec::new();
    primary::read(&told[..], false, |package| read.push(package)).expect("we wrote it");
    let [package] = &read[..] else { panic!("{read:?}") };
    assert_eq!((&package.file.path, package.file.sha256), (&place, Some(object.sha256)));
    let selected = select::select(&Filter::default(), &[], &Only("primary", &told[..]), &[]);
    assert_eq!(selected.ok().map(|selected| selected.ordinals.len()), Some(1));
}

/// Metadata of one type alone.
struct Only<'a>(&'static str, &'a [u8]);

impl select::Metadata for Only<'_> {
    type Error = Infallible;

    fn open(&self, kind: &'static str) -> Result<Option<Box<dyn BufRead + '_>>, Infallible> {
        Ok((kind == self.0).then(|| Box::new(self.1) as Box<dyn BufRead + '_>))
    }
}
