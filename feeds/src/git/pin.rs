//! A pin: the one reference of an upstream that a mirror is about.

use git2::{Oid, Repository};

use super::Error;
use super::offer::Offer;
use super::refs::Refs;
use super::settle::forward;

/// What is mirrored of an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pin {
    /// All branches, tags and notes.
    #[default]
    Everything,
    /// One branch.
    Branch(String),
    /// One tag.
    Tag(String),
    /// One commit: the branch (the default one where none is named) stands there and goes nowhere.
    Commit {
        /// Its whole id.
        id: String,
        /// The branch that has it in its history.
        branch: Option<String>,
    },
}

/// The part of an offer that has to be fetched for a pin.
pub(super) fn wanted(pin: &Pin, url: &str, offer: Offer) -> Result<Offer, Error> {
    let name = match pin {
        Pin::Everything => return Ok(offer),
        Pin::Branch(branch) | Pin::Commit { branch: Some(branch), .. } => {
            format!("refs/heads/{branch}")
        }
        Pin::Tag(tag) => format!("refs/tags/{tag}"),
        Pin::Commit { branch: None, .. } => match &offer.head {
            Some(head) => head.clone(),
            None => return Err(Error::Pin { url: url.to_owned(), name: "HEAD".to_owned() }),
        },
    };
    match offer.refs.get(&name) {
        Some(id) => Ok(Offer {
            head: name.starts_with("refs/heads/").then(|| name.clone()),
            refs: Refs::from([(name, *id)]),
        }),
        None => Err(Error::Pin { url: url.to_owned(), name }),
    }
}

/// The offer as the mirror shall have it, once all of it is here: a pinned commit takes its branch's place.
pub(super) fn pinned(
    pin: &Pin,
    url: &str,
    offer: Offer,
    repository: &Repository,
) -> Result<Offer, Error> {
    let Pin::Commit { id, .. } = pin else {
        return Ok(offer);
    };
    let commit = Oid::from_str(id).ok();
    let mut refs = Refs::new();
    for (name, tip) in &offer.refs {
        let there = commit.filter(|commit| {
            commit == tip || forward(repository, *commit, *tip).unwrap_or_default()
        });
        let Some(commit) = there else {
            let (url, name, commit) = (url.to_owned(), name.clone(), id.clone());
            return Err(Error::NotInHistory { url, name, commit });
        };
        refs.insert(name.clone(), commit);
    }
    Ok(Offer { refs, ..offer })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer() -> Offer {
        let id = |digit: &str| Oid::from_str(&digit.repeat(40)).unwrap();
        let refs = [("refs/heads/main", "1"), ("refs/heads/next", "2"), ("refs/tags/v1", "1")];
        let refs = refs.map(|(name, digit)| (name.to_owned(), id(digit)));
        Offer { refs: refs.into(), head: Some("refs/heads/main".to_owned()) }
    }

    fn names(pin: &Pin) -> (Vec<String>, Option<String>) {
        let offer = wanted(pin, "u", offer()).unwrap();
        (offer.refs.into_keys().collect(), offer.head)
    }

    #[test]
    fn a_pin_wants_one_reference() {
        assert_eq!(names(&Pin::Everything).0.len(), 3);
        let next = Some("refs/heads/next".to_owned());
        assert_eq!(names(&Pin::Branch("next".to_owned())), (vec!["refs/heads/next".into()], next));
        assert_eq!(names(&Pin::Tag("v1".to_owned())), (vec!["refs/tags/v1".into()], None));
        let commit = Pin::Commit { id: "3".repeat(40), branch: None };
        assert_eq!(names(&commit).0, ["refs/heads/main"]);
    }

    #[test]
    fn an_absent_pin_is_named() {
        let error = wanted(&Pin::Tag("v2".to_owned()), "u", offer()).unwrap_err();
        assert_eq!(error.to_string(), "git upstream u has no refs/tags/v2, which is pinned");
    }
}
