//! A git server that fails: it hangs, corrupts a byte, or vanishes in the midst of a pack. Whatever it does, the mirror
//! stays whole, and once the server is well the mirror follows.

use std::io::{Read, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use proptest::prelude::*;

use super::*;

/// What goes wrong with what the server sends, after so many bytes.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    Vanishes(usize),
    Corrupts(usize),
    Hangs(usize),
}

/// `git daemon` for the upstream of a pair, behind a connection that fails.
struct Server {
    url: String,
    fault: Arc<Mutex<Fault>>,
}

impl Server {
    fn of(pair: &Pair) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("git://{}/upstream.git", listener.local_addr().unwrap());
        let fault = Arc::new(Mutex::new(Fault::None));
        let (base, now) = (pair.folder.path().to_owned(), Arc::clone(&fault));
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let (base, fault) = (base.clone(), *now.lock().unwrap());
                thread::spawn(move || serve(&base, connection, fault));
            }
        });
        Self { url, fault }
    }

    fn mirror(&self, pair: &Pair, fault: Fault) -> Result<Mirrored, Error> {
        *self.fault.lock().unwrap() = fault;
        mirror(&source(&self.url), &pair.target(), &AtomicBool::new(false), &Silent)
    }
}

fn serve(base: &Path, mut connection: TcpStream, fault: Fault) {
    let mut daemon = Command::new("git")
        .args(["-c", "safe.directory=*", "daemon", "--inetd", "--export-all"])
        .arg(format!("--base-path={}", base.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut to, mut from) = (daemon.stdin.take().unwrap(), daemon.stdout.take().unwrap());
    let mut asked = connection.try_clone().unwrap();
    let asking = thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok(length @ 1..) = asked.read(&mut buffer) {
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
    });
    let (mut sent, mut buffer) = (0, [0; 512]);
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let next = sent + length;
        match fault {
            Fault::Vanishes(at) if at < next => break,
            // Nothing more comes, and the connection stays, until the client gives up.
            Fault::Hangs(at) if at < next => {
                drop(asking);
                while matches!(connection.read(&mut buffer), Ok(1..)) {}
                break;
            }
            Fault::Corrupts(at) if (sent..next).contains(&at) => buffer[at - sent] ^= 0x20,
            _ => {}
        }
        if connection.write_all(&buffer[..length]).is_err() {
            break;
        }
        sent = next;
    }
    drop(connection.shutdown(Shutdown::Both));
    drop(daemon.kill());
    drop(daemon.wait());
}

/// Asserts that a mirror has every object that its references lead to.
fn whole(pair: &Pair) {
    let check = Command::new("git")
        .args(["-c", "safe.directory=*", "-C"])
        .arg(pair.bare())
        .args(["fsck", "--full", "--connectivity-only", "--no-dangling"])
        .output()
        .unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    assert!(!pair.bare().join("booddies-incoming").exists());
}

fn noise(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let words = (0..2000).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        format!("{state:x}\n")
    });
    words.collect()
}

fn faults() -> impl Strategy<Value = Fault> {
    let at = 0usize..30_000;
    prop_oneof![at.clone().prop_map(Fault::Vanishes), at.prop_map(Fault::Corrupts),]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_server_does_the_mirror_stays_whole(
        faults in prop::collection::vec(faults(), 1..4),
    ) {
        let pair = Pair::new();
        let server = Server::of(&pair);
        commit(&pair.upstream, "refs/heads/trunk", &noise(1));
        server.mirror(&pair, Fault::None).unwrap();
        let mut known = vec![pair.names_and_ids()];
        for (round, fault) in faults.into_iter().enumerate() {
            commit(&pair.upstream, "refs/heads/trunk", &noise(round as u64 + 2));
            let result = server.mirror(&pair, fault);
            whole(&pair);
            let now = pair.names_and_ids();
            if result.is_err() {
                prop_assert_eq!(&now, known.last().unwrap());
            }
            known.push(now);
        }
        let mirrored = server.mirror(&pair, Fault::None).unwrap();
        let tip = pair.upstream.head().unwrap().peel_to_commit().unwrap().id();
        prop_assert!(mirrored.refs.contains(&("refs/heads/trunk".to_owned(), tip.to_string())));
        whole(&pair);
    }
}

#[test]
fn a_server_that_hangs_is_given_up_and_named() {
    let pair = Pair::new();
    let server = Server::of(&pair);
    commit(&pair.upstream, "refs/heads/trunk", &noise(1));
    for at in [0, 100, 5_000] {
        let error = server.mirror(&pair, Fault::Hangs(at)).unwrap_err();
        assert!(error.to_string().contains(&server.url), "{error}");
        assert_eq!(error.class(), crate::Class::Upstream);
    }
    server.mirror(&pair, Fault::None).unwrap();
    whole(&pair);
}
