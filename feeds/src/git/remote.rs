//! One conversation with an upstream: who it must be, who we are, when it has taken too long, and whom to blame.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fs_err as fs;
use git2::cert::Cert;
use git2::{CertificateCheckStatus, Cred, CredentialType, ErrorClass, ErrorCode, RemoteCallbacks};

use super::known_hosts::{self, Verdict};
use super::login::Password;
use super::{Access, Error, Login};
use crate::events::{Event, Id, Watch};

/// How long a connection may take to come about, and how long it may be silent.
const CONNECT: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_secs(if cfg!(test) { 2 } else { 30 });
/// How long an upstream may talk without delivering an object.
const STALL: Duration = Duration::from_mins(5);

/// Sets what libgit2 knows only as globals. Called before anything else of libgit2.
#[expect(unsafe_code, reason = "libgit2 keeps its socket timeouts and owner check in C globals")]
pub(super) fn set_up() {
    static ONCE: Once = Once::new();
    let milliseconds = |time: Duration| i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
    ONCE.call_once(|| {
        // SAFETY: these write plain C integers without synchronisation. `Once` lets one thread do it, and every entry of
        // this folder passes here before it uses libgit2, so nobody reads them meanwhile.
        let set = unsafe {
            git2::opts::set_server_connect_timeout_in_milliseconds(milliseconds(CONNECT))
                .and_then(|()| {
                    git2::opts::set_server_timeout_in_milliseconds(milliseconds(SILENCE))
                })
                // A local upstream or a gitolite repository has another owner than root, and libgit2 runs nothing it finds there.
                .and_then(|()| git2::opts::set_verify_owner_validation(false))
        };
        if let Err(error) = set {
            tracing::warn!(%error, "libgit2 did not take its timeouts");
        }
    });
}

/// The URL without user name, password and query, for people.
pub fn masked(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed) if parsed.has_host() => {
            if parsed.password().is_some() || matches!(parsed.scheme(), "http" | "https") {
                // Both fail only for URLs without a host.
                let _: Result<(), ()> = parsed.set_username("");
                let _: Result<(), ()> = parsed.set_password(None);
            }
            parsed.set_query(None);
            parsed.into()
        }
        _ => url.to_owned(),
    }
}

