//! Signatures decide what of an offer is taken: a reference counts as far as a named key vouches for it.
//!
//! The hash of a commit covers its history, so one signature at the tip vouches for all below it.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

use git2::{ErrorCode, ObjectType, Oid, Repository, Sort};

use super::Error;
use super::offer::Offer;
use super::refs::Refs;
use super::signers::{Refused, Signers};

/// What must be signed, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// What.
    pub signed: Signed,
    /// Files of OpenPGP keys, ssh public keys or `allowed_signers`.
    pub keys: Vec<PathBuf>,
}

/// What must be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// Every tag; a branch is taken as far as a signed tag contains it.
    Tags,
    /// What every branch and tag leads to.
    Commits,
}

/// The part of an offer that somebody vouches for.
#[derive(Debug)]
pub(super) struct Vouched {
    pub(super) offer: Offer,
    /// Who signed.
    pub(super) by: BTreeSet<String>,
    /// Branches that are not taken as far as the upstream has them.
    pub(super) behind: Vec<String>,
}

/// Takes of the offer what named keys vouch for, or fails at the first reference that must be signed and is not.
pub(super) fn vouched(
    verification: Option<&Verification>,
    url: &str,
    repository: &Repository,
    offer: Offer,
) -> Result<Vouched, Error> {
    let (by, behind) = (BTreeSet::new(), Vec::new());
    let Some(Verification { signed, keys }) = verification else {
        return Ok(Vouched { offer, by, behind });
    };
    let signers = Signers::load(keys)?;
    let offered = offer.refs.clone();
    let mut vouched = Vouched { offer: Offer { refs: Refs::new(), ..offer }, by, behind };
    for (name, id) in &offered {
        let must = name.starts_with("refs/tags/")
            || *signed == Signed::Commits && name.starts_with("refs/heads/");
        if must {
            let by = prove(repository, &signers, *signed, name, *id).map_err(|source| {
                let (url, name, object) = (url.to_owned(), name.clone(), id.to_string());
                Error::Unproven { url, name, object, source: Box::new(source) }
            })?;
            vouched.by.insert(by);
            vouched.offer.refs.insert(name.clone(), *id);
        }
    }
    if *signed == Signed::Tags {
        follow_tags(repository, &offered, &mut vouched)
            .map_err(|source| Error::Read { path: repository.path().to_owned(), source })?;
    }
    let refs = &vouched.offer.refs;
    vouched.offer.head = vouched.offer.head.filter(|name| refs.contains_key(name));
    if refs.is_empty() && !offered.is_empty() {
        return Err(Error::NothingSigned { url: url.to_owned() });
    }
    Ok(vouched)
}

/// Checks the signature of what a reference names; returns who made it.
fn prove(
    repository: &Repository,
    signers: &Signers,
    signed: Signed,
    name: &str,
    id: Oid,
) -> Result<String, Refused> {
    let Ok(tag) = repository.find_tag(id) else {
        return if signed == Signed::Commits {
            prove_commit(repository, signers, id)
        } else {
            Err(Refused::Unsigned)
        };
    };
    match prove_tag(repository, signers, name, id) {
        Err(Refused::Unsigned) if signed == Signed::Commits => {
            prove(repository, signers, signed, name, tag.target_id())
        }
        other => other,
    }
}

fn prove_commit(repository: &Repository, signers: &Signers, id: Oid) -> Result<String, Refused> {
    if repository.find_commit(id).is_err() {
        return Err(Refused::Nothing);
    }
    let (signature, data) =
        repository.extract_signature(&id, None).map_err(|_| Refused::Unsigned)?;
    signers.verify(&signature, &data)
}

fn prove_tag(
    repository: &Repository,
    signers: &Signers,
    name: &str,
    id: Oid,
) -> Result<String, Refused> {
    let raw = repository.odb().and_then(|odb| odb.read(id).map(|object| object.data().to_vec()));
    let raw = raw.map_err(|_| Refused::Nothing)?;
    let (data, signature) = parted(&raw).ok_or(Refused::Unsigned)?;
    let by = signers.verify(signature, data)?;
    // Or an upstream could show an old release, rightly signed, under the name of a new one.
    let called = repository.find_tag(id).ok().and_then(|tag| tag.name().ok().map(str::to_owned));
    match called {
        Some(called) if name == format!("refs/tags/{called}") => Ok(by),
        called => Err(Refused::Misnamed { called: called.unwrap_or_default() }),
    }
}

/// Parts a tag from the signature at its end.
fn parted(raw: &[u8]) -> Option<(&[u8], &[u8])> {
    let marks: [&[u8]; 2] =
        [b"\n-----BEGIN PGP SIGNATURE-----", b"\n-----BEGIN SSH SIGNATURE-----"];
    let place = marks.iter().filter_map(|mark| memchr::memmem::rfind(raw, mark)).max()?;
    Some(raw.split_at(place + 1))
}

/// Takes each branch up to its newest commit that a signed tag contains.
fn follow_tags(
    repository: &Repository,
    offered: &Refs,
    vouched: &mut Vouched,
) -> Result<(), git2::Error> {
    let mut walk = repository.revwalk()?;
    for id in vouched.offer.refs.values() {
        match repository.find_object(*id, None)?.peel(ObjectType::Commit) {
            Ok(commit) => walk.push(commit.id())?,
            // A tag may name anything.
            Err(error) if matches!(error.code(), ErrorCode::InvalidSpec | ErrorCode::Peel) => {}
            Err(error) => return Err(error),
        }
    }
    let contained: HashSet<Oid> = walk.collect::<Result<_, _>>()?;
    for (name, tip) in offered.iter().filter(|(name, _)| name.starts_with("refs/heads/")) {
        let mut walk = repository.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
        walk.push(*tip)?;
        let newest = walk.find_map(|id| id.ok().filter(|id| contained.contains(id)));
        if newest != Some(*tip) {
            vouched.behind.push(name.clone());
        }
        vouched.offer.refs.extend(newest.map(|id| (name.clone(), id)));
    }
    Ok(())
}
