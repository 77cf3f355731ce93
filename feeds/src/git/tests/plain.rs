//! A repository that is nothing but files over HTTP: libgit2 does not read it, the system's git does.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use fs_err as fs;

use super::*;
use crate::events::{Event, Watch};

/// `ada` with the password `secret`.
const LOGIN: &str = "Basic YWRhOnNlY3JldA==";

/// Serves a folder to whoever logs in; everybody else is asked to.
fn serve(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let folder = folder.clone();
            thread::spawn(move || answer(&folder, connection));
        }
    });
    format!("http://{address}/upstream.git")
}

fn answer(folder: &Path, mut connection: TcpStream) {
    let mut lines = BufReader::new(connection.try_clone().unwrap()).lines().map_while(Result::ok);
    let request = lines.next().unwrap_or_default();
    let path =
        request.split([' ', '?']).nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    // All of it is read before anything is answered.
    let headers: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    let known = headers
        .iter()
        .any(|line| line.to_lowercase().starts_with("authorization:") && line.ends_with(LOGIN));
    let (status, body) = match fs::read(folder.join(path)) {
        _ if !known => ("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"", Vec::new()),
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let head =
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    drop(connection.write_all(&[head.as_bytes(), &body].concat()));
}

/// Remembers what people are told.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Watch for Told {
    fn event(&self, event: Event) {
        if let Event::Warning { text } = event {
            self.0.lock().unwrap().push(text);
        }
    }
}

#[test]
fn the_systems_git_reads_what_libgit2_does_not_and_says_so() {
    let pair = Pair::new();
    let first = commit(&pair.upstream, "refs/heads/trunk", "one");
    let update = || {
        let info = ["-c", "safe.directory=*", "update-server-info"];
        let done = Command::new("git").arg("-C").arg(pair.upstream.path()).args(info).status();
        assert!(done.unwrap().success());
    };
    update();
    let url = serve(pair.folder.path().to_owned());
    let login = pair.folder.path().join("login");
    fs::write(&login, "ada\nsecret\n").unwrap();
    fs::set_permissions(&login, std::fs::Permissions::from_mode(0o600)).unwrap();
    let access = Access { login: Login::File(login.clone()), ..Access::default() };
    let follow = |by, access: &Access| {
        let told = Told::default();
        let source = Source { by, access: access.clone(), ..source(&url) };
        let result = mirror(&source, &pair.target(), &AtomicBool::new(false), &told);
        (result, told.0.into_inner().unwrap())
    };
    let tip = |mirrored: &Mirrored| mirrored.refs[0].1.clone();

    let (result, told) = follow(By::Whatever, &access);
    assert_eq!(tip(&result.unwrap()), first.to_string());
    assert!(told[0].contains("system's git") && !told[0].contains("secret"), "{told:?}");
    let second = commit(&pair.upstream, "refs/heads/trunk", "two");
    update();
    let (result, told) = follow(By::Git, &access);
    let mirrored = result.unwrap();
    assert_eq!(
        (tip(&mirrored), mirrored.head.as_deref()),
        (second.to_string(), Some("refs/heads/trunk"))
    );
    assert!(told.is_empty());
    // Where nothing is new nothing is made, whoever asks.
    for by in [By::Whatever, By::Git] {
        let old = std::time::SystemTime::UNIX_EPOCH;
        fs::File::open(pair.bare()).unwrap().file().set_modified(old).unwrap();
        assert!(!follow(by, &access).0.unwrap().changed);
        assert_eq!(fs::metadata(pair.bare()).unwrap().modified().unwrap(), old);
    }

    fs::write(&login, "ada\nwrongly-secret\n").unwrap();
    for by in [By::Whatever, By::Git] {
        let error = follow(by, &access).0.unwrap_err();
        assert!(!format!("{error:?}").contains("wrongly"), "{error:?}");
    }
    let error = follow(By::Whatever, &Access::default()).0.unwrap_err();
    assert_eq!(error.class(), crate::Class::Configuration);
}
