//! `.treeinfo`: where an installation tree has its kernel, its initrd and other images, and what they must be.

use std::collections::BTreeMap;

use url::Url;

use super::error::Error;
use crate::digest::{Digest, Sha256};
use crate::events::Watch;
use crate::store::{Object, RelPath};
use crate::transfer::{Bases, Transfer, Want, below, masked};

const TREEINFO: &str = ".treeinfo";
const LARGEST: u64 = 4 << 20;
/// The images that booting over the network needs; the others are for media.
const BOOTED: [&str; 2] = ["kernel", "initrd"];
/// What the installer itself is read from, where the tree has it.
const STAGE2: (&str, &str) = ("stage2", "mainimage");

/// What an installation tree offers to an architecture.
#[derive(Clone, Debug)]
pub struct Surveyed {
    /// `.treeinfo` itself.
    pub treeinfo: Object,
    /// What is to be fetched, by its place in the tree.
    pub images: Vec<(RelPath, Want)>,
}

/// Asks for `.treeinfo`, which must have the digest `sha256` where one is written down, and reads its images.
pub async fn survey(
    urls: &Bases,
    architecture: &str,
    sha256: Option<Sha256>,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Result<Surveyed, Error> {
    let shown = urls.first().map(masked).unwrap_or_default();
    let path = |path: &str| {
        let wrong = |source| Error::Treeinfo { url: shown.clone(), source };
        RelPath::new(path).map_err(wrong)
    };
    let want = Want { sha256, limit: LARGEST, ..Want::below(urls, &path(TREEINFO)?) };
    let found = transfer
        .survey(want, watch)
        .await
        .map_err(|error| Error::Fetch { name: shown.clone(), source: Box::new(error) })?;
    let text = transfer
        .store()
        .read(&found.object.sha256)
        .map_err(|error| Error::Store { name: shown.clone(), source: error })?;
    let sections = parse(&String::from_utf8_lossy(&text));
    // The mirror that told goes first: another may have an older tree.
    let told = below_which(urls, &found.url, &path(TREEINFO)?);
    let mut images = Vec::new();
    for file in wanted(&sections, architecture, &shown)? {
        let place = path(file)?;
        let checksum = sections.get("checksums").and_then(|checksums| checksums.get(file));
        let digest = checksum.and_then(|checksum| checksum.split_once(':'));
        let mut want = Want::below(&told, &place);
        match digest {
            Some(("sha256", hex)) => want.sha256 = hex.parse().ok(),
            Some((algorithm, hex)) => {
                want.other = Digest::parse(algorithm, hex).filter(Digest::is_strong);
            }
            None => {}
        }
        if want.sha256.is_none() && want.other.is_none() {
            return Err(Error::NoChecksum { url: shown, path: file.to_owned() });
        }
        images.push((place, want));
    }
    Ok(Surveyed { treeinfo: found.object, images })
}

type Sections = BTreeMap<String, BTreeMap<String, String>>;

/// Reads the sections of an INI file; what is no section, key or comment is passed over.
fn parse(text: &str) -> Sections {
    let mut sections = Sections::new();
    let mut section = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if line.starts_with(['#', ';']) {
        } else if let Some((key, value)) = line.split_once('=') {
            let entries = sections.entry(section.clone()).or_default();
            entries.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    sections
}

/// Names the files of an architecture that a machine is booted with and installed from.
fn wanted<'s>(
    sections: &'s Sections,
    architecture: &str,
    url: &str,
) -> Result<Vec<&'s str>, Error> {
    let images = sections.get(&format!("images-{architecture}"));
    let lacking = || {
        let others = sections.keys().filter_map(|name| name.strip_prefix("images-"));
        let others = others.map(str::to_owned).collect();
        Error::NoImages { url: url.to_owned(), architecture: architecture.to_owned(), others }
    };
    let images = images.ok_or_else(lacking)?;
    let mut files = Vec::new();
    for image in BOOTED {
        files.push(images.get(image).ok_or_else(lacking)?.as_str());
    }
    let stage2 = sections.get(STAGE2.0).and_then(|stage2| stage2.get(STAGE2.1));
    files.extend(stage2.map(String::as_str));
    Ok(files)
}

fn below_which(urls: &Bases, told: &Url, path: &RelPath) -> Bases {
    let (mut first, rest): (Vec<_>, Vec<_>) =
        urls.iter().cloned().partition(|base| below(base, path) == *told);
    first.extend(rest);
    first.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[header]\ntype = productmd.treeinfo\n; a comment\n[checksums]\nimages/pxeboot/vmlinuz = sha256:00\n\
        [images-x86_64]\nkernel = images/pxeboot/vmlinuz\ninitrd = images/pxeboot/initrd.img\nefiboot.img = images/efiboot.img\n\
        [images-xen]\nkernel = images/pxeboot/vmlinuz\n[stage2]\nmainimage = images/install.img\n";

    #[test]
    fn names_what_a_machine_boots() {
        let sections = parse(TEXT);
        let files = wanted(&sections, "x86_64", "u").unwrap();
        assert_eq!(
            files,
            ["images/pxeboot/vmlinuz", "images/pxeboot/initrd.img", "images/install.img"]
        );
        assert_eq!(sections["checksums"]["images/pxeboot/vmlinuz"], "sha256:00");
    }

    #[test]
    fn tells_which_architectures_there_are() {
        let refused = wanted(&parse(TEXT), "aarch64", "u").unwrap_err().to_string();
        assert!(refused.ends_with("no images for `aarch64`, only for x86_64, xen"), "{refused}");
    }
}
