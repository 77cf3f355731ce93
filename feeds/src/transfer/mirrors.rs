//! The mirrors of one file, tried in turn within one budget of retries, and what is remembered of their hosts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use url::Url;

use super::address::masked;
use super::answer::Retry;
use super::error::{Failure, Reason};
use super::lanes::host;

/// A host that failed so often in a row is asked after all others.
const STRIKES: u32 = 3;
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How often each host could not be reached in a row, in this run.
#[derive(Debug, Default)]
pub(super) struct Reputation(Mutex<HashMap<String, u32>>);

impl Reputation {
    pub(super) fn delivered(&self, url: &Url) {
        self.hosts().remove(&host(url));
    }

    pub(super) fn failed(&self, url: &Url) {
        *self.hosts().entry(host(url)).or_default() += 1;
    }

    fn is_bad(&self, url: &Url) -> bool {
        self.hosts().get(&host(url)).is_some_and(|strikes| *strikes >= STRIKES)
    }

    fn hosts(&self) -> std::sync::MutexGuard<'_, HashMap<String, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Mirror<'a> {
    url: &'a Url,
    failures: u32,
    last: Option<Reason>,
    /// It would say the same again.
    dead: bool,
    /// It asked for at least this pause.
    wait: Duration,
}

/// The order in which the mirrors of one file are asked.
pub(super) struct Mirrors<'a> {
    all: Vec<Mirror<'a>>,
    turn: usize,
    retries: u32,
    pause: Duration,
}

impl<'a> Mirrors<'a> {
    pub(super) fn new(
        urls: &'a [Url],
        reputation: &Reputation,
        retries: u32,
        pause: Duration,
    ) -> Self {
        let (good, bad): (Vec<_>, Vec<_>) = urls.iter().partition(|url| !reputation.is_bad(url));
        let fresh =
            |url| Mirror { url, failures: 0, last: None, dead: false, wait: Duration::ZERO };
        let all = good.into_iter().chain(bad).map(fresh).collect();
        Self { all, turn: 0, retries, pause }
    }

    /// Returns whom to ask next and how long to wait before; nothing if no one is left to be asked.
    pub(super) fn next(&self) -> Option<(&'a Url, Duration)> {
        let mirror = self.all.get(self.turn)?;
        let pause = match mirror.failures {
            0 => Duration::ZERO,
            failures => (self.pause * 2_u32.saturating_pow(failures - 1)).min(LONGEST_PAUSE),
        };
        Some((mirror.url, pause.max(mirror.wait)))
    }

    /// Tells whether another mirror may still deliver.
    pub(super) fn has_others(&self) -> bool {
        let others = self.all.iter().enumerate().filter(|(index, _)| *index != self.turn);
        others.into_iter().any(|(_, mirror)| !mirror.dead)
    }

    /// Takes down that the mirror whose turn it is failed, and moves on.
    pub(super) fn failed(&mut self, reason: Reason, retry: Retry) {
        let Some(mirror) = self.all.get_mut(self.turn) else {
            return;
        };
        mirror.last = Some(reason);
        mirror.wait = Duration::ZERO;
        match retry {
            Retry::Never => mirror.dead = true,
            Retry::Later => mirror.failures += 1,
            Retry::After(wait) => {
                mirror.failures += 1;
                mirror.wait = wait;
            }
            // Only the bytes before it did not fit: it may be asked for all of them at once.
            Retry::FromStart => {}
        }
        self.turn = self.following(retry).unwrap_or(self.all.len());
    }

    /// Chooses whom to ask next. To ask a mirror again costs one retry.
    fn following(&mut self, retry: Retry) -> Option<usize> {
        let count = self.all.len();
        let first = usize::from(retry != Retry::FromStart);
        let mut order = (first..=count).map(|step| (self.turn + step) % count);
        let is_open =
            |mirror: &Mirror<'_>| !mirror.dead && (mirror.last.is_none() || self.retries > 0);
        let chosen = order.find(|index| is_open(&self.all[*index]))?;
        if self.all[chosen].last.is_some() {
            self.retries -= 1;
        }
        Some(chosen)
    }

    /// Returns the last failure of each mirror.
    pub(super) fn failures(self) -> Vec<Failure> {
        let failed = |mirror: Mirror<'_>| Some((masked(mirror.url), mirror.last?));
        let told = self.all.into_iter().filter_map(failed);
        told.map(|(url, reason)| Failure { url, reason }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(count: usize) -> Vec<Url> {
        (0..count).map(|index| format!("http://m{index}.example/x").parse().unwrap()).collect()
    }

    fn asked(mirrors: &Mirrors<'_>) -> Option<(String, u64)> {
        let (url, wait) = mirrors.next()?;
        Some((url.host_str().unwrap().to_owned(), wait.as_secs()))
    }

    fn said(host: &str, wait: u64) -> (String, u64) {
        (format!("{host}.example"), wait)
    }

    #[test]
    fn goes_round_and_pauses_only_before_asking_again() {
        let urls = urls(2);
        let mut mirrors = Mirrors::new(&urls, &Reputation::default(), 3, Duration::from_secs(1));
        assert_eq!(asked(&mirrors), Some(said("m0", 0)));
        mirrors.failed(Reason::Status(500), Retry::Later);
        assert_eq!(asked(&mirrors), Some(said("m1", 0)));
        mirrors.failed(Reason::Status(404), Retry::Never);
        assert_eq!(asked(&mirrors), Some(said("m0", 1)));
        mirrors.failed(Reason::Status(429), Retry::After(Duration::from_secs(9)));
        assert_eq!(asked(&mirrors), Some(said("m0", 9)));
        mirrors.failed(Reason::Status(500), Retry::Later);
        assert_eq!(asked(&mirrors), Some(said("m0", 4)));
        mirrors.failed(Reason::Resumed, Retry::FromStart);
        assert_eq!(asked(&mirrors), None, "the budget is spent");
        assert_eq!(mirrors.failures().len(), 2);
    }

    #[test]
    fn asks_a_host_that_is_down_last() {
        let urls = urls(2);
        let reputation = Reputation::default();
        (0..STRIKES).for_each(|_| reputation.failed(&urls[0]));
        let first = |reputation| asked(&Mirrors::new(&urls, reputation, 1, Duration::ZERO));
        assert_eq!(first(&reputation), Some(said("m1", 0)));
        reputation.delivered(&urls[0]);
        assert_eq!(first(&reputation), Some(said("m0", 0)));
    }
}
