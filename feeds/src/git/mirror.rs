//! One mirror run: ask, fetch what is missing into quarantine, check that all came and who signed it, take it, move the
//! references. Where nothing is missing no quarantine is made; what must be signed or is pinned is proven all the same.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use git2::{ErrorClass, ErrorCode, Repository};

use super::incoming::{self, Incoming};
use super::offer::{self, Offer};
use super::onward::Onward;
use super::refs::{self, Lock, Refs};
use super::remote::Conversation;
use super::settle::{Settled, settle};
use super::signed::{Vouched, vouched};
use super::turns::Turns;
use super::{By, Error, Mirrored, Source, Target, bare, pin, system, unbundle};
use crate::events::{Event, Id, Watch};

/// Brings one mirror up to date. Blocks; `stop` ends it at the next byte that arrives.
pub fn mirror(
    source: &Source,
    target: &Target,
    stop: &AtomicBool,
    watch: &dyn Watch,
) -> Result<Mirrored, Error> {
    mirror_in_turn(source, target, &Turns::new(1), stop, watch)
}

/// Does the same, and waits for its turn before it fetches.
pub(super) fn mirror_in_turn(
    source: &Source,
    target: &Target,
    turns: &Turns,
    stop: &AtomicBool,
    watch: &dyn Watch,
) -> Result<Mirrored, Error> {
    let id = Id::fresh();
    watch.event(Event::Started { id, label: source.name.clone(), total: None, unit: None });
    let result = run(source, target, turns, stop, (watch, id));
    let failed = result.as_ref().err().map(ToString::to_string);
    watch.event(Event::Finished { id, failed });
    if let Ok(mirrored) = &result {
        tell(&source.name, mirrored, watch);
    }
    result
}

/// Tells what an operator may not expect.
fn tell(name: &str, mirrored: &Mirrored, watch: &dyn Watch) {
    let line = |what: &str, refs: &[String]| {
        (!refs.is_empty()).then(|| format!("{name}: {what}: {}", refs.join(", ")))
    };
    if let Some(text) = line("kept as they are here", &mirrored.kept) {
        watch.event(Event::Warning { text });
    }
    if let Some(text) = line("not taken further than signed tags go", &mirrored.behind) {
        watch.event(Event::Warning { text });
    }
    if let Some(text) = line("rewritten or deleted upstream, old tips stay as", &mirrored.archived)
    {
        watch.event(Event::Note { text });
    }
}

/// Who is told of the progress, and as whose.
type Told<'a> = (&'a dyn Watch, Id);

fn run(
    source: &Source,
    target: &Target,
    turns: &Turns,
    stop: &AtomicBool,
    told: Told<'_>,
) -> Result<Mirrored, Error> {
    // libgit2 takes what is no path for a URL, and complains about its protocol.
    let path = Path::new(source.url.strip_prefix("file://").unwrap_or(&source.url));
    if path.is_absolute() && !path.exists() {
        return Err(Error::Absent { path: path.to_owned() });
    }
    let conversation = Conversation::new(&source.url, &source.access, stop)?;
    let repository = bare::open(&target.bare)?;
    bare::sweep(&target.bare)?;
    incoming::clear(&target.bare)?;
    let read = |source| Error::Read { path: target.bare.clone(), source };
    let seen = refs::read(&repository).map_err(read)?;

    // Servers of ssh turn away whom they find too many.
    let early = conversation.is_ssh().then(|| turns.fetch.take());
    let asking = turns.ask.take();
    let asked = ask(source, &repository, &seen, &conversation, told.0)?;
    drop(asking);
    let vouched = match asked {
        Asked::Here(offer) => prove(source, &conversation, &repository, &seen, offer)?,
        Asked::Missing(by) => {
            let _turn = early.unwrap_or_else(|| turns.fetch.take());
            let source = Source { by, ..source.clone() };
            receive(&source, &target.bare, &seen, &conversation, told)?
        }
    };
    let Vouched { offer, by, behind } = vouched;

    let onward = Onward::of(&source.name, target);
    if bare::push_mirror(&repository) != target.card.push_mirror {
        onward.announce()?;
    }
    let settled = publish(&repository, target, &seen, &offer, &onward)?;
    let changed = settled.refs != seen;
    if let Some(head) = &offer.head {
        point(&repository, head)
            .map_err(|source| Error::Configure { path: target.bare.clone(), source })?;
    }
    bare::present(&repository, &target.card)?;
    if let Some(owner) = target.owner {
        bare::hand_over(&target.bare, owner)?;
    }
    onward.queue()?;
    Ok(Mirrored {
        refs: settled.refs.into_iter().map(|(name, id)| (name, id.to_string())).collect(),
        head: offer.head,
        changed,
        kept: settled.kept,
        archived: settled.archived,
        signed_by: by,
        behind,
    })
}

/// What an upstream answered.
enum Asked {
    /// The mirror has all of it already.
    Here(Offer),
    /// Some of it must be fetched, by whoever understood the answer.
    Missing(By),
}

