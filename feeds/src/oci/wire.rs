//! Requests to one registry: so many at once as is polite, not before it wants them, with what it wants to be shown, and
//! again where there is hope. Nothing is shown to another host, wherever a redirect or an upload leads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Certificate, Method, RequestBuilder, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::body::{Coming, bounded};
use super::fault::Fault;
use super::lock::lock;
use super::token::{Scope, Tokens};
use super::{Authority, Endpoint, Retry, place};

const CONNECT: Duration = Duration::from_secs(15);
/// Nobody is waited for longer.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);
const REDIRECTS: usize = 5;
/// What a registry may say about its no.
const EXCUSE: u64 = 64 << 10;

/// The way to one registry.
pub(super) struct Wire {
    client: reqwest::Client,
    base: Url,
    retry: Retry,
    lanes: Arc<Semaphore>,
    tokens: Tokens,
    /// Before that it wants no request.
    closed_until: Mutex<Option<Instant>>,
}

/// An answer, and the lane that its body takes up.
pub(super) struct Answer {
    body: Coming,
    lane: OwnedSemaphorePermit,
}

/// How far the body of a request has come.
#[derive(Default)]
pub(super) struct Moved {
    parts: AtomicU64,
    /// Whether it waits for where it comes from: then nobody else is silent.
    dry: AtomicBool,
}