/// One conversation; makes the callbacks for each of its requests and remembers why one of them said no.
pub(super) struct Conversation<'a> {
    url: &'a str,
    access: &'a Access,
    password: Option<Password>,
    stop: &'a AtomicBool,
    refusal: Rc<RefCell<Option<Error>>>,
    said: Rc<RefCell<String>>,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(
        url: &'a str,
        access: &'a Access,
        stop: &'a AtomicBool,
    ) -> Result<Self, Error> {
        set_up();
        let password = access.login.read()?;
        Ok(Self { url, access, password, stop, refusal: Rc::default(), said: Rc::default() })
    }

    /// Whether a password may be sent: then only to the host that it is for, wherever that one points.
    pub(super) fn is_secret(&self) -> bool {
        self.access.login != Login::None || self.shown() != self.url
    }

    /// Whether it is held over ssh.
    pub(super) fn is_ssh(&self) -> bool {
        match url::Url::parse(self.url) {
            Ok(url) => url.scheme().contains("ssh"),
            Err(_) => host(self.url).is_some(),
        }
    }

    /// Whether the host's key may be learned.
    pub(super) fn learns(&self) -> bool {
        host(self.url).is_some_and(|host| {
            let name = known_hosts::name(&host, port(self.url));
            self.access.learn.iter().any(|it| *it == host || *it == name)
        })
    }

    /// How to log in.
    pub(super) fn access(&self) -> &'a Access {
        self.access
    }

    /// The user and password of a file.
    pub(super) fn password(&self) -> Option<&Password> {
        self.password.as_ref()
    }

    /// A text without the URL's secrets and the password.
    pub(super) fn mask(&self, text: &str) -> String {
        let text = text.replace(self.url, &self.shown());
        match &self.password {
            Some(it) => text.replace(&it.password, "***"),
            None => text,
        }
    }

    /// Tells, of how much has come so far, when it is time to give up.
    pub(super) fn patience(&self) -> impl FnMut(usize) -> Option<Error> + use<'a> {
        let (mut patience, stop, shown) = (Patience::new(), self.stop, self.shown());
        move |progress| patience.judge(progress, stop, &shown)
    }

    /// The URL as it was given.
    pub(super) fn url(&self) -> &'a str {
        self.url
    }

    /// The URL as it may be shown.
    pub(super) fn shown(&self) -> String {
        masked(self.url)
    }

    /// What the other side printed.
    pub(super) fn said(&self) -> String {
        self.said.borrow().trim().to_owned()
    }

    /// The reason a callback gave, or else what libgit2 says.
    pub(super) fn blame(
        &self,
        source: git2::Error,
        otherwise: impl FnOnce(String, git2::Error) -> Error,
    ) -> Error {
        self.refusal.take().unwrap_or_else(|| otherwise(self.shown(), source))
    }

    /// Callbacks for one request; bytes that arrive are told to `watch`.
    pub(super) fn callbacks<'w>(&self, watch: &'w dyn Watch, id: Id) -> RemoteCallbacks<'w>
    where
        'a: 'w,
    {
        let mut callbacks = RemoteCallbacks::new();
        let (access, password) = (self.access, self.password.clone());
        let mut attempts = 0;
        callbacks.credentials(move |url, user, allowed| {
            attempts += 1;
            if allowed.contains(CredentialType::USERNAME) {
                return Cred::username(user.unwrap_or("git"));
            }
            if attempts > 2 {
                return Err(denied("the login was refused"));
            }
            if allowed.contains(CredentialType::USER_PASS_PLAINTEXT) {
                return log_in(&access.login, password.as_ref(), url, user);
            }
            match &access.identity {
                Some(key) if allowed.contains(CredentialType::SSH_KEY) => {
                    Cred::ssh_key(user.unwrap_or("git"), None, key, None)
                }
                Some(_) => Err(denied("no login is known of the kind that is asked for")),
                None => Err(denied("a login is asked for and no identity key is given")),
            }
        });
        let (url, access, refusal) = (self.url, self.access, Rc::clone(&self.refusal));
        callbacks.certificate_check(move |certificate, host| {
            check_host(certificate, host, url, access).map_err(|error| {
                *refusal.borrow_mut() = Some(error);
                git2::Error::new(ErrorCode::Certificate, ErrorClass::Callback, "host key refused")
            })
        });
        let patience = Rc::new(RefCell::new(Patience::new()));
        let ask = {
            let (stop, refusal, shown) = (self.stop, Rc::clone(&self.refusal), self.shown());
            move |progress: usize| {
                let verdict = patience.borrow_mut().judge(progress, stop, &shown);
                let go_on = verdict.is_none();
                if let Some(error) = verdict {
                    *refusal.borrow_mut() = Some(error);
                }
                go_on
            }
        };
        let (ask_too, said) = (ask.clone(), Rc::clone(&self.said));
        callbacks.sideband_progress(move |text| {
            said.borrow_mut().push_str(&String::from_utf8_lossy(text));
            ask_too(0)
        });
        let mut before = 0;
        callbacks.transfer_progress(move |progress| {
            let bytes = progress.received_bytes();
            if bytes > before {
                watch.event(Event::Advanced { id, by: (bytes - before) as u64 });
                before = bytes;
            }
            ask(bytes + progress.indexed_objects() + progress.indexed_deltas())
        });
        callbacks
    }
}

/// Answers who we are over https.
fn log_in(
    login: &Login,
    password: Option<&Password>,
    url: &str,
    user: Option<&str>,
) -> Result<Cred, git2::Error> {
    match (login, password) {
        (_, Some(it)) => Cred::userpass_plaintext(&it.user, &it.password),
        (Login::Helper, None) => Cred::credential_helper(&git2::Config::open_default()?, url, user),
        _ => Err(denied("a password is asked for and no credentials are given")),
    }
}

