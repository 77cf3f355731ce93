//! The system's git, for upstreams that libgit2 does not speak with: those of protocol version 2 only, the "dumb" ones
//! that are plain files over HTTP, and those for which it is asked for.
//!
//! It fetches into the same quarantine, and what it brings is checked like anything else.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::thread::sleep;
use std::time::Duration;

use fs_err as fs;
use git2::Oid;

use super::incoming::Incoming;
use super::offer::{self, Offer};
use super::refs::Refs;
use super::remote::Conversation;
use super::{Access, Error, Login};
use crate::events::{Event, Id, Silent, Watch};

/// Where no repository is, whose settings would count.
const NOWHERE: &str = "/";
/// How often a running git is looked after.
const BEAT: Duration = Duration::from_millis(50);
/// How much of its complaints is told.
const SAID: u64 = 2000;
/// Answers git's question for a login out of the environment, which nobody else reads.
const HELPER: &str = r#"!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$BOODDIES_USER" "$BOODDIES_PASSWORD"; }; f"#;

/// Does what [`offer::ask`] does, by the system's git, which needs no repository for it.
pub(super) fn ask(
    conversation: &Conversation<'_>,
    choose: impl Fn(Offer) -> Result<Offer, Error>,
) -> Result<Offer, Error> {
    list(Path::new(NOWHERE), conversation, &Silent, Id::fresh()).and_then(choose)
}

/// Does what [`offer::fetch`] does, by the system's git.
pub(super) fn fetch(
    incoming: &Incoming,
    conversation: &Conversation<'_>,
    choose: impl Fn(Offer) -> Result<Offer, Error>,
    watch: &dyn Watch,
    id: Id,
) -> Result<Offer, Error> {
    let folder = incoming.repository.path();
    let offer = choose(list(folder, conversation, watch, id)?)?;
    let missing = offer::missing(&incoming.repository, &offer);
    if !missing.is_empty() {
        let fetch =
            ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--stdin", "upstream"];
        git(folder, conversation, &fetch, &missing.join("\n"), watch, id)?;
    }
    Ok(offer)
}

fn list(
    folder: &Path,
    conversation: &Conversation<'_>,
    watch: &dyn Watch,
    id: Id,
) -> Result<Offer, Error> {
    let listed = git(folder, conversation, &["ls-remote", "--symref", "upstream"], "", watch, id)?;
    parse(&listed, &conversation.shown())
}

/// Reads what `git ls-remote --symref` prints.
fn parse(text: &str, url: &str) -> Result<Offer, Error> {
    let (mut refs, mut head) = (Refs::new(), None);
    for (left, name) in text.lines().filter_map(|line| line.split_once('\t')) {
        if let Some(target) = left.strip_prefix("ref: ") {
            head = (name == "HEAD").then(|| target.to_owned()).or(head);
        } else if let Ok(id) = Oid::from_str(left) {
            offer::take(&mut refs, name, id, url)?;
        }
    }
    head = head.filter(|name| refs.contains_key(name));
    Ok(Offer { refs, head })
}

/// Runs git in a folder; returns what it printed.
fn git(
    folder: &Path,
    conversation: &Conversation<'_>,
    arguments: &[&str],
    input: &str,
    watch: &dyn Watch,
    id: Id,
) -> Result<String, Error> {
    let failed = |source| Error::RunGit { url: conversation.shown(), source };
    // Files, since nobody reads along: a pipe could fill and stop git.
    let file = || tempfile::tempfile().map_err(failed);
    let (mut stdin, mut stdout, mut stderr) = (file()?, file()?, file()?);
    stdin.write_all(input.as_bytes()).and_then(|()| stdin.rewind()).map_err(failed)?;
    let mut command = command(folder, conversation);
    command.args(arguments).process_group(0);
    command.stdin(stdin.try_clone().map_err(failed)?);
    command.stdout(stdout.try_clone().map_err(failed)?);
    command.stderr(stderr.try_clone().map_err(failed)?);
    let child = command.spawn().map_err(failed)?;
    let status = look_after(child, folder, conversation, watch, id)?;
    if status.success() {
        let mut text = String::new();
        stdout.rewind().and_then(|()| stdout.read_to_string(&mut text)).map_err(failed)?;
        return Ok(text);
    }
    let length = stderr.seek(SeekFrom::End(0)).map_err(failed)?;
    stderr.seek(SeekFrom::Start(length.saturating_sub(SAID))).map_err(failed)?;
    let mut said = Vec::new();
    stderr.read_to_end(&mut said).map_err(failed)?;
    let said = conversation.mask(String::from_utf8_lossy(&said).trim());
    Err(Error::Git { url: conversation.shown(), said })
}