impl Moved {
    pub(super) fn moves(&self) {
        self.dry.store(false, Ordering::Relaxed);
        self.parts.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn waits(&self) {
        self.dry.store(true, Ordering::Relaxed);
    }
}

impl Wire {
    pub(super) fn new(endpoint: &Endpoint) -> Result<Self, Fault> {
        // Someone else may have installed it already; there is only one that we are built with.
        drop(rustls::crypto::ring::default_provider().install_default());
        let builder = reqwest::Client::builder()
            .user_agent(concat!("booddies/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(endpoint.parallel)
            .redirect(Policy::custom(follow))
            .referer(false)
            .tcp_nodelay(true)
            // Over HTTP/2 uploads wait for windows; many connections never do.
            .http1_only();
        let certificates = |pem: &[u8]| Certificate::from_pem_bundle(pem).map_err(Fault::Client);
        let builder = match &endpoint.authority {
            Authority::System => builder,
            Authority::Also(pem) => builder.tls_certs_merge(certificates(pem)?),
            Authority::Only(pem) => builder.tls_certs_only(certificates(pem)?),
        };
        let base = place::base(&endpoint.host, endpoint.plain)
            .ok_or_else(|| Fault::Nonsense("its name is no host's".to_owned()))?;
        Ok(Self {
            client: builder.build().map_err(Fault::Client)?,
            base,
            retry: endpoint.retry,
            lanes: Arc::new(Semaphore::new(endpoint.parallel.max(1))),
            tokens: Tokens::of(endpoint),
            closed_until: Mutex::default(),
        })
    }

    /// How often a request is made at most.
    pub(super) fn attempts(&self) -> u32 {
        self.retry.attempts
    }

    /// The address of something below `/v2/`, or of what the registry itself named.
    pub(super) fn address(&self, path: &str) -> Result<Url, Fault> {
        let wrong = |_| Fault::Nonsense(format!("`{path}` leads nowhere"));
        self.base.join(path).map_err(wrong)
    }

    /// Starts a request.
    pub(super) fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        self.client.request(method, url.clone())
    }

    /// Makes a request once; an answer that says no is a fault.
    ///
    /// `make` is asked again where the registry first wants to know who we are.
    pub(super) async fn ask(
        &self,
        scope: Scope<'_>,
        make: impl Fn() -> RequestBuilder,
    ) -> Result<Answer, Fault> {
        let silence = self.retry.silence;
        let waited = |send: Sending| async move {
            let silent = |_| Fault::Silent { after: silence };
            tokio::time::timeout(silence, send).await.map_err(silent)?
        };
        self.ask_with(scope, make, waited).await
    }

    /// Makes a request whose body takes its time: it may take for ever, as long as it moves on.
    pub(super) async fn send(
        &self,
        scope: Scope<'_>,
        moved: &Moved,
        make: impl Fn() -> RequestBuilder,
    ) -> Result<Answer, Fault> {
        let silence = self.retry.silence;
        let watched = |mut send: Sending| async move {
            loop {
                let before = moved.parts.load(Ordering::Relaxed);
                match tokio::time::timeout(silence, &mut send).await {
                    Ok(sent) => return sent,
                    Err(_) if moved.dry.load(Ordering::Relaxed) => {}
                    Err(_) if moved.parts.load(Ordering::Relaxed) == before => {
                        return Err(Fault::Silent { after: silence });
                    }
                    Err(_) => {}
                }
            }
        };
        self.ask_with(scope, make, watched).await
    }

    async fn ask_with<S>(
        &self,
        scope: Scope<'_>,
        make: impl Fn() -> RequestBuilder,
        patience: impl Fn(Sending) -> S,
    ) -> Result<Answer, Fault>
    where
        S: Future<Output = Result<Response, Fault>>,
    {
        if self.tokens.must_greet(scope) {
            self.greet(scope).await?;
        }
        let mut shown = self.show(scope).await?;
        for last in [false, true] {
            let lane = self.enter().await;
            let (client, request) = make().build_split();
            let mut request = request.map_err(Fault::connection)?;
            if let Some(header) = shown.clone().filter(|_| self.is_home(request.url())) {
                request.headers_mut().insert(AUTHORIZATION, header);
            }
            let sending: Sending =
                Box::pin(async move { client.execute(request).await.map_err(Fault::connection) });
            let response = patience(sending).await?;
            if response.status() != StatusCode::UNAUTHORIZED || last {
                return self.judge(response, lane).await;
            }
            let headers = response.headers().clone();
            // Read to its end, so that the connection can be used again.
            drop(bounded(response, EXCUSE, self.retry.silence).await);
            drop(lane);
            self.tokens.learn(&headers, scope, shown.as_ref()).await?;
            shown = self.show(scope).await?;
        }
        Err(Fault::Nonsense("it cannot be asked".to_owned()))
    }

    async fn show(&self, scope: Scope<'_>) -> Result<Option<reqwest::header::HeaderValue>, Fault> {
        let silence = self.retry.silence;
        let patience = tokio::time::timeout(silence, self.tokens.show(&self.client, scope));
        patience.await.map_err(|_| Fault::Silent { after: silence })?
    }

    /// Asks nothing, to learn how the registry wants to know who we are.
    async fn greet(&self, scope: Scope<'_>) -> Result<(), Fault> {
        let _lane = self.enter().await;
        if !self.tokens.must_greet(scope) {
            return Ok(());
        }
        let silence = self.retry.silence;
        let response = self.client.get(self.base.clone()).timeout(silence).send().await;
        let response = response.map_err(Fault::connection)?;
        let (status, headers) = (response.status(), response.headers().clone());
        drop(bounded(response, EXCUSE, silence).await);
        if status == StatusCode::UNAUTHORIZED {
            self.tokens.learn(&headers, scope, None).await?;
        }
        Ok(())
    }

    fn is_home(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// Waits for a free lane, and for the registry to be open.
    async fn enter(&self) -> OwnedSemaphorePermit {
        let lanes = Arc::clone(&self.lanes);
        let lane = lanes.acquire_owned().await.expect("nobody closes the lanes");
        loop {
            let until = *lock(&self.closed_until);
            match until.filter(|until| *until > Instant::now()) {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => return lane,
            }
        }
    }

    /// Takes an answer that says yes, and finds out why another says no.
    async fn judge(&self, response: Response, lane: OwnedSemaphorePermit) -> Result<Answer, Fault> {
        let status = response.status();
        if status.is_success() {
            return Ok(Answer { body: Coming::new(response, self.retry.silence), lane });
        }
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
            && let Some(pause) = pause(response.headers())
        {
            if pause > LONGEST_PAUSE {
                return Err(Fault::Busy { pause });
            }
            let until = Instant::now() + pause;
            let mut closed = lock(&self.closed_until);
            *closed = Some(closed.map_or(until, |known| known.max(until)));
        }
        let body = bounded(response, EXCUSE, self.retry.silence).await.unwrap_or_default();
        Err(Fault::refused(status, &body))
    }

    /// Makes a request, again and again where there is hope.
    pub(super) async fn persist<T, F>(&self, request: impl Fn() -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let mut attempt = 1;
        loop {
            match request().await {
                Err(fault) if fault.is_hopeful() && attempt < self.retry.attempts => {
                    tracing::debug!(host = %self.base, attempt, error = %fault, "trying again");
                    self.rest(attempt).await;
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    /// Pauses after a failed attempt.
    pub(super) async fn rest(&self, attempt: u32) {
        let times = 2_u32.pow(attempt.saturating_sub(1).min(10));
        tokio::time::sleep(self.retry.pause * times).await;
    }
}

type Sending = std::pin::Pin<Box<dyn Future<Output = Result<Response, Fault>> + Send>>;

impl Answer {
    pub(super) fn status(&self) -> StatusCode {
        self.body.response.status()
    }

    /// One header, if it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.body.response.headers().get(name)?.to_str().ok()
    }

    /// How long the body says it is.
    pub(super) fn length(&self) -> Option<u64> {
        self.body.response.content_length()
    }

    /// Whether it is a page for people.
    pub(super) fn is_page(&self) -> bool {
        self.header(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("text/html"))
    }

    /// Takes it only where it says that what was put is there now.
    pub(super) fn created(self) -> Result<Self, Fault> {
        match self.status() {
            StatusCode::CREATED => Ok(self),
            _ if self.is_page() => Err(Fault::Page),
            other => Err(Fault::Nonsense(format!("{other} to what was put there"))),
        }
    }

    /// The address that a header names.
    pub(super) fn leads_to(&self, name: &str) -> Result<Url, Fault> {
        let lacks = || Fault::Nonsense(format!("it lacks {name}"));
        let text = self.header(name).ok_or_else(lacks)?;
        let wrong = |_| Fault::Nonsense(format!("its {name} is no address"));
        self.body.response.url().join(text).map_err(wrong)
    }

    /// Reads the whole body, if it is not longer than `limit`.
    pub(super) async fn bytes(self, limit: u64) -> Result<Bytes, Fault> {
        if self.is_page() {
            return Err(Fault::Page);
        }
        self.body.whole(limit).await
    }

    /// The next part of the body.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        self.body.chunk().await
    }

    /// Reads what is left, so that the connection can be used again, and frees the lane.
    pub(super) async fn close(self) {
        drop(self.body.whole(EXCUSE).await);
        drop(self.lane);
    }
}

/// Follows a redirect to where blobs are kept; the client shows nothing of ours to another host.
fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    if attempt.previous().len() > REDIRECTS {
        return attempt.error("it redirects again and again");
    }
    let from_tls = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
    if from_tls && attempt.url().scheme() != "https" {
        return attempt.error("it redirects from HTTPS to plain HTTP");
    }
    attempt.follow()
}

/// How long a registry wants to be left alone: seconds, or a date.
fn pause(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(jiff::Timestamp::now())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_told_in_seconds_or_as_a_date() {
        let told =
            |text: &str| pause(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]));
        assert_eq!(told("7"), Some(Duration::from_secs(7)));
        assert_eq!(told("Tue, 14 Nov 2023 22:13:20 GMT"), Some(Duration::ZERO));
        assert!(told("Fri, 14 Nov 2098 22:13:20 GMT").is_some_and(|it| it > LONGEST_PAUSE));
        assert_eq!(told("soon"), None);
    }
}