fn denied(message: &str) -> git2::Error {
    git2::Error::new(ErrorCode::Auth, ErrorClass::Callback, message)
}

/// Notices when nothing has come for too long although the connection is alive.
struct Patience {
    furthest: usize,
    since: Instant,
}

impl Patience {
    fn new() -> Self {
        Self { furthest: 0, since: Instant::now() }
    }

    fn judge(&mut self, progress: usize, stop: &AtomicBool, url: &str) -> Option<Error> {
        if stop.load(Ordering::Relaxed) {
            return Some(Error::Interrupted { url: url.to_owned() });
        }
        if progress > self.furthest {
            self.furthest = progress;
            self.since = Instant::now();
        }
        (self.since.elapsed() > STALL)
            .then(|| Error::Stalled { url: url.to_owned(), seconds: STALL.as_secs() })
    }
}

/// Takes a pinned ssh host key, learns one where that is allowed, and leaves TLS certificates to libgit2.
fn check_host(
    certificate: &Cert<'_>,
    host: &str,
    url: &str,
    access: &Access,
) -> Result<CertificateCheckStatus, Error> {
    let Some(presented) = certificate.as_hostkey() else {
        return Ok(CertificateCheckStatus::CertificatePassthrough);
    };
    let refuse = |verdict| Error::HostKey {
        host: host.to_owned(),
        verdict,
        known_hosts: access.known_hosts.clone(),
    };
    let (Some(key), Some(path)) = (presented.hostkey(), access.known_hosts.as_deref()) else {
        return Err(refuse("not known"));
    };
    let unusable = |source| Error::KnownHosts { path: path.to_owned(), source };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(unusable(error.into())),
    };
    let name = known_hosts::name(host, port(url));
    match known_hosts::judge(&text, &name, key) {
        Verdict::Known => {}
        Verdict::Changed => return Err(refuse("not the one that was pinned")),
        Verdict::Unknown if access.learn.iter().any(|it| it == host || *it == name) => {
            known_hosts::learn(path, &name, key).map_err(unusable)?;
        }
        Verdict::Unknown => return Err(refuse("not known")),
    }
    Ok(CertificateCheckStatus::CertificateOk)
}

/// The host of a URL, or of `user@host:path`.
fn host(url: &str) -> Option<String> {
    if let Ok(parsed) = url::Url::parse(url) {
        return parsed.host_str().map(str::to_owned);
    }
    let (before, _) = url.split_once(':')?;
    Some(before.rsplit('@').next().unwrap_or(before).to_owned())
}

fn port(url: &str) -> u16 {
    url::Url::parse(url).ok().and_then(|url| url.port()).unwrap_or(22)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_masked_and_ssh_users_stay() {
        assert_eq!(masked("https://me:secret@h/x.git?token=1"), "https://h/x.git");
        assert_eq!(masked("https://token@h/x.git"), "https://h/x.git");
        assert_eq!(masked("ssh://git@h:2222/x"), "ssh://git@h:2222/x");
        assert_eq!(masked("git@h:x.git"), "git@h:x.git");
        assert_eq!(masked("/srv/x.git"), "/srv/x.git");
    }

    #[test]
    fn the_port_of_an_ssh_url_is_found() {
        assert_eq!(port("ssh://git@h:2222/x"), 2222);
        assert_eq!(port("ssh://git@h/x"), 22);
        assert_eq!(port("git@h:x.git"), 22);
    }

    #[test]
    fn the_host_of_a_url_is_found() {
        assert_eq!(host("ssh://git@h:2222/x").as_deref(), Some("h"));
        assert_eq!(host("git@h:x.git").as_deref(), Some("h"));
        assert_eq!(host("/srv/x.git"), None);
    }

    #[test]
    fn a_request_to_stop_is_heeded() {
        let stop = AtomicBool::new(true);
        let verdict = Patience::new().judge(1, &stop, "u");
        assert!(matches!(verdict, Some(Error::Interrupted { .. })));
    }
}
