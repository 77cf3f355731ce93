//! What goes wrong around runctl: each fault has its exit code, its hint, and leaves nothing half-made behind.

use std::process::Command;
use std::time::{Duration, Instant};

use suite::mirrored::{Mirrored, PACKAGES};
use suite::site::engine_answers;
use suite::upstream::{Fault, Upstream};
use suite::{Site, run};

/// A link of the host that is there for one test.
struct Link(String);

impl Link {
    /// A cable with both ends here: no kernel is without those.
    fn cable(name: &str, address: Option<&str>) -> Self {
        let peer = format!("{name}p");
        run(Command::new("ip").args(["link", "add", name, "type", "veth", "peer", "name", &peer]))
            .ok();
        let link = Self(name.to_owned());
        if let Some(address) = address {
            run(Command::new("ip").args(["address", "add", address, "dev", name])).ok();
        }
        for end in [name, &peer] {
            run(Command::new("ip").args(["link", "set", end, "up"])).ok();
        }
        link
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        drop(run(Command::new("ip").args(["link", "delete", &self.0])));
    }
}

#[track_caller]
fn tells(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "`{word}` is not said:\n{said}");
    }
}

#[test]
fn an_unreachable_engine_is_10() {
    let site = Site::new();
    let mut command = site.command(&["up"]);
    let said = run(command.env("DOCKER_HOST", "unix:///nowhere/docker.sock")).fails_with(10);
    tells(&said, &["error: ", "hint: ", "docker"]);
}

#[test]
fn an_unknown_service_is_2() {
    let said = Site::new().runctl(&["up", "bot"]).fails_with(2);
    tells(&said, &["bot", "boot"]);
}

#[test]
fn wrong_configuration_is_11_and_needs_no_engine() {
    let site = Site::new();
    site.configure("boot.toml", "laese = 3600\n");
    let mut command = site.command(&["check"]);
    let said = run(command.env("DOCKER_HOST", "unix:///nowhere/docker.sock")).fails_with(11);
    tells(&said, &["boot.toml:1:1", "lease"]);
}

#[test]
fn a_bridge_name_that_is_taken_is_15() {
    if !engine_answers("a taken bridge name") {
        return;
    }
    let site = Site::built();
    let _link = Link::cable(&site.bridge(), None);
    let said = site.runctl(&["up", "ntpd"]).fails_with(15);
    tells(&said, &[&site.bridge(), "hint: "]);
}

#[test]
fn a_subnet_that_overlaps_a_route_is_15() {
    if !engine_answers("an overlapping subnet") {
        return;
    }
    let site = Site::built();
    let _link = Link::cable("suitecable", Some(&format!("{}/28", site.host(3))));
    let said = site.runctl(&["up", "ntpd"]).fails_with(15);
    tells(&said, &["suitecable", "hint: "]);
}

