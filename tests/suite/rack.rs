//! rack in its container: an install from arming to the disk, over a kill and an edit; and who hears what.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use suite::machine::BareMachine;
use suite::site::{docker, engine_answers};
use suite::{Site, run};

const MAC: &str = "52:54:00:5a:08:20";
const SCRIPT: &str = "/boot/52-54-00-5a-08-20";
const HASH: &str = "$6$saltsaltsalt$0123456789abcdefghijklmnopqrstuvwxyz";

const DISTRO: &str = r#"title = "Own"
[[version]]
name = "1"
[architectures]
x86_64 = "x86_64"
[answer]
kind = "preseed"
files = { "own.cfg" = "answers/own.cfg" }
[method.install]
answered = true
script = "echo {{ answer }}"
"#;
const PROFILE: &str = r#"[[profile]]
name = "own"
distro = "own"
method = "install"
[[profile.user]]
name = "ops"
password_file = "hash"
"#;
const ANSWER: &str = "{% for user in profile.users %}{{ user.password }}{% endfor %}";

fn machine(site: &Site, name: &str, mac: &str, n: u8) -> String {
    let address = site.host(n);
    format!(
        "[[machine]]\nname = \"{name}\"\nmacs = [\"{mac}\"]\naddress = \"{address}\"\nprofile = \"own\"\n"
    )
}

/// A site with a machine that can be installed, and that machine on its bridge.
fn prepared() -> (Site, BareMachine) {
    let site = Site::built();
    site.configure("distros/own.toml", DISTRO);
    site.configure("profiles.toml", PROFILE);
    site.configure("answers/own.cfg", ANSWER);
    site.configure("hash", &format!("{HASH}\n"));
    site.configure("machines.toml", &machine(&site, "m20", MAC, 20));
    site.runctl(&["up", "rack"]).ok();
    let bare = BareMachine::plugged_into(&site, MAC);
    bare.run("ip", &["address", "add", &format!("{}/27", site.host(20)), "dev", "eth0"]).ok();
    (site, bare)
}

/// Asks rack from the machine: the status and what came.
fn asked(site: &Site, from: &BareMachine, path: &str) -> (String, String) {
    let url = format!("http://{}{path}", site.address("rack"));
    let said = from.run("curl", &["-s", "--max-time", "20", "-w", "%{http_code}", &url]).ok();
    let (body, status) = said.split_at(said.len() - 3);
    (status.to_owned(), body.to_owned())
}

/// Asks on the control socket.
fn ordered(site: &Site, path: &str, order: Option<&Value>) -> Value {
    let mut curl = Command::new("curl");
    curl.args(["-s", "--max-time", "20", "--unix-socket"]);
    curl.arg(site.path("run/booddies/rack/control.sock"));
    if let Some(order) = order {
        curl.args(["-H", "Content-Type: application/json", "-d", &order.to_string()]);
    }
    let said = run(curl.arg(format!("http://rack{path}"))).ok();
    serde_json::from_str(&said).expect("JSON")
}

