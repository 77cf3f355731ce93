//! The test that rack exists for: an empty disk becomes a Debian that boots from it, by BIOS and by UEFI, with no way out.

use std::time::Duration;

use serde_json::Value;
use suite::install::{Install, Key};
use suite::site::{IMAGES, engine_answers};
use suite::{Finished, Site};

use crate::git::upstream;
use crate::registry::registry;

const PORT: u16 = 2222;
/// Emulated on two cores an install takes minutes; whatever takes so long hangs.
const PATIENCE: Duration = Duration::from_mins(25);

const PROFILES: &str = r#"
[[profile]]
name = "node"
distro = "debian"
version = "12"
method = "image"
tree = "apt/debian"
ssh_port = 2222
packages = ["linux-image-cloud-amd64", "git", "skopeo"]
[profile.disk]
swap_mib = 128
[[profile.user]]
name = "ops"
sudo = true
keys = ["ops.pub"]

[[profile]]
name = "grown"
inherits = "node"
[profile.disk]
layout = "lvm"

[[profile]]
name = "vast"
inherits = "node"
[profile.disk]
swap_mib = 9000
"#;

/// The site, what it mirrors, and the one who may log in.
struct Prepared {
    site: Site,
    folder: tempfile::TempDir,
    key: Key,
}

impl Prepared {
    fn new() -> Self {
        let (site, folder) = (Site::built(), tempfile::tempdir().expect("a folder"));
        let key = Key::made_in(folder.path());
        site.configure("ops.pub", &key.public());
        for file in ["distros/debian.toml", "distros/live.toml", "answers/image.conf"]
            .into_iter()
            .chain(["answers/baseline.sh", "answers/debian.preseed"])
        {
            site.configure(file, &shipped(file));
        }
        // What the machines are asked to do.
        let more = "\"skopeo\", \"linux-image-cloud-amd64\",\n    # its installer";
        site.configure("data.toml", &shipped("data.toml").replacen("# its installer", more, 1));
        site.configure("profiles.toml", PROFILES);
        let machine = |n: u8, profile: &str, firmware: &str| {
            format!(
                "[[machine]]\nname = \"kvm-{n}\"\nmacs = [\"52:54:00:5a:09:0{n}\"]\naddress = \"{}\"\n\
                 profile = \"{profile}\"\nfirmware = \"{firmware}\"\nserial = \"ttyS0,115200\"\n",
                site.host(20 + n)
            )
        };
        let machines =
            [(1, "node", "bios"), (2, "grown", "uefi"), (3, "vast", "bios"), (4, "node", "bios")];
        let machines = machines.map(|(n, profile, firmware)| machine(n, profile, firmware));
        site.configure("machines.toml", &machines.concat());

        let origin = folder.path().join("origin");
        upstream(&origin);
        site.configure(
            "gito.toml",
            &format!("[[git]]\nname = \"words\"\nurl = \"{}\"\n", origin.display()),
        );
        site.configure(
            "regi.toml",
            &format!("[[image]]\nname = \"proof/ntpd:1\"\nengine = \"{IMAGES}/ntpd:latest\"\n"),
        );
        site.runctl(&["up"]).ok();
        for what in [&["feed", "data", "gito", "regi"][..], &["build", "live"]] {
            site.runctl(what).ok();
        }
        for profile in ["node", "grown", "vast"] {
            site.runctl(&["build", "os", profile]).ok();
        }
        Self { site, folder, key }
    }

    /// Switches a machine on, to be installed.
    fn install_of(&self, machine: &str) -> Install {
        let log = self.folder.path().join(format!("{machine}.log"));
        Install::of(&self.site, machine, &[], &log, PATIENCE)
    }

    /// Runs a script as root on an installed machine.
    fn on(&self, machine: u8, script: &str) -> Finished {
        self.ssh(machine, PORT, &format!("sudo sh -euc '{script}'"))
    }

    fn ssh(&self, machine: u8, port: u16, command: &str) -> Finished {
        self.key.ssh("ops", self.site.host(20 + machine), port, command)
    }

    /// What rack knows of a machine's install.
    fn install(&self, machine: &str) -> Value {
        let told = self.site.runctl(&["machine", "show", machine, "--json"]).ok();
        let told: Value = serde_json::from_str(&told).expect("JSON");
        told.pointer("/status/install").cloned().unwrap_or_else(|| panic!("no install in {told}"))
    }
}

fn shipped(file: &str) -> String {
    let path = suite::repository().join("etc/booddies").join(file);
    fs_err::read_to_string(path).expect("it is shipped")
}

#[test]
fn an_empty_disk_becomes_a_debian_with_no_way_out() {
    if !engine_answers("install by image") {
        return;
    }
    let prepared = Prepared::new();
    for (number, name) in [(1, "kvm-1"), (2, "kvm-2")] {
        let mut install = prepared.install_of(name);
        eprintln!("{}", install.until("booted"));
        started_from_its_disk(&prepared, number, name);
        knows_names_and_the_time(&prepared, number, name);
        gets_packages_repositories_and_images(&prepared, number);
        is_hardened(&prepared, number);
        assert_eq!(prepared.install(name)["state"], "finished");
    }
    tells_a_disk_that_is_too_small(&prepared);
    remembers_a_machine_that_vanishes(&prepared);
}

