//! The one downloader of all feeds.
//!
//! Bounded concurrency, several mirrors per file, one budget of retries per file, resumption by range, and hashing while
//! writing. What arrives is an object of the store or nothing: a byte that was not verified is never taken in. Dropping a
//! future stops the work and keeps the partial files.

mod absence;
mod address;
mod answer;
mod attempt;
mod drip;
mod error;
mod fetch_all;
mod lanes;
mod meter;
mod mirrors;
mod partial;
mod progress;
mod surveys;
mod want;
mod writer;

use std::io;
use std::time::Duration;

use url::Url;

pub use address::{below, masked};
pub(crate) use answer::content_range;
pub(crate) use drip::Drip;
pub use error::{Error, Failure, Reason};
pub use meter::Pace;
pub use want::{Bases, Place, Want};

use self::answer::Retry;
use self::attempt::{Attempt, Outcome};
use self::lanes::{Lane, Lanes};
use self::meter::Meter;
use self::mirrors::{Mirrors, Reputation};
use self::partial::Partial;
use self::progress::{Bar, Share};
use self::surveys::Seen;
use crate::events::Watch;
use crate::store::{self, Object, Ready, Store};

/// What a host may send over HTTP/2 before we have taken it in: more than fits on the way, for one file and for all.
const STREAM_WINDOW: u32 = 2 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

/// How politely and how patiently to fetch.
#[derive(Clone, Debug)]
pub struct Options {
    /// Connections to one host at once.
    pub connections: usize,
    /// Requests at once over the one connection to a host that speaks HTTP/2.
    pub streams: usize,
    /// How often a mirror is asked again for one file, all mirrors together.
    pub retries: u32,
    /// The pause before a mirror is asked a second time; it doubles from then on.
    pub pause: Duration,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long a mirror may send nothing.
    pub idle_timeout: Duration,
    /// How we introduce ourselves.
    pub user_agent: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections: 20,
            streams: 128,
            retries: 5,
            pause: Duration::from_millis(500),
            connect_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_mins(1),
            user_agent: concat!("booddies/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// What a survey of an address found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    /// The file that lies there now.
    pub object: Object,
    /// The mirror that told.
    pub url: Url,
    /// The mirror told that it is the one that we had.
    pub unchanged: bool,
}

/// Fetches into one store.
pub struct Transfer {
    store: Store,
    options: Options,
    client: reqwest::Client,
    lanes: Lanes,
    reputation: Reputation,
    meter: Meter,
}

/// A file that is there, or will be once it is admitted to the store.
enum Obtained {
    Held(Surveyed),
    Fetched(Box<Fetched>),
}

struct Fetched {
    ready: Ready,
    url: Url,
    /// To be remembered for the next survey, where nobody tells its digest.
    seen: Option<Seen>,
}

/// How asking one mirror ended.
enum Tried {
    Obtained(Obtained),
    Failed(Box<Partial>, Reason, Retry),
}

impl Obtained {
    fn held(object: Object, url: &Url) -> Self {
        Self::Held(Surveyed { object, url: url.clone(), unchanged: true })
    }
}

impl Transfer {
    /// Sets up the client.
    pub fn new(store: Store, options: Options) -> Result<Self, Error> {
        // Someone else may have installed it already; there is only one that we are built with.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .user_agent(&options.user_agent)
            .connect_timeout(options.connect_timeout)
            .pool_max_idle_per_host(options.connections)
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .tcp_nodelay(true)
            .build()
            .map_err(Error::Client)?;
        let lanes = Lanes::new(options.connections, options.streams);
        let (reputation, meter) = (Reputation::default(), Meter::default());
        Ok(Self { store, options, client, lanes, reputation, meter })
    }

    /// Returns the store that is fetched into.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Tells how fast files came in, if enough did.
    pub fn pace(&self) -> Option<Pace> {
        self.meter.pace()
    }

    /// Fetches one file, unless the store holds it.
    pub async fn fetch(&self, want: Want, watch: &dyn Watch) -> Result<Object, Error> {
        Ok(self.survey(want, watch).await?.object)
    }

    /// Asks for one file whose digest nobody may tell; an unchanged one costs one small answer.
    pub async fn survey(&self, want: Want, watch: &dyn Watch) -> Result<Surveyed, Error> {
        let bar = Bar::start(watch, &want.name(), want.size);
        let surveyed = match self.obtain(&want, &bar).await {
            Ok(Obtained::Held(surveyed)) => Ok(surveyed),
            Ok(Obtained::Fetched(fetched)) => {
                let (object, url) = (fetched.ready.object, fetched.url.clone());
                let admitted = self.admit(&want.name(), vec![*fetched]).await;
                admitted.map(|()| Surveyed { object, url, unchanged: false })
            }
            Err(error) => Err(error),
        };
        bar.finish(surveyed.as_ref().err().map(ToString::to_string));
        surveyed
    }

