//! An installation tree beside the packages, the same in each version: nobody signs it.

use std::fmt::Write as _;

use feeds::digest::Sha256;

use crate::repository::{Files, Flaw};

/// Where the list of its images lies.
pub(crate) const TREEINFO: &str = ".treeinfo";

/// Makes its files.
pub(crate) fn tree(flaw: Flaw) -> Files {
    let images = ["images/vmlinuz", "images/initrd.img"];
    let mut files: Files =
        images.iter().map(|path| ((*path).to_owned(), path.repeat(200).into_bytes())).collect();
    let mut text = format!(
        "[general]\narch = x86_64\n[images-x86_64]\nkernel = {}\ninitrd = {}\n[checksums]\n",
        images[0], images[1]
    );
    for (path, bytes) in &files {
        let is_initrd = path == images[1];
        let digest = match flaw {
            Flaw::ImageDigest if is_initrd => Sha256([9; 32]),
            Flaw::ImageUnproved if is_initrd => continue,
            _ => Sha256::of(bytes),
        };
        writeln!(text, "{path} = sha256:{digest}").expect("a text grows");
    }
    if flaw == Flaw::ImageOutside {
        let digest = Sha256::of(b"x");
        writeln!(text, "images/../../initrd.img = sha256:{digest}").expect("a text grows");
    }
    files.insert(TREEINFO.to_owned(), text.into_bytes());
    files
}
