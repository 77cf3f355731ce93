//! What the fuzz targets reach of the cutting of metadata.

use std::collections::HashSet;

use super::{comps as groups, packages, repomd as index};

/// Reads `repomd.xml`, and writes it anew with every line kept.
pub(in crate::yum) fn repomd(text: &[u8]) {
    if let Ok(upstream) = index::Upstream::read(text) {
        let lines: Vec<_> =
            upstream.data().iter().map(|data| index::Line::Kept(data.text())).collect();
        let written = upstream.write(&lines);
        let again = index::Upstream::read(written.as_bytes()).expect("what we wrote can be read");
        assert_eq!(again.data().len(), upstream.data().len(), "{written}");
        assert_eq!(again.write(&lines), written);
    }
}

/// Cuts groups.
pub(in crate::yum) fn comps(text: &[u8], names: &HashSet<String>) -> Option<Vec<u8>> {
    let mut output = Vec::new();
    groups::cut(text, names, &mut output).ok().map(|()| output)
}

/// Cuts packages.
pub(in crate::yum) fn primary(text: &[u8], ordinals: &HashSet<usize>) -> Option<Vec<u8>> {
    let mut output = Vec::new();
    packages::cut_primary(text, ordinals, &mut output).ok().map(|()| output)
}
