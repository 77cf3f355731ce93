//! Who we are, as a registry wants to hear it: nothing, a password, or a token that a password (or nothing) buys.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use serde::Deserialize;
use url::Url;

use super::fault::Fault;
use super::lock::lock;
use super::{Endpoint, Login};

/// How long a token holds whose end is not told.
const LIFE: u64 = 60;
/// What a token server may say at most.
const LIMIT: u64 = 1 << 20;

/// What a request is going to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    pub(super) repository: &'a str,
    pub(super) push: bool,
}

impl Scope<'_> {
    fn words(self) -> String {
        let actions = if self.push { "pull,push" } else { "pull" };
        format!("repository:{}:{actions}", self.repository)
    }
}

/// How a registry asks who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    /// A token of `realm`; one for each repository only where a scope is asked for.
    Bearer {
        realm: Url,
        service: Option<String>,
        scoped: bool,
    },
}

/// What was bought, for how long.
#[derive(Clone)]
struct Ticket {
    header: HeaderValue,
    until: Instant,
}

/// A place for one ticket; whoever holds it is the only one who buys.
type Slot = Arc<tokio::sync::Mutex<Option<Ticket>>>;

/// What we can show at one registry.
pub(super) struct Tokens {
    login: Option<Login>,
    silence: Duration,
    /// Whether passwords may travel in the clear, because all does.
    plain: bool,
    challenge: Mutex<Option<Challenge>>,
    slots: Mutex<HashMap<String, Slot>>,
}

impl Tokens {
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        let (login, plain) = (endpoint.login.clone(), endpoint.plain);
        let silence = endpoint.retry.silence;
        Self { login, silence, plain, challenge: Mutex::default(), slots: Mutex::default() }
    }

    /// Whether we will have to say who we are, and do not know how yet.
    pub(super) fn must_greet(&self, scope: Scope<'_>) -> bool {
        scope.push && self.login.is_some() && lock(&self.challenge).is_none()
    }

    /// What to show with a request; nothing where nobody asked yet.
    pub(super) async fn show(
        &self,
        client: &reqwest::Client,
        scope: Scope<'_>,
    ) -> Result<Option<HeaderValue>, Fault> {
        let Some(challenge) = lock(&self.challenge).clone() else { return Ok(None) };
        let slot = self.slot(&challenge, scope);
        let mut slot = slot.lock().await;
        if let Some(ticket) = slot.as_ref().filter(|ticket| ticket.until > Instant::now()) {
            return Ok(Some(ticket.header.clone()));
        }
        let ticket = self.buy(client, &challenge, scope).await?;
        let header = ticket.header.clone();
        *slot = Some(ticket);
        Ok(Some(header))
    }

    /// Takes down how the registry asks; what was `shown` in vain is not shown again.
    pub(super) async fn learn(
        &self,
        headers: &HeaderMap,
        scope: Scope<'_>,
        shown: Option<&HeaderValue>,
    ) -> Result<(), Fault> {
        let challenge = Challenge::read(headers)?;
        *lock(&self.challenge) = Some(challenge.clone());
        let slot = self.slot(&challenge, scope);
        let mut slot = slot.lock().await;
        if slot.as_ref().is_some_and(|ticket| Some(&ticket.header) == shown) {
            *slot = None;
        }
        Ok(())
    }

    fn slot(&self, challenge: &Challenge, scope: Scope<'_>) -> Slot {
        let key = match challenge {
            Challenge::Bearer { scoped: true, .. } => scope.words(),
            Challenge::Bearer { .. } | Challenge::Basic => String::new(),
        };
        Arc::clone(lock(&self.slots).entry(key).or_default())
    }

    async fn buy(
        &self,
        client: &reqwest::Client,
        challenge: &Challenge,
        scope: Scope<'_>,
    ) -> Result<Ticket, Fault> {
        let unsafe_at = |what: &str| Err(Fault::Challenge(what.to_owned()));
        let Challenge::Bearer { realm, service, scoped } = challenge else {
            let Some(login) = &self.login else { return unsafe_at("it wants a password") };
            return Ok(ticket(login.header()?, u64::from(u32::MAX)));
        };
        if realm.scheme() != "https" && !self.plain {
            return unsafe_at("it sends a password over plain HTTP");
        }
        let mut url = realm.clone();
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = service {
                query.append_pair("service", service);
            }
            if *scoped {
                query.append_pair("scope", &scope.words());
            }
        }
        let mut request = client.get(url);
        if let Some(login) = &self.login {
            request = request.header(AUTHORIZATION, login.header()?);
        }
        let response = request.send().await.map_err(Fault::connection)?;
        let status = response.status();
        let body = super::body::bounded(response, LIMIT, self.silence).await?;
        if !status.is_success() {
            return Err(Fault::refused(status, &body));
        }
        let sold: Sold = serde_json::from_slice(&body)
            .map_err(|error| Fault::Nonsense(format!("a token that cannot be read: {error}")))?;
        let token = sold.token.or(sold.access_token).unwrap_or_default();
        let header = header(&format!("Bearer {token}"))?;
        Ok(ticket(header, sold.expires_in.unwrap_or(LIFE)))
    }
}

