//! Debian's own installer from a subset of the set, unattended: an empty disk becomes a Debian that boots from it. It takes
//! half an hour where everything is emulated, so only `tests/run --full` has it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use suite::install::{Install, Key};
use suite::site::engine_answers;
use suite::upstream::Upstream;
use suite::{Site, run, skip};

const SUITE: &str = "trixie";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// What d-i asks for on the way, beside what every system has.
const PACKAGES: &str = r#""linux-image-amd64", "initramfs-tools", "systemd-sysv", "init", "udev", "dbus", "grub-pc", "os-prober",
    "ifupdown", "iproute2", "netbase", "kmod", "procps", "e2fsprogs", "locales", "tzdata", "debconf-i18n", "apt-utils",
    "console-setup", "keyboard-configuration", "kbd", "busybox", "eject", "pciutils", "usbutils", "laptop-detect",
    "installation-report", "tasksel", "whiptail", "ca-certificates", "debian-archive-keyring", "zstd", "openssh-server",
    "nftables", "sudo", "chrony", "debian-installer-13-netboot-amd64""#;
const IMAGES: &str = "usr/lib/debian-installer/images/13/amd64/text/debian-installer/amd64";
const KERNEL: &str = "[[kernel]]\nname = \"debian-13\"\ndistro = \"debian\"\nversion = \"13\"\n";
/// Emulated beside other work it has taken this long; whatever takes longer hangs.
const PATIENCE: Duration = Duration::from_hours(2);

#[test]
fn debians_own_installer_makes_a_hardened_machine_with_no_way_out() {
    if std::env::var_os("SUITE_FULL").is_none() {
        skip("Debian's own installer", "it takes half an hour; `tests/run --full` has it");
        return;
    }
    if !engine_answers("Debian's own installer") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (site, key) = (Site::built(), Key::made_in(folder.path()));
    configured(&site, &key);
    site.runctl(&["up", "boot", "data", "rack", "ntpd"]).ok();
    let _kernels = fed(&site, folder.path());
    let log = folder.path().join("rehearsal.log");
    let mut install = Install::of(&site, "kvm-1", &["--memory", "1536"], &log, PATIENCE);
    eprintln!("{}", install.until("booted"));
    is_installed(&site, &key);
}

/// Debian 13 beside what is shipped, and one machine that its installer is to install.
fn configured(site: &Site, key: &Key) {
    site.configure_as_shipped(|_, text| text);
    let subset = format!(
        "[[apt]]\nname = \"debian-13\"\nurls = [\"{}\"]\nsuites = [\"{SUITE}\"]\nkeys = [\"{KEYRING}\"]\n\
         udebs = true\nmissing = \"skip\"\npackages = [{PACKAGES}]\n",
        mirror()
    );
    site.configure("data.toml", &subset);
    let profile = format!(
        "[[profile]]\nname = \"debian-13\"\ndistro = \"debian\"\nversion = \"13\"\nmethod = \"install\"\n\
         tree = \"apt/debian-13\"\narguments = \"mitigations=off\"\n\
         [[profile.user]]\nname = \"ops\"\nsudo = true\nkeys = [\"{}\"]\n",
        key.public()
    );
    site.configure("profiles.toml", &profile);
    let machine = format!(
        "[[machine]]\nname = \"kvm-1\"\nmacs = [\"52:54:00:5a:0d:01\"]\naddress = \"{}\"\n\
         profile = \"debian-13\"\nserial = \"ttyS0,115200\"\n",
        site.host(21)
    );
    site.configure("machines.toml", &machine);
    let packaged = format!(
        "{KERNEL}[kernel.deb]\napt = \"debian-13\"\npackage = \"debian-installer-13-netboot-amd64\"\n\
         [kernel.deb.files]\nlinux = \"{IMAGES}/linux\"\n\"initrd.gz\" = \"{IMAGES}/initrd.gz\"\n"
    );
    site.configure("boot.toml", &packaged);
}

/// Where this host's own APT has Debian from.
fn mirror() -> String {
    let release = fs_err::read_to_string("/etc/os-release").expect("a release");
    let codename = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let codename = codename.expect("it has a name");
    let targets = ["indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"];
    let told = run(Command::new("apt-get").args(targets)).ok();
    let found = told.lines().find_map(|line| line.strip_prefix(&format!("{codename} ")));
    found.expect("the host has a source of its release").to_owned()
}

/// Feeds it; where the mirror lacks the modules of the installer's kernel, it gets another whose modules are there.
fn fed(site: &Site, folder: &Path) -> Option<Upstream> {
    eprintln!("{}", site.runctl(&["feed", "data", "boot"]).ok());
    let current = site.state("store/published/current");
    for file in ["linux", "initrd.gz"] {
        let fed = current.join("boot/debian-13").join(file);
        fs_err::copy(fed, folder.join(file)).expect("it was fed");
    }
    let script = suite::repository().join("tests/vm/netboot-of-the-set");
    let set = current.join("data/apt/debian-13");
    let told = run(Command::new(script).arg(set).arg(SUITE).arg(folder)).ok();
    eprintln!("{told}");
    if told.starts_with("the repository has all") {
        return None;
    }
    let upstream = Upstream::serving(folder);
    let file = |name: &str| {
        let sum = run(Command::new("sha256sum").arg(folder.join(name))).ok();
        let (sum, url) = (&sum[..64], upstream.url(name));
        format!("[[kernel.file]]\nname = \"{name}\"\nurls = [\"{url}\"]\nsha256 = \"{sum}\"\n")
    };
    site.configure("boot.toml", &format!("{KERNEL}{}{}", file("linux"), file("initrd.gz")));
    site.runctl(&["feed", "boot"]).ok();
    Some(upstream)
}

/// What runs from the disk is what the profile says, and nobody gets in but by its keys.
fn is_installed(site: &Site, key: &Key) {
    let address = site.host(21);
    let on = |command: &str| key.ssh("ops", address, 22, command);
    // d-i installs no D-Bus: only root can speak with systemd.
    let told =
        on("findmnt -no SOURCE /; hostname -f; sudo systemctl is-system-running --wait").ok();
    assert_eq!(told, "/dev/vda1\nkvm-1.rack.lan\nrunning\n");
    let routes = on("ip route").ok();
    assert!(!routes.contains("default"), "it has a way out: {routes}");
    assert_eq!(
        on("sudo systemctl is-active getty@tty1 serial-getty@ttyS0").ok(),
        "active\nactive\n"
    );
    let sources = on("apt-get indextargets --format '$(REPO_URI)'; sudo -n true; echo").stdout;
    let own = format!("http://{}/apt/debian-13/", site.address("data"));
    assert!(sources.lines().filter(|line| !line.is_empty()).all(|line| line == own), "{sources}");
    let refused = key.ssh("root", address, 22, "true").fails();
    assert!(refused.contains("Permission denied (publickey)"), "{refused}");

    let told = site.runctl(&["machine", "show", "kvm-1", "--json"]).ok();
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let install = told.pointer("/status/install").expect("it was installed");
    assert_eq!(install["state"], "finished", "{install}");
    for stage in ["started", "finished", "booted"] {
        assert!(install["events"].to_string().contains(&format!("\"{stage}\"")), "{install}");
    }
}
