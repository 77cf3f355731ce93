//! Why a verb failed: a class that chooses the exit code, a chain of causes, and what to do about it.

use std::{fmt, io};

/// The classes of failure; the number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// Nothing we foresaw.
    Unexpected = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// Something needed is missing: the engine does not answer, a program is not installed.
    Missing = 10,
    /// The configuration is wrong.
    Configuration = 11,
    /// A feed failed.
    Feed = 12,
    /// A feed failed in part; what succeeded is published.
    FeedPartly = 13,
    /// A container or the engine failed.
    Engine = 14,
    /// The host's network stands in the way.
    Network = 15,
    /// A hash or a signature does not hold.
    Verification = 16,
    /// Another run holds the lock.
    Locked = 75,
    /// Stopped by SIGINT.
    Interrupted = 130,
    /// Stopped by SIGTERM.
    Terminated = 143,
}

/// A failed verb.
#[derive(Debug)]
pub struct Failure {
    /// Chooses the exit code.
    pub class: Class,
    /// What was tried, on what, and why it failed.
    pub error: anyhow::Error,
    /// What to do, without a trailing period.
    pub hint: Option<String>,
}

/// What every verb returns.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// Makes a failure of a class out of an error or a message.
    pub fn new(class: Class, error: impl Into<anyhow::Error>) -> Self {
        Self { class, error: error.into(), hint: None }
    }

    /// Makes a failure of a class out of a sentence.
    pub fn say(class: Class, message: impl fmt::Display) -> Self {
        Self { class, error: anyhow::anyhow!("{message}"), hint: None }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Tells whoever was denied something, and is not root, what to be.
    #[must_use]
    pub fn hint_at_root(self, is_root: bool) -> Self {
        let denied = self.error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
        if is_root || denied.into_iter().all(|it| it.kind() != io::ErrorKind::PermissionDenied) {
            return self;
        }
        self.hint("run it as root")
    }
}

impl fmt::Display for Failure {
    /// Renders the `error:` line, its causes indented, and the `hint:` line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = self.error.to_string();
        write!(f, "error: {told}")?;
        for cause in self.error.chain().skip(1).map(ToString::to_string) {
            // Errors of others may end with what caused them.
            if !told.ends_with(&cause) {
                write!(f, "\n  caused by: {cause}")?;
                told = cause;
            }
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

/// Gives a failing result its class.
pub trait Classify<T> {
    /// Makes the error a failure of this class, telling what was tried.
    fn or_fail(self, class: Class, tried: impl FnOnce() -> String) -> Outcome<T>;
}

impl<T, E: Into<anyhow::Error>> Classify<T> for Result<T, E> {
    fn or_fail(self, class: Class, tried: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|error| Failure { class, error: error.into().context(tried()), hint: None })
    }
}

impl<E: feeds::Classified + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let class = match error.class() {
            // What this machine lacks, such as room, fails a feed as an upstream does.
            feeds::Class::Upstream | feeds::Class::Local => Class::Feed,
            feeds::Class::Verification => Class::Verification,
            feeds::Class::Configuration => Class::Configuration,
            feeds::Class::Interrupted => Class::Interrupted,
        };
        let hint = error.hint();
        Self { class, error: error.into(), hint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_was_told_already_is_not_told_again() {
        let error = anyhow::anyhow!("no such host").context("cannot connect: no such host");
        let failure = Failure::new(Class::Missing, error.context("the engine does not answer"));
        let told = "error: the engine does not answer\n  caused by: cannot connect: no such host";
        assert_eq!(failure.to_string(), told);
    }

    #[test]
    fn who_is_denied_something_is_told_to_be_root_unless_they_are() {
        let denied = |kind| {
            let failure = Failure::new(Class::Missing, io::Error::from(kind));
            move |is_root| failure.hint("start it").hint_at_root(is_root).hint
        };
        let kind = io::ErrorKind::PermissionDenied;
        assert_eq!(denied(kind)(false).as_deref(), Some("run it as root"));
        assert_eq!(denied(kind)(true).as_deref(), Some("start it"));
        assert_eq!(denied(io::ErrorKind::NotFound)(false).as_deref(), Some("start it"));
    }
}
