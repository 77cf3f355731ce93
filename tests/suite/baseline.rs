//! The baseline in a plain Debian: what it promises holds for somebody who knocks from outside, and to run again changes nothing.

use std::path::Path;
use std::process::Command;

use suite::site::{IMAGES, docker, engine_answers};
use suite::{Finished, Site, run};
use tempfile::TempDir;

use crate::answers::everything::{self, VARIANTS};

/// A container that is removed when it is dropped.
struct Container(String);

impl Container {
    fn started() -> Self {
        let name = format!("booddies-suite-baseline-{}", std::process::id());
        let image = format!("{IMAGES}/base");
        // The firewall is the container's own: it needs the right to set one.
        docker(&[
            "run",
            "-d",
            "--init",
            "--cap-add",
            "NET_ADMIN",
            "--name",
            &name,
            &image,
            "sleep",
            "infinity",
        ])
        .ok();
        Self(name)
    }

    fn run(&self, line: &str) -> Finished {
        docker(&["exec", &self.0, "sh", "-c", line])
    }

    fn address(&self) -> String {
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        docker(&["inspect", "-f", format, &self.0]).ok().trim().to_owned()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        drop(docker(&["rm", "-f", "-v", &self.0]));
    }
}

#[test]
fn the_baseline_lets_in_whom_the_profile_names_and_nobody_else() {
    if !engine_answers("the baseline") {
        return;
    }
    let site = Site::built();
    drop(site);
    let folder = TempDir::new().expect("a folder");
    let key = folder.path().join("key");
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key)).ok();
    let public = fs_err::read_to_string(key.with_extension("pub")).expect("a public key");
    let container = Container::started();
    // Enough of a system that services can be enabled.
    let systemd = "apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends systemd";
    container.run(systemd).ok();

    let script = folder.path().join("baseline.sh");
    fs_err::write(&script, baseline(&public)).expect("it is written");
    docker(&["cp", &script.display().to_string(), &format!("{}:/root/baseline.sh", container.0)])
        .ok();
    let first = container.run("sh /root/baseline.sh").ok();
    assert!(
        first.contains("baseline: added ada") && first.ends_with("baseline: done\n"),
        "{first}"
    );
    assert!(!first.contains(everything::HASH), "it tells a secret\n{first}");
    let again = container.run("sh /root/baseline.sh").ok();
    for news in ["wrote", "added", "installing", "disabled"] {
        assert!(!again.contains(&format!("baseline: {news}")), "it does things twice\n{again}");
    }

    knock_at(&container, &key);
    look_inside(&container);
    an_sshd_of_old_obeys_too(&container);
}

/// Who has a key and is named comes in by the port of the profile; nobody else does, anywhere.
fn knock_at(container: &Container, key: &Path) {
    container.run("/usr/sbin/sshd").ok();
    let knock = |who: &str, port: u16, options: &[&str]| {
        let mut ssh = Command::new("ssh");
        ssh.args(["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"]);
        ssh.args(["-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=20"]).args(options);
        ssh.arg("-i").arg(key).args(["-p", &port.to_string()]);
        run(ssh.arg(format!("{who}@{}", container.address())).arg("id -un"))
    };
    assert_eq!(knock("ada", 2222, &[]).ok(), "ada\n");
    assert!(knock("root", 2222, &[]).fails().contains("Permission denied (publickey)"));
    let without = knock("ada", 2222, &["-o", "PubkeyAuthentication=no"]).fails();
    assert!(without.contains("Permission denied (publickey)"), "{without}");
    container.run("/usr/sbin/sshd -p 22").ok();
    assert!(knock("ada", 22, &[]).fails().contains("No route to host"), "port 22 is open");
}

fn look_inside(container: &Container) {
    let shadow = container.run("cat /etc/shadow").ok();
    assert!(shadow.contains("\nada:$6$salt$hash:") && shadow.contains("\nbob:*:"), "{shadow}");
    assert!(shadow.contains("root:!"), "{shadow}");
    let sudo = container.run("cat /etc/sudoers.d/booddies").ok();
    assert_eq!(sudo, "ada ALL=(ALL:ALL) ALL\nbob ALL=(ALL:ALL) NOPASSWD: ALL\n");
    let time = container.run("grep -h '^\\(server\\|pool\\)' /etc/chrony/chrony.conf").ok();
    assert_eq!(time, "server 10.77.0.7 iburst\n");
    let enabled =
        container.run("systemctl is-enabled booddies-firewall ssh chrony booddies-booted").ok();
    assert_eq!(enabled, "enabled\n".repeat(4));
}

/// One that reads a single file, in which the opposite stands.
fn an_sshd_of_old_obeys_too(container: &Container) {
    let old = "sed -i '/^Include/d' /etc/ssh/sshd_config && printf 'Port 22\\nPasswordAuthentication yes\\n' >>/etc/ssh/sshd_config";
    container.run(old).ok();
    let said = container.run("sh /root/baseline.sh && sh /root/baseline.sh").ok();
    assert!(said.contains("/etc/ssh/sshd_config includes nothing"), "{said}");
    let settled =
        container.run("sshd -T | grep -x 'port .*\\|passwordauthentication .*' | sort").ok();
    assert_eq!(settled, "passwordauthentication no\nport 2222\n");
    let blocks = container.run("grep -c '>>> baseline' /etc/ssh/sshd_config").ok();
    assert_eq!(blocks, "1\n", "the settings stand there more than once");
}

/// The baseline of a machine where ada has this key.
fn baseline(key: &str) -> String {
    let mut book = everything::book(&VARIANTS[0]);
    for profile in &mut book.profiles {
        profile.users[0].keys = vec![key.trim().to_owned()];
    }
    everything::files(&book, &everything::profile_name("debian", "install"))["baseline.sh"]
        .text
        .clone()
}
