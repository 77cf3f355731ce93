//! What an upstream has, and how what is missing of it is fetched.

use git2::{
    AutotagOption, Direction, ErrorCode, FetchOptions, Oid, Reference, RemoteConnection, Repository,
};

use super::Error;
use super::refs::{self, Refs};
use super::remote::Conversation;
use crate::events::{Id, Silent, Watch};

/// References of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// Those that a mirror copies.
    pub(super) refs: Refs,
    /// The default branch, if it is among them.
    pub(super) head: Option<String>,
}

/// Asks for the references, and takes of them what `choose` wants.
pub(super) fn ask(
    repository: &Repository,
    conversation: &Conversation<'_>,
    choose: impl Fn(Offer) -> Result<Offer, Error>,
) -> Result<Offer, Error> {
    let connect = |source| conversation.blame(source, |url, source| Error::Connect { url, source });
    let mut remote = repository.remote_anonymous(conversation.url()).map_err(connect)?;
    let callbacks = conversation.callbacks(&Silent, Id::fresh());
    let connection =
        remote.connect_auth(Direction::Fetch, Some(callbacks), None).map_err(connect)?;
    choose(listed(&connection, conversation)?)
}

/// Asks for the references, takes of them what `choose` wants, and fetches what they need into `repository`, whose own
/// references say what need not be sent.
pub(super) fn fetch(
    repository: &Repository,
    conversation: &Conversation<'_>,
    choose: impl Fn(Offer) -> Result<Offer, Error>,
    watch: &dyn Watch,
    id: Id,
) -> Result<Offer, Error> {
    let connect = |source| conversation.blame(source, |url, source| Error::Connect { url, source });
    let mut remote = repository.remote_anonymous(conversation.url()).map_err(connect)?;
    let callbacks = conversation.callbacks(watch, id);
    let mut connection =
        remote.connect_auth(Direction::Fetch, Some(callbacks), None).map_err(connect)?;
    let offer = choose(listed(&connection, conversation)?)?;
    let missing = missing(repository, &offer);
    if !missing.is_empty() {
        let mut options = FetchOptions::new();
        options
            .remote_callbacks(conversation.callbacks(watch, id))
            .download_tags(AutotagOption::None)
            .update_fetchhead(false);
        connection.remote().download(&missing, Some(&mut options)).map_err(|source| {
            conversation.blame(source, |url, source| Error::Fetch { url, source })
        })?;
    }
    Ok(offer)
}

/// What the other side lists.
fn listed(
    connection: &RemoteConnection<'_, '_, '_>,
    conversation: &Conversation<'_>,
) -> Result<Offer, Error> {
    let connect = |source| conversation.blame(source, |url, source| Error::Connect { url, source });
    let mut refs = Refs::new();
    for head in connection.list().map_err(connect)? {
        take(&mut refs, head.name(), head.oid(), &conversation.shown())?;
    }
    let head = match connection.default_branch() {
        Ok(name) => name.as_str().ok().filter(|name| refs.contains_key(*name)).map(str::to_owned),
        Err(error) if error.code() == ErrorCode::NotFound => None,
        Err(error) => return Err(connect(error)),
    };
    Ok(Offer { refs, head })
}

/// Takes a reference into an offer, if it is one that a mirror copies.
pub(super) fn take(refs: &mut Refs, name: &str, id: Oid, url: &str) -> Result<(), Error> {
    // A peeled tag is listed as `tag^{}`.
    if !refs::mirrored(name) || name.ends_with("^{}") {
        return Ok(());
    }
    insert(refs, name, id, url)
}

/// Takes a reference, if its name is one.
pub(super) fn insert(refs: &mut Refs, name: &str, id: Oid, url: &str) -> Result<(), Error> {
    if !Reference::is_valid_name(name) {
        return Err(Error::RefName { url: url.to_owned(), name: name.to_owned() });
    }
    refs.insert(name.to_owned(), id);
    Ok(())
}

/// What has to be fetched, as refspecs.
pub(super) fn missing(repository: &Repository, offer: &Offer) -> Vec<String> {
    let missing = offer.refs.iter().filter(|(_, id)| !holds(repository, **id));
    missing.map(|(name, _)| format!("+{name}:{name}")).collect()
}

/// Checks that what every reference names has come.
pub(super) fn check_there(repository: &Repository, url: &str, refs: &Refs) -> Result<(), Error> {
    match refs.iter().find(|(_, id)| !holds(repository, **id)) {
        None => Ok(()),
        Some((name, object)) => {
            let (name, object) = (name.clone(), object.to_string());
            Err(Error::Missing { url: url.to_owned(), name, object })
        }
    }
}

/// Whether an object is here.
pub(super) fn holds(repository: &Repository, id: Oid) -> bool {
    repository.odb().is_ok_and(|objects| objects.exists(id))
}
