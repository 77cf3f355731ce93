//! One mirror run: ask, fetch objects, check that all came, move the references.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use git2::{AutotagOption, Direction, ErrorCode, FetchOptions, Reference, Repository};

use super::refs::{self, Lock, Refs};
use super::remote::Conversation;
use super::{Divergence, Error, Mirrored, Source, Target, bare};
use crate::events::{Event, Id, Watch};

/// Brings one mirror up to date. Blocks; `stop` ends it at the next byte that arrives.
pub fn mirror(
    source: &Source,
    target: &Target,
    stop: &AtomicBool,
    watch: &dyn Watch,
) -> Result<Mirrored, Error> {
    let id = Id::fresh();
    watch.event(Event::Started { id, label: source.name.clone(), total: None, unit: None });
    let result = run(source, target, stop, watch, id);
    let failed = result.as_ref().err().map(ToString::to_string);
    watch.event(Event::Finished { id, failed });
    if let Ok(Mirrored { kept, .. }) = &result
        && !kept.is_empty()
    {
        let text = format!("{}: kept as they are here: {}", source.name, kept.join(", "));
        watch.event(Event::Warning { text });
    }
    result
}

fn run(
    source: &Source,
    target: &Target,
    stop: &AtomicBool,
    watch: &dyn Watch,
    id: Id,
) -> Result<Mirrored, Error> {
    // libgit2 takes what is no path for a URL, and complains about its protocol.
    let path = Path::new(source.url.strip_prefix("file://").unwrap_or(&source.url));
    if path.is_absolute() && !path.exists() {
        return Err(Error::Absent { path: path.to_owned() });
    }
    let conversation = Conversation::new(&source.url, &source.access, stop);
    let repository = bare::open(&target.bare)?;
    bare::sweep(&target.bare)?;
    let offer = fetch(&repository, &source.url, &conversation, watch, id)?;

    let read = |source| Error::Read { path: target.bare.clone(), source };
    let seen = refs::read(&repository).map_err(read)?;
    if offer.refs.is_empty() && seen.keys().any(|name| refs::mirrored(name)) {
        return Err(Error::Emptied { url: conversation.shown() });
    }
    let mut settled = settle(&repository, target.divergence, &seen, &offer.refs).map_err(read)?;
    let changed = settled.refs != seen;
    if changed {
        // Decided again under the lock: gito may have taken a push meanwhile.
        let lock = Lock::take(&target.bare)?;
        let seen = refs::read(&repository).map_err(read)?;
        settled = settle(&repository, target.divergence, &seen, &offer.refs).map_err(read)?;
        lock.publish(&repository, &seen, &settled.refs)?;
    }
    if let Some(head) = &offer.head {
        point(&repository, head)
            .map_err(|source| Error::Configure { path: target.bare.clone(), source })?;
    }
    bare::present(&repository, &target.card)?;
    if let Some(owner) = target.owner {
        bare::hand_over(&target.bare, owner)?;
    }
    let refs = settled.refs.into_iter().map(|(name, id)| (name, id.to_string())).collect();
    Ok(Mirrored { refs, head: offer.head, changed, kept: settled.kept })
}

/// Makes `head` the default branch, which whoever clones checks out.
fn point(repository: &Repository, head: &str) -> Result<(), git2::Error> {
    let now = repository.find_reference("HEAD")?;
    if now.symbolic_target()? == Some(head) { Ok(()) } else { repository.set_head(head) }
}

/// What the upstream has.
struct Offer {
    refs: Refs,
    head: Option<String>,
}

/// Asks for the references and fetches what they need; the repository's own references stay as they are.
fn fetch(
    repository: &Repository,
    url: &str,
    conversation: &Conversation<'_>,
    watch: &dyn Watch,
    id: Id,
) -> Result<Offer, Error> {
    let connect = |source| conversation.blame(source, |url, source| Error::Connect { url, source });
    let mut remote = repository.remote_anonymous(url).map_err(connect)?;
    let callbacks = conversation.callbacks(watch, id);
    let mut connection =
        remote.connect_auth(Direction::Fetch, Some(callbacks), None).map_err(connect)?;
    let mut refs = Refs::new();
    for head in connection.list().map_err(connect)? {
        let name = head.name();
        // A peeled tag is listed as `tag^{}`.
        if !refs::mirrored(name) || name.ends_with("^{}") {
            continue;
        }
        if !Reference::is_valid_name(name) {
            let (url, name) = (conversation.shown(), name.to_owned());
            return Err(Error::RefName { url, name });
        }
        refs.insert(name.to_owned(), head.oid());
    }
    let head = match connection.default_branch() {
        Ok(name) => name.as_str().ok().filter(|name| refs.contains_key(*name)).map(str::to_owned),
        Err(error) if error.code() == ErrorCode::NotFound => None,
        Err(error) => return Err(connect(error)),
    };
    let missing = |name: &str| refs.get(name).is_some_and(|id| !holds(repository, *id));
    if refs.keys().any(|name| missing(name)) {
        let specs = refs::NAMESPACES.map(|namespace| format!("+{namespace}*:{namespace}*"));
        let mut options = FetchOptions::new();
        options
            .remote_callbacks(conversation.callbacks(watch, id))
            .download_tags(AutotagOption::None)
            .update_fetchhead(false);
        connection.remote().download(&specs, Some(&mut options)).map_err(|source| {
            conversation.blame(source, |url, source| Error::Fetch { url, source })
        })?;
    }
    if let Some((name, object)) = refs.iter().find(|(_, id)| !holds(repository, **id)) {
        let (name, object) = (name.clone(), object.to_string());
        return Err(Error::Missing { url: conversation.shown(), name, object });
    }
    Ok(Offer { refs, head })
}

fn holds(repository: &Repository, id: git2::Oid) -> bool {
    repository.odb().is_ok_and(|objects| objects.exists(id))
}

/// The references as they shall be.
struct Settled {
    refs: Refs,
    kept: Vec<String>,
}

/// Joins what the repository has with what the upstream offers.
fn settle(
    repository: &Repository,
    divergence: Divergence,
    seen: &Refs,
    offer: &Refs,
) -> Result<Settled, git2::Error> {
    let mut kept = Vec::new();
    let mut refs: Refs = seen
        .iter()
        .filter(|(name, _)| divergence == Divergence::Keep || !refs::mirrored(name))
        .map(|(name, id)| (name.clone(), *id))
        .collect();
    for (name, &theirs) in offer {
        match refs.get(name) {
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
    Ok(Settled { refs, kept })
}

/// Whether `to` continues `from`; a tag continues nothing.
fn forward(repository: &Repository, from: git2::Oid, to: git2::Oid) -> Result<bool, git2::Error> {
    let commit = |id| repository.find_commit(id).is_ok();
    if commit(from) && commit(to) { repository.graph_descendant_of(to, from) } else { Ok(false) }
}