#[test]
fn an_install_happens_once_over_a_kill_and_an_edit() {
    if !engine_answers("rack") {
        return;
    }
    let (site, bare) = prepared();
    let (status, script) = asked(&site, &bare, SCRIPT);
    assert!(status == "200" && !script.contains("/install/"), "nobody armed it: {script}");

    let armed = ordered(&site, "/arm", Some(&json!({ "machine": "m20" })));
    assert_eq!(armed["state"], "armed", "{armed}");
    kill_and_wait(&site);
    let (_, script) = asked(&site, &bare, SCRIPT);
    let answer = script.split_whitespace().find(|word| word.contains("/install/"));
    let answer = answer.expect("it is armed still").to_owned();
    let (_, path) = answer.split_once("/install/").expect("a path");
    let (token, name) = path.split_once('/').expect("a token and a name");
    assert_eq!(name, "own.cfg");

    let from_here = run(Command::new("curl").args(["-s", "-w", "%{http_code}", &answer])).ok();
    assert!(from_here.ends_with("403"), "the host is not the machine: {from_here}");
    let path = format!("/install/{path}");
    assert_eq!(asked(&site, &bare, &path), ("200".into(), HASH.to_owned()));
    assert_eq!(asked(&site, &bare, &path).0, "410", "a secret is served once");

    assert_eq!(asked(&site, &bare, &format!("/callback/{token}/started")).0, "204");
    assert!(!asked(&site, &bare, SCRIPT).1.contains("/install/"), "it would be installed twice");
    kill_and_wait(&site);
    assert_eq!(ordered(&site, "/machines/m20", None)["install"]["state"], "running");
    assert_eq!(asked(&site, &bare, &format!("/callback/{token}/finished")).0, "204");
    assert_eq!(ordered(&site, "/machines/m20", None)["install"]["state"], "finished");

    let started = started_at(&site);
    let more = machine(&site, "m20", MAC, 20) + &machine(&site, "m21", "52:54:00:5a:08:21", 21);
    site.configure("machines.toml", &more);
    site.runctl(&["up", "rack"]).ok();
    until("the new machine is known", || {
        ordered(&site, "/machines", None).as_array().map(Vec::len) == Some(2)
    });
    assert_eq!(started_at(&site), started, "the container was replaced for an edit");

    let log = docker(&["logs", &site.container("rack")]).ok();
    assert!(!log.contains(token) && !log.contains(HASH), "{log}");
    assert!(log.contains(&format!("/install/{}.../own.cfg HTTP/1.1\" 200 ", &token[..6])), "{log}");
}

#[test]
fn nothing_listens_but_the_bridge_address_and_the_control_socket() {
    use std::os::unix::fs::PermissionsExt as _;
    if !engine_answers("rack's sockets") {
        return;
    }
    let (site, _bare) = prepared();
    let told = docker(&["exec", &site.container("rack"), "cat", "/proc/net/tcp"]).ok();
    let listening = told.lines().filter_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        // The kernel's state 0A is LISTEN; the engine itself answers names on 127.0.0.11.
        (words.get(3) == Some(&"0A") && !words[1].starts_with("0B00007F:")).then(|| words[1])
    });
    let [a, b, c, d] = site.address("rack").octets();
    assert_eq!(listening.collect::<Vec<_>>(), [format!("{d:02X}{c:02X}{b:02X}{a:02X}:0050")]);
    let tcp6 = docker(&["exec", &site.container("rack"), "cat", "/proc/net/tcp6"]).stdout;
    assert!(!tcp6.lines().any(|line| line.split_whitespace().nth(3) == Some("0A")), "{tcp6}");
    for (path, mode) in [
        ("run/booddies/rack/control.sock", 0o600),
        ("run/booddies/rack", 0o700),
        ("var/lib/booddies/rack", 0o700),
        ("var/lib/booddies/rack/rack.db", 0o600),
        ("var/lib/booddies/secrets/rack/own.ops", 0o400),
    ] {
        let found = fs_err::metadata(site.path(path)).expect("it is there").permissions().mode();
        assert_eq!(found & 0o777, mode, "{path}");
    }
}

/// Kills the program as a fault would, and waits until the engine has brought it back.
fn kill_and_wait(site: &Site) {
    let before = started_at(site);
    let pid = docker(&["inspect", "-f", "{{.State.Pid}}", &site.container("rack")]).ok();
    run(Command::new("kill").args(["-9", pid.trim()])).ok();
    let health = format!("http://{}/healthz", site.address("rack"));
    until("rack is back", || {
        started_at(site) != before
            && run(Command::new("curl").args(["-sf", "--max-time", "2", &health])).code == 0
    });
}

fn started_at(site: &Site) -> String {
    docker(&["inspect", "-f", "{{.State.StartedAt}}", &site.container("rack")]).ok()
}

/// Waits for a condition; that it never holds is a failure, how long it takes is not.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(100));
    }
}
