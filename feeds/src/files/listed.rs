//! Files of a distribution's tree that a list of checksums beside them proves, as `sha256sum` writes it.

use std::collections::BTreeMap;

use super::Error;
use crate::digest::{Digest, Sha256};
use crate::events::Watch;
use crate::store::{Object, RelPath};
use crate::transfer::{Bases, Transfer, Want, masked};

/// No list is longer.
pub(super) const LARGEST: u64 = 16 << 20;

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
        .map_err(|error| Error::Ask { url: url.clone(), source: Box::new(error) })?;
    let text = transfer
        .store()
        .read(&found.object.sha256)
        .map_err(|error| Error::Store { url: url.clone(), source: error })?;
    let sums = digests(&String::from_utf8_lossy(&text));
    let folder = list.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut wants = BTreeMap::new();
    for (name, place) in files {
        let inside = place.as_str().strip_prefix(folder).unwrap_or(place.as_str());
        let proof = sums.get(inside.trim_start_matches('/'));
        let proof =
            proof.ok_or_else(|| Error::Unlisted { url: url.clone(), path: place.clone() })?;
        let mut want = Want::below(urls, place);
        proof.demand(&mut want);
        wants.insert(name.clone(), want);
    }
    Ok(Surveyed { list: found.object, files: wants })
}

/// The strong digest that a list gives of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    Sha256(Sha256),
    Sha512(Digest),
}

impl Proof {
    fn parse(hex: &str) -> Option<Self> {
        let sha256 = hex.parse().ok().map(Self::Sha256);
        sha256.or_else(|| Digest::parse("sha512", hex).map(Self::Sha512))
    }

    /// Asks of a file what it says.
    pub(super) fn demand(self, want: &mut Want) {
        match self {
            Self::Sha256(sha256) => want.sha256 = Some(sha256),
            Self::Sha512(sha512) => want.other = Some(sha512),
        }
    }
}

/// Reads `<hex>  [*][./]<path>` a line, and BSD's `SHA256 (<path>) = <hex>`; what is neither, or proves nothing, is passed
/// over. Of a file that has several digests the sha256 is taken.
pub(super) fn digests(text: &str) -> BTreeMap<String, Proof> {
    let gnu = |line: &str| {
        let (hex, path) = line.split_once([' ', '\t'])?;
        let path = path.trim_start_matches([' ', '*']).trim_start_matches("./");
        Some((path.to_owned(), Proof::parse(hex)?))
    };
    let bsd = |line: &str| {
        let (path, hex) = line.split_once(" (")?.1.split_once(") = ")?;
        Some((path.to_owned(), Proof::parse(hex)?))
    };
    let mut digests = BTreeMap::new();
    let lines = text.lines().map(str::trim_end);
    for (path, proof) in lines.filter_map(|line| gnu(line).or_else(|| bsd(line))) {
        if matches!(proof, Proof::Sha256(_)) || !digests.contains_key(&path) {
            digests.insert(path, proof);
        }
    }
    digests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_write_a_sum_are_read() {
        let hex = "a".repeat(64);
        let other = "b".repeat(128);
        let text = format!(
            "{hex}  ./netboot/linux\n{hex} *iso/x\nSHA256 (bsd.rd) = {hex}\nnoise\n{other}  iso/x\nMD5 (bsd.rd) = 12\n"
        );
        let sums = digests(&text);
        assert_eq!(sums.keys().collect::<Vec<_>>(), ["bsd.rd", "iso/x", "netboot/linux"]);
        let wanted = Proof::parse(&hex).expect("a digest");
        assert!(sums.values().all(|proof| *proof == wanted));
    }

    proptest::proptest! {
        #[test]
        fn garbage_never_panics(text in "([0-9a-f]{0,128}[ *]{0,3}\\PC{0,9}\n|SHA512 \\(|\\) = |\\PC){0,9}") {
            drop(digests(&text));
        }
    }
}
