//! `.treeinfo`: where an installation tree has its kernel, its initrd and other images, and what they must be.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::error::Error;
use super::source::InstallTree;
use crate::digest::{Digest, Sha256};
use crate::events::Watch;
use crate::store::{Object, RelPath};
use crate::transfer::{self, Bases, Reason, Transfer, Want, below, masked};

/// What it is called, as installers look for it.
const NAMES: [&str; 2] = [".treeinfo", "treeinfo"];
const CHECKSUMS: &str = "checksums";
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

/// An installation tree, whole.
#[derive(Debug)]
pub(super) struct Whole {
    /// Where `.treeinfo` lies.
    pub(super) path: RelPath,
    /// `.treeinfo` itself.
    pub(super) treeinfo: Object,
    /// What is to be fetched, by its place in the tree.
    pub(super) images: Vec<(RelPath, Want)>,
}

/// Asks for `.treeinfo`, which must have the digest `sha256` where one is written down, and reads its images.
pub async fn survey(
    urls: &Bases,
    architecture: &str,
    sha256: Option<Sha256>,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Result<Surveyed, Error> {
    let read = Treeinfo::ask(urls, NAMES[0], sha256, transfer, watch).await?;
    let files = wanted(&read.sections, architecture, &read.shown)?;
    let images = files.into_iter().map(|file| read.image(file)).collect::<Result<_, _>>()?;
    Ok(Surveyed { treeinfo: read.object, images })
}

/// Asks for `.treeinfo`, and reads all images that an installer or a medium may want.
pub(super) async fn survey_whole(
    urls: &Bases,
    tree: &InstallTree,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Result<Whole, Error> {
    let ask = |name| Treeinfo::ask(urls, name, tree.treeinfo, transfer, watch);
    let read = match ask(NAMES[0]).await {
        // Some trees have it without the dot, and installers look for both.
        Err(absent) if is_absent(&absent) => ask(NAMES[1]).await.map_err(|_| absent)?,
        read => read?,
    };
    let files = all_images(&read.sections, tree.media);
    let images = files.into_iter().map(|file| read.image(file)).collect::<Result<_, _>>()?;
    Ok(Whole { path: read.path, treeinfo: read.object, images })
}

/// Tells whether every mirror said that it has no such file.
fn is_absent(error: &Error) -> bool {
    let Error::Fetch { source, .. } = error else {
        return false;
    };
    let transfer::Error::Unavailable { failures, .. } = &**source else {
        return false;
    };
    let lacks = |reason: &Reason| matches!(reason, Reason::Status(404 | 410) | Reason::Media(_));
    failures.iter().all(|failure| lacks(&failure.reason))
}

/// `.treeinfo` of one mirror.
struct Treeinfo {
    path: RelPath,
    object: Object,
    sections: Sections,
    /// All mirrors, the one that told first: another may have an older tree.
    bases: Bases,
    /// The tree, for people.
    shown: String,
}

impl Treeinfo {
    async fn ask(
        urls: &Bases,
        name: &str,
        sha256: Option<Sha256>,
        transfer: &Transfer,
        watch: &dyn Watch,
    ) -> Result<Self, Error> {
        let shown = urls.first().map(masked).unwrap_or_default();
        let path = relative(name, &shown)?;
        let want = Want { sha256, limit: LARGEST, ..Want::below(urls, &path) };
        let found = transfer
            .survey(want, watch)
            .await
            .map_err(|error| Error::Fetch { name: shown.clone(), source: Box::new(error) })?;
        let text = transfer
            .store()
            .read(&found.object.sha256)
            .map_err(|error| Error::Store { name: shown.clone(), source: error })?;
        let sections = parse(&String::from_utf8_lossy(&text));
        let bases = below_which(urls, &found.url, &path);
        Ok(Self { path, object: found.object, sections, bases, shown })
    }

    /// Wants an image as its checksum says.
    fn image(&self, file: &str) -> Result<(RelPath, Want), Error> {
        let place = relative(file, &self.shown)?;
        let checksum = self.sections.get(CHECKSUMS).and_then(|checksums| checksums.get(file));
        let mut want = Want::below(&self.bases, &place);
        match checksum.and_then(|checksum| checksum.split_once(':')) {
            Some(("sha256", hex)) => want.sha256 = hex.parse().ok(),
            Some((algorithm, hex)) => {
                want.other = Digest::parse(algorithm, hex).filter(Digest::is_strong);
            }
            None => {}
        }
        if want.sha256.is_none() && want.other.is_none() {
            return Err(Error::NoChecksum { url: self.shown.clone(), path: file.to_owned() });
        }
        Ok((place, want))
    }
}

fn relative(path: &str, shown: &str) -> Result<RelPath, Error> {
    RelPath::new(path).map_err(|source| Error::Treeinfo { url: shown.to_owned(), source })
}

/// Reads a text, and what is wanted of it in every way.
#[cfg(fuzzing)]
pub(super) fn fuzz(text: &str) {
    let sections = parse(text);
    let mut files: Vec<_> = all_images(&sections, true).into_iter().collect();
    files.extend(wanted(&sections, "x86_64", "u").unwrap_or_default());
    let object = Object { sha256: Sha256::of(text.as_bytes()), size: text.len() as u64 };
    let path = RelPath::new(NAMES[0]).expect("a path");
    let base = Url::parse("https://tree.example/os/").expect("an address");
    let bases = Bases::from([base.clone()]);
    let read = Treeinfo { path, object, sections: parse(text), bases, shown: "u".to_owned() };
    for file in files {
        if let Ok((place, want)) = read.image(file) {
            assert!(want.sha256.is_some() || want.other.is_some(), "{file}");
            assert!(below(&base, &place).path().starts_with("/os/"), "{file}");
        }
    }
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

/// Names all images: what checksums are given of, and what any architecture boots, which must have one.
///
/// Metadata of the repository has a chain of its own; images of whole media only serve to be written to media.
fn all_images(sections: &Sections, media: bool) -> BTreeSet<&str> {
    let checked = sections.get(CHECKSUMS).into_iter().flat_map(BTreeMap::keys);
    let booted = sections
        .iter()
        .filter(|(name, _)| name.starts_with("images-") || *name == STAGE2.0)
        .flat_map(|(_, images)| images.values());
    let all = checked.chain(booted).map(String::as_str);
    all.filter(|path| {
        !path.starts_with("repodata/")
            && (media || path.rsplit_once('.').is_none_or(|(_, end)| end != "iso"))
    })
    .collect()
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
    fn names_all_images_but_those_of_media() {
        let text = format!(
            "{TEXT}[checksums]\nimages/boot.iso = sha256:00\nrepodata/repomd.xml = sha256:00\nimages/x.img = sha256:00\n"
        );
        let sections = parse(&text);
        let wanted = [
            "images/efiboot.img",
            "images/install.img",
            "images/pxeboot/initrd.img",
            "images/pxeboot/vmlinuz",
            "images/x.img",
        ];
        assert!(all_images(&sections, false).into_iter().eq(wanted));
        assert!(all_images(&sections, true).contains("images/boot.iso"));
    }

    #[test]
    fn tells_which_architectures_there_are() {
        let refused = wanted(&parse(TEXT), "aarch64", "u").unwrap_err().to_string();
        assert!(refused.ends_with("no images for `aarch64`, only for x86_64, xen"), "{refused}");
    }
}