/// Waits for git to end; ends it with all that it started once that is wished or nothing comes any more.
fn look_after(
    mut child: Child,
    folder: &Path,
    conversation: &Conversation<'_>,
    watch: &dyn Watch,
    id: Id,
) -> Result<ExitStatus, Error> {
    let mut ask = conversation.patience();
    let mut before = 0;
    loop {
        if let Some(status) = child
            .try_wait()
            .map_err(|source| Error::RunGit { url: conversation.shown(), source })?
        {
            return Ok(status);
        }
        let arrived = arrived(folder);
        if arrived > before {
            watch.event(Event::Advanced { id, by: arrived - before });
            before = arrived;
        }
        if let Some(error) = ask(usize::try_from(arrived).unwrap_or(usize::MAX)) {
            end(&mut child);
            return Err(error);
        }
        sleep(BEAT);
    }
}

fn end(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let killed = group.map(|group| kill_process_group(group, Signal::KILL));
    if let Err(error) = child.wait() {
        tracing::warn!(?killed, %error, "git did not end");
    }
}

/// Bytes of packs so far.
fn arrived(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder.join("objects/pack")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|it| it.len()).sum()
}

/// git with all that it must and must not do here.
fn command(folder: &Path, conversation: &Conversation<'_>) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder);
    for setting in [
        "safe.directory=*",
        "core.askPass=",
        "fetch.unpackLimit=1",
        "gc.auto=0",
        "http.lowSpeedLimit=1",
        "http.lowSpeedTime=30",
    ] {
        command.args(["-c", setting]);
    }
    if conversation.access().login != Login::Helper {
        command.args(["-c", "credential.helper="]);
    }
    if let Some(password) = conversation.password() {
        command.arg("-c").arg(format!("credential.helper={HELPER}"));
        command.env("BOODDIES_USER", &password.user);
        command.env("BOODDIES_PASSWORD", &password.password);
    }
    // A URL may hold a password, so it goes into the environment and not into arguments, which everybody reads.
    let mut settings = vec![("remote.upstream.url", conversation.url())];
    if conversation.is_secret() {
        settings.push(("http.followRedirects", "false"));
    }
    for (number, (key, value)) in settings.iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{number}"), key);
        command.env(format!("GIT_CONFIG_VALUE_{number}"), value);
    }
    command.env("GIT_CONFIG_COUNT", settings.len().to_string());
    command
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_SSH_COMMAND", ssh(conversation.access(), conversation.learns()));
    command
}

/// ssh with the same key and the same pinned hosts; a host is learned only where that is allowed.
fn ssh(access: &Access, learns: bool) -> String {
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    let known = quoted(access.known_hosts.as_deref().unwrap_or(Path::new("/dev/null")));
    let check = if learns { "accept-new" } else { "yes" };
    let key = access.identity.as_deref().map(|key| format!(" -i {}", quoted(key)));
    format!(
        "ssh -o BatchMode=yes -o IdentitiesOnly=yes -o ConnectTimeout=15 -o ServerAliveInterval=15 \
         -o ServerAliveCountMax=2 -o UserKnownHostsFile={known} -o StrictHostKeyChecking={check}{}",
        key.unwrap_or_default()
    )
}
