//! What feeds have put into the site's registry, remembered from run to run: a page tells it, and what is no longer listed is
//! told by it from what people pushed. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Copied, Held};

/// All that feeds have put there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// By their full names, `repository:tag`.
    images: BTreeMap<String, Fed>,
    /// By their names.
    pub(super) repositories: BTreeMap<String, Repository>,
}

/// An image, as it was when a feed last looked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fed {
    /// The name that it is asked for by; one may stand for many tags.
    pub asked: String,
    /// Whether it was among the tags that were chosen last.
    pub chosen: bool,
    /// The repository.
    pub repository: String,
    /// The tag; empty where a digest says it all.
    pub tag: String,
    /// The digest of its manifest.
    pub digest: String,
    /// The platforms that it is made for.
    pub platforms: Vec<String>,
    /// Bytes of all its blobs.
    pub size: u64,
    /// When it came.
    pub fed: Timestamp,
    /// The key that was found to vouch for it.
    pub signer: Option<String>,
    /// What the tag named before, kept as `<tag>.previous`.
    pub previous: Option<String>,
}

/// What feeds have put into one repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Repository {
    /// Tags and what they named when they were put.
    pub(super) tags: BTreeMap<String, String>,
    /// Manifests by their digests, those that an index lists among them.
    pub(super) manifests: BTreeSet<String>,
}

impl Record {
    /// The images by their full names.
    pub fn images(&self) -> impl Iterator<Item = (&String, &Fed)> {
        self.images.iter()
    }

    /// Whether all is known of an image that was copied just now.
    pub(super) fn knows(&self, name: &str, copied: &Copied) -> bool {
        let known = self.images.get(name).filter(|known| known.digest == copied.digest);
        let tags = known.and_then(|known| self.repositories.get(&known.repository));
        tags.is_some_and(|known| {
            copied.companions.iter().all(|(tag, digest)| known.tags.get(tag) == Some(digest))
        })
    }

    /// Takes down an image that is as it was.
    pub(super) fn confirm(&mut self, name: &str, asked: &str, copied: &Copied) {
        if let Some(known) = self.images.get_mut(name) {
            asked.clone_into(&mut known.asked);
            known.chosen = true;
            known.signer.clone_from(&copied.signer);
        }
    }

    /// Takes down an image that came, and what the registry holds of it.
    pub(super) fn add(
        &mut self,
        name: &str,
        asked: &str,
        copied: &Copied,
        held: Held,
        now: Timestamp,
    ) {
        let known = self.images.get(name);
        let same = known.filter(|known| known.digest == copied.digest);
        let repository = self.repositories.entry(held.repository.clone()).or_default();
        repository.manifests.extend(held.manifests);
        repository.tags.extend(copied.companions.clone());
        if !held.tag.is_empty() {
            repository.tags.insert(held.tag.clone(), copied.digest.clone());
        }
        if let Some((tag, digest)) = &copied.previous {
            repository.tags.insert(tag.clone(), digest.clone());
        }
        let previous = copied.previous.as_ref().map(|(_, digest)| digest.clone());
        let image = Fed {
            asked: asked.to_owned(),
            chosen: true,
            repository: held.repository,
            tag: held.tag,
            digest: copied.digest.clone(),
            platforms: held.platforms,
            size: held.size,
            fed: same.map_or(now, |same| same.fed),
            signer: copied.signer.clone(),
            previous: previous.or_else(|| known.and_then(|known| known.previous.clone())),
        };
        self.images.insert(name.to_owned(), image);
    }

    /// Takes down which tags of a repository were chosen, by their full names.
    pub fn choose(&mut self, asked: &str, chosen: &BTreeSet<String>) {
        for (name, image) in self.images.iter_mut().filter(|(_, image)| image.asked == asked) {
            image.chosen = chosen.contains(name);
        }
    }

    /// The images that nobody asks for any more: neither by their full `names`, nor as one of the chosen tags of `choices`.
    pub fn unlisted(&self, names: &BTreeSet<String>, choices: &BTreeSet<String>) -> Vec<String> {
        let asked = |name: &String, image: &Fed| {
            names.contains(name) || image.chosen && choices.contains(&image.asked)
        };
        let unlisted = self.images.iter().filter(|(name, image)| !asked(name, image));
        unlisted.map(|(name, _)| name.clone()).collect()
    }

    /// Forgets images that are gone.
    pub(super) fn forget(&mut self, names: &[String]) {
        self.images.retain(|name, _| !names.contains(name));
        self.repositories.retain(|_, known| !known.manifests.is_empty());
    }
}