#[test]
fn a_dhcp_server_of_the_host_is_15() {
    if !engine_answers("port 67 in use") {
        return;
    }
    let site = Site::built();
    // In a network of its own, so that no other site of this run sees the socket.
    let bound = "import socket, subprocess, sys\n\
        held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
        held.bind((\"0.0.0.0\", 67))\n\
        sys.exit(subprocess.call(sys.argv[1:]))";
    let runctl = site.command(&["up", "boot"]);
    let mut command = Command::new("unshare");
    command
        .args(["--net", "python3", "-c", bound])
        .arg(runctl.get_program())
        .args(runctl.get_args());
    let said = run(&mut command).fails_with(15);
    tells(&said, &["port 67", "python3", "hint: "]);
}

#[test]
fn a_crash_loop_is_14_and_told_with_its_last_lines() {
    if !engine_answers("a crash loop") {
        return;
    }
    let site = Site::built();
    site.configure("boot.toml", "dhcp_options = [\"option:no-such-option,1\"]\n");
    let said = site.runctl(&["up", "boot"]).fails_with(14);
    tells(&said, &["crash loop", "| dnsmasq: bad dhcp-option", "hint: "]);
}

#[test]
fn another_dhcp_server_on_the_bridge_is_15() {
    if !engine_answers("a rival DHCP server") {
        return;
    }
    let site = Site::built();
    site.runctl(&["up", "boot"]).ok();
    let (name, network) = (format!("{}-rival", site.name()), site.name());
    let range = format!("--dhcp-range={},{},60", site.host(20), site.host(25));
    let address = site.host(19).to_string();
    let label = format!("booddies.site={}", site.name());
    let image = format!("{}/boot:latest", suite::site::IMAGES);
    let mut rival = Command::new("docker");
    rival.args(["run", "-d", "--name", &name, "--label", &label, "--network", &network]);
    rival.args(["--ip", &address, "--cap-add", "NET_ADMIN", "--entrypoint", "dnsmasq", &image]);
    run(rival.args(["-k", "--port=0", "--no-ping", "--leasefile-ro", "--log-dhcp", &range])).ok();
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        let finished = site.runctl(&["up", "boot"]);
        if finished.code != 0 || Instant::now() > end {
            let said = finished.fails_with(15);
            tells(&said, &["another DHCP server", &address, "hint: "]);
            return;
        }
    }
}

#[test]
fn two_feeds_at_once_is_75() {
    let mirrored = Mirrored::new(Site::new(), &PACKAGES);
    mirrored.upstream.break_file("repomd.xml", Fault::Stalled);
    let mut first = mirrored.site.command(&["feed", "data"]).spawn().expect("runctl starts");
    let end = Instant::now() + Duration::from_mins(1);
    while mirrored.upstream.asked("repomd.xml") == 0 {
        assert!(Instant::now() < end, "the first feed never asks");
        std::thread::sleep(Duration::from_millis(20));
    }
    let said = mirrored.site.runctl(&["feed", "data"]).fails_with(75);
    mirrored.upstream.heal();
    first.kill().expect("kill -9");
    first.wait().expect("it ends");
    tells(&said, &["hint: "]);
}

#[test]
fn corrupted_metadata_and_packages_are_16_and_never_served() {
    for corrupted in ["InRelease", "suite-hello_1.0_all.deb", "suite-hello-1.0-1.noarch.rpm"] {
        let mirrored = Mirrored::new(Site::new(), &PACKAGES);
        mirrored.upstream.break_file(corrupted, Fault::Corrupt);
        let finished = mirrored.site.runctl(&["feed", "data"]);
        let said = finished.stdout + &finished.stderr;
        // One of two repositories failed; the other is published.
        assert_eq!(finished.code, 13, "{corrupted}\n{said}");
        tells(&said, &[corrupted]);
        let served = mirrored.served_now();
        assert!(!served.iter().any(|line| line.contains(corrupted)), "{corrupted} is served");
        mirrored.upstream.heal();
        mirrored.site.runctl(&["feed", "data"]).ok();
        let served = mirrored.served_now();
        assert!(served.iter().any(|line| line.contains(corrupted)), "{corrupted} is not served");
    }
}

#[test]
fn a_wrong_signature_alone_is_16() {
    let mirrored = Mirrored::new(Site::new(), &PACKAGES);
    for corrupted in ["InRelease", "repomd.xml"] {
        mirrored.upstream.break_file(corrupted, Fault::Corrupt);
    }
    mirrored.site.runctl(&["feed", "data"]).fails_with(16);
    assert_eq!(mirrored.current(), None, "something was published");
}

#[test]
fn an_upstream_that_answers_500_is_12() {
    let mirrored = Mirrored::new(Site::new(), &PACKAGES);
    mirrored.upstream.break_file("InRelease", Fault::Status(500));
    mirrored.upstream.break_file("repomd.xml", Fault::Status(500));
    let said = mirrored.site.runctl(&["feed", "data"]).fails_with(12);
    tells(&said, &["500", "hint: "]);
    assert_eq!(mirrored.current(), None, "something was published");
}

#[test]
fn a_registry_that_answers_500_is_12() {
    if !engine_answers("a registry that answers 500") {
        return;
    }
    let site = Site::built();
    let folder = tempfile::tempdir().expect("a folder");
    let upstream = Upstream::serving(folder.path());
    upstream.break_file("", Fault::Status(500));
    let reference = upstream.url("proof/image:1").replace("http://", "");
    let image =
        format!("[[image]]\nname = \"proof/image:1\"\nregistry = \"{reference}\"\nplain = true\n");
    site.configure("regi.toml", &image);
    site.runctl(&["up", "regi"]).ok();
    let said = site.runctl(&["feed", "regi"]).fails_with(12);
    tells(&said, &["proof/image", "500", "hint: "]);
}

#[test]
fn a_git_remote_that_hangs_is_12() {
    if !engine_answers("a git remote that hangs") {
        return;
    }
    // Takes the connection, and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = silent.local_addr().expect("a bound socket has an address");
    let site = Site::built();
    let repository = format!("[[git]]\nname = \"proof\"\nurl = \"git://{address}/proof\"\n");
    site.configure("gito.toml", &repository);
    site.runctl(&["up", "gito"]).ok();
    let said = site.runctl(&["feed", "gito"]).fails_with(12);
    tells(&said, &["proof", "hint: "]);
}

#[test]
fn a_full_disk_stops_a_feed_before_it_starts() {
    let mirrored = Mirrored::new(Site::new(), &PACKAGES);
    let store = mirrored.site.state("store");
    fs_err::create_dir_all(&store).expect("a mount point");
    run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(&store)).ok();
    let said = mirrored.site.runctl(&["feed", "data"]);
    run(Command::new("umount").arg(&store)).ok();
    let said = said.fails();
    tells(&said, &["hint: "]);
}

#[test]
fn an_unwritable_folder_is_told_by_its_path() {
    let site = Site::new();
    let state = site.path("var/lib");
    fs_err::create_dir_all(&state).expect("a folder");
    fs_err::write(state.join("booddies"), "a file where a folder should be").expect("a file");
    let said = site.runctl(&["feed", "data"]).fails();
    tells(&said, &["var/lib/booddies"]);
}