    /// Finds one file in the store or fetches it from its mirrors; it is verified, but not an object yet.
    async fn obtain(&self, want: &Want, bar: &Bar<'_>) -> Result<Obtained, Error> {
        let share = Share::of(bar);
        let urls = want.urls();
        let first = urls.first().ok_or_else(|| Error::NoAddress { label: want.name() })?;
        if let Some(object) = want.held(&self.store) {
            share.reached(object.size);
            return Ok(Obtained::held(object, first));
        }
        let mut partial = self
            .partial(want)
            .await
            .map_err(|source| Error::Partial { label: want.name(), source })?;
        let Options { retries, pause, .. } = self.options;
        let mut mirrors = Mirrors::new(&urls, &self.reputation, retries, pause);
        while let Some((url, pause)) = mirrors.next() {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            let lane = self.lanes.enter(url).await;
            let tried = self.try_mirror(want, url, lane, partial, &share).await;
            let (back, reason, retry) =
                match tried.map_err(|source| Error::Partial { label: want.name(), source })? {
                    Tried::Obtained(obtained) => {
                        self.reputation.delivered(url);
                        return Ok(obtained);
                    }
                    Tried::Failed(partial, reason, retry) => (partial, reason, retry),
                };
            partial = back;
            tracing::debug!(file = want.name(), url = masked(url), %reason, ?retry, "a mirror failed");
            if matches!(
                reason,
                Reason::Unreachable(_) | Reason::Stalled(_) | Reason::Dripping { .. }
            ) {
                self.reputation.failed(url);
            }
            if reason.is_wrong_content() && mirrors.has_others() {
                bar.warn(format!("`{}` is wrong on {}: {reason}", want.name(), masked(url)));
            }
            mirrors.failed(reason, retry);
        }
        if partial.length() == 0 {
            let discarded = partial.discard();
            discarded.map_err(|source| Error::Partial { label: want.name(), source })?;
        }
        Err(Error::Unavailable { label: want.name(), failures: mirrors.failures() })
    }

    /// Opens the partial file of a want; of a small one only if an earlier run left some of it.
    async fn partial(&self, want: &Want) -> io::Result<Box<Partial>> {
        let partial = Box::new(Partial::of(&self.store, want));
        if want.is_small() && !partial.is_there() {
            return Ok(partial);
        }
        blocking(move || partial.open().map(Box::new)).await
    }

    async fn try_mirror(
        &self,
        want: &Want,
        url: &Url,
        lane: Lane,
        partial: Box<Partial>,
        share: &Share<'_>,
    ) -> io::Result<Tried> {
        let seen = if want.is_proved() { None } else { surveys::recall(&self.store, url) };
        let known = seen.as_ref().map(|seen| &seen.validator);
        let idle = self.options.idle_timeout;
        let attempt =
            Attempt { client: &self.client, lanes: &self.lanes, idle, want, url, known, share };
        Ok(match (attempt.run(partial, lane).await?, seen) {
            (Outcome::Done(partial, validator), _) => {
                let ready = partial.into_ready()?;
                let seen = (!want.is_proved()).then_some(Seen { object: ready.object, validator });
                Tried::Obtained(Obtained::Fetched(Box::new(Fetched {
                    ready,
                    url: url.clone(),
                    seen,
                })))
            }
            (Outcome::Unchanged(partial), Some(seen)) => {
                partial.discard()?;
                share.reached(seen.object.size);
                Tried::Obtained(Obtained::held(seen.object, url))
            }
            (Outcome::Unchanged(partial), None) => {
                Tried::Failed(partial, Reason::Status(304), Retry::Never)
            }
            (Outcome::Failed(partial, reason, retry), _) => Tried::Failed(partial, reason, retry),
        })
    }

    /// Makes fetched files objects of the store, off the runtime's thread.
    async fn admit(&self, label: &str, fetched: Vec<Fetched>) -> Result<(), Error> {
        let store = self.store.clone();
        let admitted = tokio::task::spawn_blocking(move || {
            let (ready, seen): (Vec<_>, Vec<_>) = fetched
                .into_iter()
                .map(|one| (one.ready, one.seen.map(|seen| (one.url, seen))))
                .unzip();
            store.admit(ready)?;
            let remembered = seen
                .iter()
                .flatten()
                .try_for_each(|(url, seen)| surveys::remember(&store, url, seen));
            remembered.map_err(store::Error::Insert)
        });
        let admitted =
            admitted.await.unwrap_or_else(|error| Err(store::Error::Insert(error.into())));
        admitted.map_err(|source| Error::Keep { label: label.to_owned(), source })
    }
}

/// Runs what waits for the disk off the runtime's thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
