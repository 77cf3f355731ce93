//! The control socket of the rack service: what the operator orders, and what is known of the machines.

use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rack::control::{Arm, Disarm, InstallStatus, MachineStatus, Refused, Sighting};
use reqwest::{Client, Method, StatusCode};
use serde::de::DeserializeOwned;

use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::probe;
use crate::site::Site;

/// The service answers from its memory; whoever takes longer is stuck.
const PATIENCE: Duration = Duration::from_secs(10);

/// A rack service that can be spoken to.
#[derive(Debug)]
pub struct Control {
    client: Client,
    socket: PathBuf,
    /// Keeps the way to the socket open.
    _folder: fs_err::File,
}

impl Control {
    /// Finds the socket of a site's rack; whether anybody listens shows when it is asked.
    pub fn of(site: &Site) -> Outcome<Self> {
        Self::in_folder(&site.layout.control())
    }

    fn in_folder(folder: &Path) -> Outcome<Self> {
        let socket = folder.join("control.sock");
        let tried = || silence(&socket);
        let opened = fs_err::File::open(folder).or_fail(Class::Engine, tried).map_err(start_it)?;
        // The path of a socket may have 107 bytes; below a root of somebody's choice it has more.
        let short = format!("/proc/self/fd/{}/control.sock", opened.as_raw_fd());
        let client = probe::client()
            .unix_socket(short)
            .timeout(PATIENCE)
            .build()
            .or_fail(Class::Unexpected, tried)?;
        Ok(Self { client, socket, _folder: opened })
    }

    /// Arms an install: it happens at the machine's next boot.
    pub async fn arm(&self, arm: &Arm) -> Outcome<InstallStatus> {
        self.ask(Method::POST, "/arm", serde_json::to_string(arm)).await
    }

    /// Calls off what is armed or runs on a machine.
    pub async fn disarm(&self, machine: &str) -> Outcome<InstallStatus> {
        let disarm = Disarm { machine: machine.to_owned() };
        self.ask(Method::POST, "/disarm", serde_json::to_string(&disarm)).await
    }

    /// All machines, briefly.
    pub async fn machines(&self) -> Outcome<Vec<MachineStatus>> {
        self.ask(Method::GET, "/machines", Ok(String::new())).await
    }

    /// One machine, with its events, earlier installs and hardware reports.
    pub async fn machine(&self, name: &str) -> Outcome<MachineStatus> {
        self.ask(Method::GET, &format!("/machines/{name}"), Ok(String::new())).await
    }

    /// Interfaces that asked for a script and that no machine has, latest first.
    pub async fn strangers(&self) -> Outcome<Vec<Sighting>> {
        self.ask(Method::GET, "/strangers", Ok(String::new())).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: serde_json::Result<String>,
    ) -> Outcome<T> {
        let tried = || silence(&self.socket);
        let request = self
            .client
            .request(method, format!("http://rack{path}"))
            .header("content-type", "application/json")
            .body(body.or_fail(Class::Unexpected, tried)?);
        let answer = request.send().await.or_fail(Class::Engine, tried).map_err(start_it)?;
        let status = answer.status();
        let text = answer.text().await.or_fail(Class::Engine, tried)?;
        if status.is_success() {
            return serde_json::from_str(&text)
                .or_fail(Class::Unexpected, || "cannot understand what rack answers".to_owned());
        }
        Err(refused(status, &text))
    }
}

fn silence(socket: &Path) -> String {
    format!("cannot speak to rack by {}", socket.display())
}

fn start_it(failure: Failure) -> Failure {
    failure.hint("is it up? see `runctl status`, or `runctl up rack`")
}

/// What the service says when it does not do it.
fn refused(status: StatusCode, text: &str) -> Failure {
    let class = match status {
        StatusCode::NOT_FOUND | StatusCode::CONFLICT => Class::Usage,
        _ => Class::Engine,
    };
    match serde_json::from_str::<Refused>(text) {
        Ok(Refused { error, hint: Some(hint) }) => Failure::say(class, error).hint(hint),
        Ok(Refused { error, hint: None }) => Failure::say(class, error),
        Err(_) => Failure::say(class, format!("rack answers {status}: {}", text.trim())),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixListener;

    use super::*;

    /// A service that answers once, below a root whose path is longer than a socket's may be.
    async fn answered(status: &str, body: &str) -> Outcome<InstallStatus> {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("x".repeat(120));
        fs_err::create_dir(&folder).expect("a folder");
        let near = root.path().join("s");
        let listener = UnixListener::bind(&near).expect("a socket");
        fs_err::rename(&near, folder.join("control.sock")).expect("it is moved");
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        let serve = async {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.expect("a request");
            stream.write_all(answer.as_bytes()).await.expect("it is sent");
            String::from_utf8_lossy(&request[..length]).into_owned()
        };
        let control = Control::in_folder(&folder)?;
        let (outcome, asked) = tokio::join!(control.disarm("kvm-1"), serve);
        assert!(asked.starts_with("POST /disarm HTTP/1.1"), "{asked}");
        outcome
    }

    #[tokio::test]
    async fn a_refusal_keeps_its_words_and_its_hint() {
        let body = r#"{"error":"nothing is armed on kvm-1","hint":"see the list"}"#;
        let failure = answered("409 Conflict", body).await.expect_err("it is refused");
        assert_eq!(failure.class, Class::Usage);
        assert_eq!(failure.to_string(), "error: nothing is armed on kvm-1\nhint: see the list");
    }

    #[tokio::test]
    async fn what_is_no_answer_of_ours_is_told() {
        let failure = answered("200 OK", "hello").await.expect_err("it makes no sense");
        assert!(failure.to_string().starts_with("error: cannot understand what rack answers"));
    }

    #[test]
    fn a_rack_that_was_never_started_is_told_by_its_socket() {
        let failure = Control::in_folder(Path::new("/nowhere/rack")).expect_err("it is not there");
        let told = failure.to_string();
        assert!(told.starts_with("error: cannot speak to rack by /nowhere/rack/control.sock"));
        assert!(told.ends_with("hint: is it up? see `runctl status`, or `runctl up rack`"));
    }
}