fn started_from_its_disk(prepared: &Prepared, number: u8, name: &str) {
    let told =
        prepared.on(number, "findmnt -no SOURCE /; hostname -f; systemctl is-system-running");
    let root = if number == 2 { "/dev/mapper/kvm_2-root" } else { "/dev/vda4" };
    assert_eq!(told.ok(), format!("{root}\n{name}.rack.lan\nrunning\n"));
    let address = prepared.site.host(20 + number).to_string();
    let told = prepared.on(number, "ip -4 -brief address show scope global; ip route").ok();
    assert!(told.contains(&format!("{address}/27")), "{told}");
    assert!(!told.contains("default"), "it has a way out: {told}");
    let firmware = prepared.on(number, "[ ! -d /sys/firmware/efi ] || echo uefi").ok();
    assert_eq!(firmware, if number == 2 { "uefi\n" } else { "" });
}

fn knows_names_and_the_time(prepared: &Prepared, number: u8, name: &str) {
    let site = &prepared.site;
    let told =
        prepared.on(number, &format!("getent ahostsv4 data01; getent hosts {name}.rack.lan"));
    assert!(told.ok().contains(&site.address("data").to_string()));
    // Waits until the clock is set, for a minute at most.
    prepared.on(number, "chronyc waitsync 60 0 0 1 >/dev/null").ok();
    let sources = prepared.on(number, "chronyc -c -n sources").ok();
    let chosen: Vec<_> = sources.lines().filter(|line| line.starts_with("^,*,")).collect();
    assert!(
        matches!(chosen[..], [one] if one.contains(&site.address("ntpd").to_string())),
        "{sources}"
    );
}

fn gets_packages_repositories_and_images(prepared: &Prepared, number: u8) {
    let site = &prepared.site;
    let told = prepared.on(
        number,
        "apt-get -q update 2>&1; DEBIAN_FRONTEND=noninteractive apt-get -qy install pciutils >/dev/null; lspci >/dev/null",
    );
    let told = told.ok();
    assert!(told.contains("http://data01.rack.lan/apt/debian") && !told.contains("W:"), "{told}");
    // What the site's key does not vouch for is not believed.
    let unsigned = prepared.on(
        number,
        "mkdir -p /tmp/other/partial; cd /tmp/other; \
         sed \"s,Signed-By.*,Signed-By: /etc/hostname,\" /etc/apt/sources.list.d/booddies.sources >own.sources; \
         apt-get -q update -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/tmp/other -o Dir::State::Lists=/tmp/other",
    );
    unsigned.fails();

    let key = fs_err::read_to_string(site.state("secrets/gito/admin")).expect("the admin's key");
    let address = site.address("gito");
    let told = prepared.on(
        number,
        &format!(
            "umask 077; echo \"{key}\" >/root/gito; \
             export GIT_SSH_COMMAND=\"ssh -i /root/gito -o StrictHostKeyChecking=accept-new\"; \
             git clone -q ssh://git@{address}/words /root/words; cat /root/words/README"
        ),
    );
    assert_eq!(told.ok(), "first words\n");

    let image = format!("docker://{}/proof/ntpd:1", registry(site));
    let told = prepared.on(
        number,
        &format!("skopeo copy -q {image} dir:/root/image; ls /root/image/manifest.json"),
    );
    assert_eq!(told.ok(), "/root/image/manifest.json\n");
}

fn is_hardened(prepared: &Prepared, number: u8) {
    let sshd = prepared.on(number, "sshd -T; passwd -S root; nft list ruleset").ok();
    for line in ["passwordauthentication no", "permitrootlogin no", "port 2222", "root L "] {
        assert!(sshd.contains(line), "no `{line}` in\n{sshd}");
    }
    assert!(sshd.contains("reject") || sshd.contains("policy drop"), "no firewall in\n{sshd}");
    prepared.ssh(number, 22, "true").fails();
}

fn tells_a_disk_that_is_too_small(prepared: &Prepared) {
    let mut vm = prepared.install_of("kvm-3");
    vm.until("failed");
    let install = prepared.install("kvm-3");
    assert_eq!(install["state"], "failed", "{install}");
    let why = install["why"].as_str().expect("a reason");
    assert!(why.contains("/dev/vda is too small: it has 8192 MiB"), "{why}");
    let stages = install["events"].to_string();
    assert!(!stages.contains("partitioned"), "it was touched: {stages}");
}

fn remembers_a_machine_that_vanishes(prepared: &Prepared) {
    let mut vm = prepared.install_of("kvm-4");
    vm.until("partitioned");
    // As when its power fails: the VM ends with runctl, at once.
    drop(vm);
    let install = prepared.install("kvm-4");
    assert_eq!(install["state"], "running", "{install}");
    assert_eq!(install["stage"], "partitioned", "{install}");
    let list = prepared.site.runctl(&["machine", "list"]).ok();
    let line = list.lines().find(|line| line.contains("kvm-4")).expect("it is listed");
    assert!(line.contains("partitioned"), "{line}");
}