/// Asks the upstream what it has, and whether any of it is missing here.
fn ask(
    source: &Source,
    repository: &Repository,
    seen: &Refs,
    conversation: &Conversation<'_>,
    watch: &dyn Watch,
) -> Result<Asked, Error> {
    if seen.is_empty() {
        return Ok(Asked::Missing(source.by));
    }
    let shown = conversation.shown();
    let choose = |offer| pin::wanted(&source.pin, &shown, offer);
    let (offer, by) = match unbundle::named(&source.url) {
        Some(bundles) => (choose(unbundle::ask(&bundles, conversation)?)?, source.by),
        None if source.by == By::Git => (system::ask(conversation, choose)?, By::Git),
        None => match ask_itself(repository, conversation, choose) {
            Err(error) if not_understood(&error) => {
                take_over(source, &error, watch);
                (system::ask(conversation, choose)?, By::Git)
            }
            offer => (offer?, By::Whatever),
        },
    };
    let here = offer::missing(repository, &offer).is_empty();
    Ok(if here { Asked::Here(offer) } else { Asked::Missing(by) })
}

/// Asks by libgit2, which sends a password to nobody else.
fn ask_itself(
    repository: &Repository,
    conversation: &Conversation<'_>,
    choose: impl Fn(Offer) -> Result<Offer, Error>,
) -> Result<Offer, Error> {
    if conversation.is_secret() {
        let (guarded, _settings) = bare::unredirected(repository.path())?;
        offer::ask(&guarded, conversation, choose)
    } else {
        offer::ask(repository, conversation, choose)
    }
}

/// Tells that the system's git takes over, and why.
fn take_over(source: &Source, error: &Error, watch: &dyn Watch) {
    let why = std::error::Error::source(error).map(ToString::to_string);
    let (name, why) = (&source.name, why.unwrap_or_default());
    let text = format!("{name}: libgit2 says: {why}; the system's git takes over");
    watch.event(Event::Warning { text });
}

/// Fetches into quarantine, checks what came against nothing but itself, the mirror and the named keys, and takes it.
fn receive(
    source: &Source,
    bare: &Path,
    seen: &Refs,
    conversation: &Conversation<'_>,
    told: Told<'_>,
) -> Result<Vouched, Error> {
    let incoming = Incoming::open(bare)?;
    incoming.seed(seen)?;
    if conversation.is_secret() {
        incoming.follow_nobody()?;
    }
    let shown = conversation.shown();
    let offer = fetch(source, &incoming, conversation, told)?;
    offer::check_there(&incoming.repository, &shown, &offer.refs)?;
    incoming.check_whole(&shown)?;
    let vouched = prove(source, conversation, &incoming.repository, seen, offer)?;
    incoming.accept()?;
    Ok(vouched)
}

/// What of an offer the mirror shall have: what is pinned, and what named keys vouch for.
fn prove(
    source: &Source,
    conversation: &Conversation<'_>,
    repository: &Repository,
    seen: &Refs,
    offer: Offer,
) -> Result<Vouched, Error> {
    let shown = conversation.shown();
    let offer = pin::pinned(&source.pin, &shown, offer, repository)?;
    let vouched = vouched(source.verification.as_ref(), &shown, repository, offer)?;
    let mirrors = |refs: &Refs| refs.keys().any(|name| refs::mirrored(name));
    if !mirrors(&vouched.offer.refs) && mirrors(seen) {
        return Err(Error::Emptied { url: shown });
    }
    Ok(vouched)
}

/// Fetches by libgit2, or by the system's git where that is asked for or libgit2 makes nothing of what it is answered.
fn fetch(
    source: &Source,
    incoming: &Incoming,
    conversation: &Conversation<'_>,
    (watch, id): Told<'_>,
) -> Result<Offer, Error> {
    let shown = conversation.shown();
    let choose = |offer| pin::wanted(&source.pin, &shown, offer);
    if let Some(bundles) = unbundle::named(&source.url) {
        let repository = &incoming.repository;
        return unbundle::fetch(repository, &bundles, conversation, choose, watch, id);
    }
    if source.by == By::Git {
        return system::fetch(incoming, conversation, choose, watch, id);
    }
    match offer::fetch(&incoming.repository, conversation, choose, watch, id) {
        Err(error) if not_understood(&error) => {
            take_over(source, &error, watch);
            system::fetch(incoming, conversation, choose, watch, id)
        }
        other => other,
    }
}

/// Whether libgit2 made nothing of an answer over HTTP.
fn not_understood(error: &Error) -> bool {
    let (Error::Connect { source, .. } | Error::Fetch { source, .. }) = error else {
        return false;
    };
    source.class() == ErrorClass::Http && source.code() != ErrorCode::Auth
}

/// Moves the references, all at once, where any has to.
fn publish(
    repository: &Repository,
    target: &Target,
    seen: &Refs,
    offer: &Offer,
    onward: &Onward<'_>,
) -> Result<Settled, Error> {
    let read = |source| Error::Read { path: target.bare.clone(), source };
    let day = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let decide =
        |seen: &Refs| settle(repository, target.divergence, seen, &offer.refs, &day).map_err(read);
    let settled = decide(seen)?;
    if settled.refs == *seen {
        return Ok(settled);
    }
    onward.announce()?;
    // Decided again under the lock: gito may have taken a push meanwhile.
    let lock = Lock::take(&target.bare)?;
    let seen = refs::read(repository).map_err(read)?;
    let settled = decide(&seen)?;
    lock.publish(repository, &seen, &settled.refs)?;
    Ok(settled)
}

/// Makes `head` the default branch, which whoever clones checks out.
fn point(repository: &Repository, head: &str) -> Result<(), git2::Error> {
    let now = repository.find_reference("HEAD")?;
    if now.symbolic_target()? == Some(head) { Ok(()) } else { repository.set_head(head) }
}
