//! What kinds of failure a feed knows, so that a caller can choose an exit code and show a hint.

/// The kind of a failure, independent of where it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The upstream did not deliver: unreachable, refused, answered nonsense.
    Upstream,
    /// A hash or a signature does not hold.
    Verification,
    /// What the operator asked for makes no sense, or names what is not there.
    Configuration,
    /// This machine: disk full, permission, i/o.
    Local,
    /// Stopped on request; what was fetched is kept.
    Interrupted,
}

/// An error that knows its class and may know what to do about it.
pub trait Classified: std::error::Error {
    /// The kind of failure.
    fn class(&self) -> Class;
    /// What the operator can do, in one sentence without a trailing period.
    fn hint(&self) -> Option<String> {
        None
    }
}
