//! Files of a distribution's tree that a list of checksums beside them proves, as `sha256sum` writes it.

use std::collections::BTreeMap;

use super::Error;
use crate::digest::{Digest, Sha256};
use crate::events::Watch;
use crate::store::{Object, RelPath};
use crate::transfer::{Bases, Transfer, Want, masked};

/// No list is longer.
const LARGEST: u64 = 16 << 20;

/// What a list says of the files that were asked for.
#[derive(Clone, Debug)]
pub struct Surveyed {
    /// The list itself.
    pub list: Object,
    /// What is to be fetched, by its name in our folder.
    pub files: BTreeMap<RelPath, Want>,
}

/// Asks for the list at `list`, which must have the digest `sha256` where one is written down, and looks the files up in
/// it: names in our folder, and their places below the same `urls`.
pub async fn survey(
    urls: &Bases,
    list: &RelPath,
    sha256: Option<Sha256>,
    files: &BTreeMap<RelPath, RelPath>,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Result<Surveyed, Error> {
    let url = format!("{}{list}", urls.first().map(masked).unwrap_or_default());
    let want = Want { sha256, limit: LARGEST, ..Want::below(urls, list) };
    let found = transfer
        .survey(want, watch)
        .await
        .map_err(|error| Error::List { url: url.clone(), source: Box::new(error) })?;
    let text = transfer
        .store()
        .read(&found.object.sha256)
        .map_err(|error| Error::Store { url: url.clone(), source: error })?;
    let sums = parse(&String::from_utf8_lossy(&text));
    let folder = list.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut wants = BTreeMap::new();
    for (name, place) in files {
        let inside = place.as_str().strip_prefix(folder).unwrap_or(place.as_str());
        let hex = sums.get(inside.trim_start_matches('/'));
        let hex = hex.ok_or_else(|| Error::Unlisted { url: url.clone(), path: place.clone() })?;
        let mut want = Want::below(urls, place);
        want.sha256 = hex.parse().ok();
        if want.sha256.is_none() {
            want.other = Digest::parse("sha512", hex).filter(Digest::is_strong);
        }
        if want.sha256.is_none() && want.other.is_none() {
            return Err(Error::Unlisted { url, path: place.clone() });
        }
        wants.insert(name.clone(), want);
    }
    Ok(Surveyed { list: found.object, files: wants })
}

/// Reads `<hex>  [*][./]<path>` a line, and BSD's `SHA256 (<path>) = <hex>`; what is neither is passed over.
fn parse(text: &str) -> BTreeMap<String, String> {
    let gnu = |line: &str| {
        let (hex, path) = line.split_once([' ', '\t'])?;
        let path = path.trim_start_matches([' ', '*']).trim_start_matches("./");
        let fits = hex.len() >= 64 && hex.bytes().all(|b| b.is_ascii_hexdigit());
        fits.then(|| (path.to_owned(), hex.to_ascii_lowercase()))
    };
    let bsd = |line: &str| {
        let (path, hex) = line.split_once(" (")?.1.split_once(") = ")?;
        Some((path.to_owned(), hex.to_ascii_lowercase()))
    };
    text.lines().filter_map(|line| gnu(line).or_else(|| bsd(line))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_write_a_sum_are_read() {
        let hex = "a".repeat(64);
        let text =
            format!("{hex}  ./netboot/linux\n{hex} *iso/x\nSHA256 (bsd.rd) = {hex}\nnoise\n");
        let sums = parse(&text);
        assert_eq!(sums.keys().collect::<Vec<_>>(), ["bsd.rd", "iso/x", "netboot/linux"]);
        assert!(sums.values().all(|sum| *sum == hex));
    }
}
