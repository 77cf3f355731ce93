//! How old what an upstream offers is, as it tells itself: what is served gives way to nothing older.
//!
//! A signature proves who made the head of a chain, and not when. So a mirror that fell behind, or plays back what once was
//! true, could take away updates that machines had already. What the upstream said then is compared with what it says now;
//! this host's clock only tells what has yet to come.

use jiff::{SignedDuration, Timestamp};

/// How far ahead of this host's clock an upstream's may be and still be believed.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// What a mirror offers was made before what is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is of {offered}, older than what is served, of {served}")]
pub struct Older {
    /// When the upstream says that what it offers was made.
    pub offered: Timestamp,
    /// When it said that what is served was.
    pub served: Timestamp,
}

impl Older {
    /// What to do about it.
    pub(crate) const HINT: &str = "the mirror fell behind, or plays back; write `accept_older = true` if the upstream itself went back";
}

/// Believes when something served was made, unless that has yet to come: an upstream whose clock was wrong once must not lock
/// itself out.
pub(crate) fn believed(made: Timestamp, now: Timestamp) -> Option<Timestamp> {
    (made.duration_since(now) <= AHEAD).then_some(made)
}

/// Compares when what is offered was made with when what is served was; who tells nothing is not compared.
pub(crate) fn compare(offered: Option<Timestamp>, served: Option<Timestamp>) -> Result<(), Older> {
    match (offered, served) {
        (Some(offered), Some(served)) if offered < served => Err(Older { offered, served }),
        _ => Ok(()),
    }
}