fn ticket(header: HeaderValue, seconds: u64) -> Ticket {
    // One that ends on its way is of no use.
    let life = Duration::from_secs(seconds.clamp(LIFE, u64::from(u32::MAX)) * 9 / 10);
    Ticket { header, until: Instant::now() + life }
}

/// What a token server answers.
#[derive(Deserialize)]
struct Sold {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Login {
    fn header(&self) -> Result<HeaderValue, Fault> {
        use base64::Engine as _;
        let words = format!("{}:{}", self.user, self.password);
        header(&format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(words)))
    }
}

fn header(text: &str) -> Result<HeaderValue, Fault> {
    let mut header = HeaderValue::try_from(text)
        .map_err(|_| Fault::Challenge("what we would show fits into no header".to_owned()))?;
    header.set_sensitive(true);
    Ok(header)
}

impl Challenge {
    /// Reads the challenge that we can answer, out of those that are made.
    fn read(headers: &HeaderMap) -> Result<Self, Fault> {
        let made = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|it| it.to_str().ok());
        let read = |text: &str| {
            let (kind, words) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
            match kind.to_ascii_lowercase().as_str() {
                "basic" => Some(Self::Basic),
                "bearer" => {
                    let words = parameters(words);
                    let realm = words.get("realm")?.parse().ok()?;
                    let service = words.get("service").cloned();
                    Some(Self::Bearer { realm, service, scoped: words.contains_key("scope") })
                }
                _ => None,
            }
        };
        let mut told = Vec::new();
        for text in made {
            if let Some(challenge) = read(text) {
                return Ok(challenge);
            }
            told.push(text.to_owned());
        }
        Err(Fault::Challenge(if told.is_empty() {
            "it says not how".into()
        } else {
            told.join(", ")
        }))
    }
}

/// Reads `key="value",key=value`.
fn parameters(text: &str) -> HashMap<String, String> {
    let mut found = HashMap::new();
    let mut rest = text;
    while let Some((key, after)) = rest.split_once('=') {
        let (value, next) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        found.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        rest = next.trim_start_matches([',', ' ']);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(texts: &[&str]) -> Result<Challenge, Fault> {
        let header = |text: &&str| (WWW_AUTHENTICATE, HeaderValue::from_str(text).unwrap());
        Challenge::read(&texts.iter().map(header).collect())
    }

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let asked = r#"Bearer realm="https://auth.example/token",service="r, s",scope="repository:a/b:pull,push""#;
        let realm = "https://auth.example/token".parse::<Url>().unwrap();
        let service = Some("r, s".to_owned());
        let bearer = Challenge::Bearer { realm: realm.clone(), service, scoped: true };
        assert_eq!(challenge(&[asked]).unwrap(), bearer);
        let short = Challenge::Bearer { realm, service: None, scoped: false };
        assert_eq!(challenge(&["bearer realm=https://auth.example/token"]).unwrap(), short);
        assert_eq!(challenge(&["Negotiate", "Basic realm=\"x\""]).unwrap(), Challenge::Basic);
        assert!(challenge(&[]).is_err() && challenge(&["Negotiate"]).is_err());
    }
}
