//! The site's own APT set, as the source of the roots that machines run: what is not in it cannot be in them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use feeds::store::{Object, RelPath, Store, Tree};

use super::mmdebstrap::Mmdebstrap;
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::services::Service;
use crate::site::Site;

/// The site's public key, in a repository that the site indexed itself.
const KEYRING: &str = "booddies-archive-keyring.asc";
/// What is published below the URL space of data as `built/…`.
const SCOPE: &str = "built";

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
        let suite = only_suite(&folder)?;
        Ok(Self { name: name.to_owned(), suite, folder })
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

    /// Publishes what was made from it as one tree below `built/`; other trees there stay.
    pub(super) fn publish(
        &self,
        site: &Site,
        name: &str,
        files: impl IntoIterator<Item = (&'static str, Object)>,
    ) -> Outcome<u64> {
        let place = |path: &str| {
            RelPath::new(path).or_fail(Class::Unexpected, || format!("`{path}` is not a path"))
        };
        let store = Store::open(site.layout.store())?;
        let named = |(name, object)| Ok((place(name)?, object));
        let tree = Tree {
            path: place(&format!("{SCOPE}/{name}"))?,
            upstream: format!("apt/{} of this site", self.name),
            trust: "built by this site".to_owned(),
            evidence: std::collections::BTreeMap::new(),
            files: files.into_iter().map(named).collect::<Outcome<_>>()?,
        };
        let current = store.current()?;
        let keep: Vec<_> =
            current.into_iter().flat_map(|it| it.lock.trees).map(|tree| tree.path).collect();
        Ok(store.publish(&place(SCOPE)?, vec![tree], &keep)?.number)
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
