//! The site's own APT set, as the source of the roots that machines run: what is not in it cannot be in them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use feeds::store::Store;
use sha2::Digest as _;

use super::Made;
use super::built::{self, Files};
use super::mmdebstrap::Mmdebstrap;
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::host::files;
use crate::service::Service;
use crate::site::Site;

/// The site's public key, in a repository that the site indexed itself.
const KEYRING: &str = "booddies-archive-keyring.asc";
/// One published APT repository, of one generation.
pub(super) struct OwnSet {
    /// Its name in data.toml.
    pub(super) name: String,
    /// Its one suite.
    pub(super) suite: String,
    folder: PathBuf,
}

impl OwnSet {
    /// Finds the repository of that name in the served generation; the first of data.toml where no name is given.
    pub(super) fn find(site: &Site, name: Option<&str>) -> Outcome<Self> {
        let first = || site.data.apt.first().map(|feed| feed.name.as_str());
        let name = name.or_else(first).ok_or_else(|| {
            Failure::say(Class::Configuration, "data.toml has no [[apt]] to make a root from")
                .hint("name a selection of Debian's packages there, as the shipped one does")
        })?;
        let generation = Store::open(site.layout.store())?.current()?;
        let folder = generation.map(|current| current.path.join("data/apt").join(name));
        let folder = folder.filter(|folder| folder.is_dir()).ok_or_else(|| {
            Failure::say(Class::Missing, format!("the APT repository `{name}` has not been fed"))
                .hint("run `runctl feed data`")
        })?;
        if !folder.join(KEYRING).is_file() {
            return Err(Failure::say(
                Class::Configuration,
                format!(
                    "the APT repository `{name}` is mirrored whole, and not signed by the site"
                ),
            )
            .hint("roots are made from a selection: write `packages` into its [[apt]]"));
        }
        Ok(Self { name: name.to_owned(), suite: only_suite(&folder)?, folder })
    }

    /// The file that holds the site's public key.
    pub(super) fn key(&self) -> PathBuf {
        self.folder.join(KEYRING)
    }

    /// Where machines read it.
    pub(super) fn url(&self, site: &Site) -> String {
        let data = site.hosts.of(Service::Data);
        format!("http://{}.{}/apt/{}", data.name, site.domain, self.name)
    }

    /// Makes a root from it, with signatures checked; each step is told.
    pub(super) async fn make(
        &self,
        mut run: Mmdebstrap,
        packages: &BTreeSet<String>,
        output: &Path,
        step: impl FnMut(&str),
    ) -> Outcome {
        let packages: Vec<_> = packages.iter().map(String::as_str).collect();
        run.option("include", packages.join(","))
            // The store is root's, and nothing comes over a network.
            .option("aptopt", "APT::Sandbox::User \"root\"")
            .option("aptopt", "APT::Install-Recommends \"false\"")
            .option("aptopt", "Acquire::Languages \"none\"")
            .option("dpkgopt", "force-unsafe-io");
        let (key, folder) = (self.key(), self.folder.display());
        let line = format!("deb [signed-by={}] copy://{folder} {} main", key.display(), self.suite);
        run.run(&self.suite, output, line, step).await
    }

    /// Tells all that goes into a root: the set as it is, the packages, our own sources of it, and what else counts.
    pub(super) fn input(
        &self,
        packages: &BTreeSet<String>,
        sources: &Path,
        more: &[&[u8]],
    ) -> Outcome<String> {
        let tried = || "cannot read what a root is made of".to_owned();
        let mut hash = sha2::Sha256::new();
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        let release = self.folder.join("dists").join(&self.suite).join("InRelease");
        add(&fs_err::read(release).or_fail(Class::Missing, tried)?);
        for package in packages {
            add(package.as_bytes());
        }
        let mut files = files::below(sources).or_fail(Class::Missing, tried)?;
        files.sort();
        for file in files {
            add(file.strip_prefix(sources).unwrap_or(&file).as_os_str().as_encoded_bytes());
            add(&fs_err::read(file).or_fail(Class::Missing, tried)?);
        }
        for part in more {
            add(part);
        }
        Ok(feeds::digest::Sha256(hash.finalize().into()).to_string())
    }

    /// Finds what was made from the same input before, for whichever tree.
    pub(super) fn made_before(&self, site: &Site, input: &str) -> Outcome<Option<Files>> {
        let current = Store::open(site.layout.store())?.current()?;
        let mut trees = current.into_iter().flat_map(|it| it.lock.trees);
        Ok(trees.find(|tree| tree.upstream == self.origin(input)).map(|tree| tree.files))
    }

    fn origin(&self, input: &str) -> String {
        format!("apt/{} of this site, input {input}", self.name)
    }

    /// Publishes what was made from it; other trees that were built stay.
    pub(super) fn publish(
        &self,
        site: &Site,
        name: &str,
        input: &str,
        files: Files,
    ) -> Outcome<Made> {
        built::publish(&Store::open(site.layout.store())?, name, self.origin(input), files)
    }
}

/// The one suite of a repository that the site indexed.
fn only_suite(folder: &Path) -> Outcome<String> {
    let tried = || format!("cannot read the suites of {}", folder.display());
    let mut names = Vec::new();
    for entry in fs_err::read_dir(folder.join("dists")).or_fail(Class::Missing, tried)? {
        names.push(entry.or_fail(Class::Missing, tried)?.file_name());
    }
    match &names[..] {
        [only] => Ok(only.to_string_lossy().into_owned()),
        _ => Err(Failure::say(Class::Configuration, tried()).hint("it has none, or several")),
    }
}

/// The words of a list: one a line, `#` begins a comment.
pub(super) fn words(list: &str) -> BTreeSet<String> {
    let words = list.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Reads a list of packages among the sources of the images.
pub(super) fn packages(folder: &Path) -> Outcome<BTreeSet<String>> {
    let list = fs_err::read_to_string(folder.join("packages"))
        .or_fail(Class::Missing, || "cannot read what a root is made of".to_owned())
        .map_err(|failure| failure.hint("run install.sh again, or set BOODDIES_IMAGES"))?;
    Ok(words(&list))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_comments_and_empty_lines() {
        let words = words("# what\n\nlvm2\n zstd # packs\n");
        assert_eq!(words.into_iter().collect::<Vec<_>>(), ["lvm2", "zstd"]);
    }
}
