//! Which references a mirror shall have: what the upstream offers, what is ours, and what would otherwise be lost.

use git2::{Oid, Repository};

use super::Divergence;
use super::refs::{self, Refs};

/// Where old tips stay that an upstream rewrote or took away.
///
/// `git clone` takes branches and tags only, so nobody gets them who does not ask for them.
pub(super) const ARCHIVE: &str = "refs/archive/";

/// The references as they shall be.
pub(super) struct Settled {
    pub(super) refs: Refs,
    /// Left as they are although the upstream differs.
    pub(super) kept: Vec<String>,
    /// New names of old tips.
    pub(super) archived: Vec<String>,
}

/// Joins what the repository has with what the upstream offers on this `day` (`YYYY-MM-DD`).
pub(super) fn settle(
    repository: &Repository,
    divergence: Divergence,
    seen: &Refs,
    offer: &Refs,
    day: &str,
) -> Result<Settled, git2::Error> {
    match divergence {
        Divergence::Overwrite => overwrite(repository, seen, offer, day),
        Divergence::Keep => keep(repository, seen, offer),
    }
}

fn overwrite(
    repository: &Repository,
    seen: &Refs,
    offer: &Refs,
    day: &str,
) -> Result<Settled, git2::Error> {
    let (theirs, mut refs): (Refs, Refs) =
        seen.clone().into_iter().partition(|(name, _)| refs::mirrored(name));
    let mut archived = Vec::new();
    // A bundle brings old tips under the names that its sender gave them; those that are here stay what they are.
    let carried = || offer.iter().filter(|(name, _)| name.starts_with(ARCHIVE));
    for (name, old) in &theirs {
        let lost = match offer.get(name) {
            Some(new) => new != old && !forward(repository, *old, *new)?,
            None => true,
        };
        if lost && !carried().any(|(_, id)| id == old) {
            let place = place(&refs, name, *old, day);
            refs.insert(place.clone(), *old);
            archived.push(place);
        }
    }
    for (name, id) in carried() {
        refs.entry(name.clone()).or_insert(*id);
    }
    let mirrored = offer.iter().filter(|(name, _)| refs::mirrored(name));
    refs.extend(mirrored.map(|(name, id)| (name.clone(), *id)));
    Ok(Settled { refs, kept: Vec::new(), archived })
}

/// `refs/archive/<day>/<heads|tags|notes>/<name>/<short id>`, with the whole id where the short one is another's.
fn place(refs: &Refs, name: &str, id: Oid, day: &str) -> String {
    let short = name.strip_prefix("refs/").unwrap_or(name);
    let id = id.to_string();
    let place = |id: &str| format!("{ARCHIVE}{day}/{short}/{id}");
    let brief = place(&id[..12.min(id.len())]);
    match refs.get(&brief) {
        Some(other) if other.to_string() != id => place(&id),
        _ => brief,
    }
}

fn keep(repository: &Repository, seen: &Refs, offer: &Refs) -> Result<Settled, git2::Error> {
    let (mut refs, mut kept) = (seen.clone(), Vec::new());
    for (name, &theirs) in offer {
        match refs.get(name) {
            Some(_) if name.starts_with(ARCHIVE) => {}
            Some(&ours) if ours != theirs && !forward(repository, ours, theirs)? => {
                if !forward(repository, theirs, ours)? {
                    kept.push(name.clone());
                }
            }
            _ => {
                refs.insert(name.clone(), theirs);
            }
        }
    }
    Ok(Settled { refs, kept, archived: Vec::new() })
}

/// Whether `to` continues `from`; a tag continues nothing.
pub(super) fn forward(repository: &Repository, from: Oid, to: Oid) -> Result<bool, git2::Error> {
    let commit = |id| repository.find_commit(id).is_ok();
    if commit(from) && commit(to) { repository.graph_descendant_of(to, from) } else { Ok(false) }
}
