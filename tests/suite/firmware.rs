//! Every firmware, from what DHCP tells it to the kernel that it starts, each in a VM; and media for those that cannot ask.
//! Plain BIOS and UEFI stand in `rehearsal.rs`, which goes on to the installer.

use std::process::Command;

use suite::site::engine_answers;
use suite::{Site, run};

/// Machines of this site: name, firmware, profile, serial console; their addresses and MACs count up.
const MACHINES: [(&str, &str, &str, &str); 5] = [
    ("old", "pxelinux", "kernel-amd64", "ttyS0,115200"),
    ("plain", "bios", "kernel-amd64", "ttyS0,115200"),
    ("http", "uefi-http", "kernel-amd64", "ttyS0,115200"),
    ("secure", "secureboot", "kernel-amd64", "ttyS0,115200"),
    ("arm", "arm64", "kernel-arm64", "ttyAMA0"),
];

/// A distro of one kernel: what comes after it is not the loader's.
const DISTRO: &str = r#"title = "A kernel alone"
family = "utility"
[[version]]
name = "1"
[architectures]
x86_64 = "amd64"
arm64 = "arm64"
[boot]
kernel = "linux"
initrds = []
[answer]
kind = "none"
[method.kernel]
title = "The kernel alone"
arguments = ""
"#;

/// Feeds the kernels of these architectures, ours and Debian's word, and gives the site a profile `kernel-<Debian's word>` of
/// each.
fn feed_kernels(site: &Site, architectures: &[(&str, &str)]) {
    let package = |debian: &str| format!("debian-installer-12-netboot-{debian}");
    let kernel = |(ours, debian): &(&str, &str)| {
        format!(
            "[[kernel]]\nname = \"kernel-{debian}\"\ndistro = \"kernel\"\nversion = \"1\"\n\
             architecture = \"{ours}\"\n[kernel.deb]\napt = \"debian\"\npackage = \"{}\"\n[kernel.deb.files]\n\
             linux = \"usr/lib/debian-installer/images/12/{debian}/text/debian-installer/{debian}/linux\"\n",
            package(debian),
        )
    };
    let kernels: Vec<_> = architectures.iter().map(kernel).collect();
    let profile = |(ours, debian): &(&str, &str)| {
        format!(
            "[[profile]]\nname = \"kernel-{debian}\"\ndistro = \"kernel\"\nmethod = \"kernel\"\n\
             architecture = \"{ours}\"\n"
        )
    };
    let profiles: Vec<_> = architectures.iter().map(profile).collect();
    let packages: Vec<_> =
        architectures.iter().map(|(_, debian)| format!("\"{}\"", package(debian))).collect();
    let packages = packages.join(", ");
    site.configure("profiles.toml", &profiles.concat());
    site.configure("distros/kernel.toml", DISTRO);
    site.configure("boot.toml", &kernels.concat());
    site.configure(
        "data.toml",
        &format!("[[apt]]\nname = \"debian\"\nupstream = \"host\"\npackages = [{packages}]\n"),
    );
    site.runctl(&["feed", "data", "boot"]).ok();
}

/// A site with these machines, its kernels fed for some architectures, up.
fn up(architectures: &[(&str, &str)]) -> Site {
    let site = Site::built();
    let machine = |(n, (name, firmware, profile, serial)): (u8, &(&str, &str, &str, &str))| {
        let address = site.host(20 + n);
        format!(
            "[[machine]]\nname = \"{name}\"\nmacs = [\"52:54:00:5f:00:0{n}\"]\naddress = \"{address}\"\n\
             firmware = \"{firmware}\"\nprofile = \"{profile}\"\nserial = \"{serial}\"\n"
        )
    };
    let known = |profile: &str| {
        architectures.iter().any(|(_, debian)| profile == format!("kernel-{debian}"))
    };
    let machines = (1..).zip(&MACHINES).filter(|(_, (_, _, profile, _))| known(profile));
    let machines: Vec<_> = machines.map(machine).collect();
    site.configure("machines.toml", &machines.concat());
    feed_kernels(&site, architectures);
    site.runctl(&["up", "boot", "data", "rack"]).ok();
    site
}

fn rehearse(site: &Site, machine: &str, arguments: &[&str]) -> String {
    let told = site.runctl(&[&["rehearse", machine, "--timeout", "300"], arguments].concat());
    let told = told.ok();
    // The times are worth reading in the suite's log.
    eprintln!("{told}");
    told
}

#[test]
fn machines_start_by_pxelinux_by_http_and_under_secure_boot() {
    if !engine_answers("firmware of x86-64") {
        return;
    }
    let site = up(&[("x86_64", "amd64")]);
    site.runctl(&["build", "loaders"]).ok();
    let told = rehearse(&site, "old", &["--until", "kernel"]);
    assert!(told.contains("lpxelinux.0") && told.contains("/pxelinux/52-54-00-5f-00-01"), "{told}");
    let told = rehearse(&site, "http", &["--until", "kernel"]);
    assert!(told.contains("snponly.efi") && told.contains("/boot/52-54-00-5f-00-03"), "{told}");
    // The kernel itself says it: every link of the chain was signed.
    let told = rehearse(&site, "secure", &["--until-said", "Secure boot enabled"]);
    assert!(told.contains("shimx64.efi") && told.contains("/grub/52:54:00:5f:00:04"), "{told}");
}

/// A machine without an IPv4 address is lent one over IPv6 alone, so its firmware has no other way.
#[test]
fn uefi_starts_over_ipv6_by_tftp_and_by_http() {
    if !engine_answers("firmware over IPv6") {
        return;
    }
    let site = Site::built();
    let bridge = format!("bridge = \"{}\"\n", site.bridge());
    let six = format!("{bridge}subnet6 = \"fd77:5b1d:a3::/64\"\n");
    site.configure("site.toml", &site.described_with(&site.bridge()).replacen(&bridge, &six, 1));
    let machine =
        "[[machine]]\nname = \"six\"\nmacs = [\"52:54:00:5f:00:06\"]\nprofile = \"kernel-amd64\"\n";
    site.configure("machines.toml", machine);
    feed_kernels(&site, &[("x86_64", "amd64")]);
    site.runctl(&["up", "boot", "data", "rack"]).ok();
    site.runctl(&["build", "loaders"]).ok();
    for firmware in ["uefi", "uefi-http"] {
        let told = rehearse(&site, "six", &["--until", "loader", "--firmware", firmware]);
        assert!(told.contains("fd77:5b1d:a3::1:") && told.contains("snponly.efi"), "{told}");
    }
    // iPXE does not wait for a router that never speaks: this is what it asks with, and who answers.
    let heard = run(site.command(&["logs", "boot"]).env("NO_COLOR", "1")).ok();
    assert!(heard.contains("RTR-ADVERT(eth0) fd77:5b1d:a3::"), "{heard}");
    let loader = run(Command::new("curl")
        .args(["--silent", "--fail", "--output", "/dev/null"])
        .arg("http://[fd77:5b1d:a3::3]/built/loaders/snponly.efi"));
    loader.ok();
}

#[test]
fn arm64_starts_its_kernel() {
    if !engine_answers("firmware of arm64") {
        return;
    }
    let site = up(&[("arm64", "arm64")]);
    let told = rehearse(&site, "arm", &["--until-said", "Linux version"]);
    assert!(told.contains("shimaa64.efi") && told.contains("/grub/52:54:00:5f:00:05"), "{told}");
    let refused = site.runctl(&["rehearse", "arm", "--firmware", "uefi"]).fails();
    assert!(refused.contains("which is for arm64"), "{refused}");
}

#[test]
fn media_start_machines_that_cannot_boot_from_the_network() {
    if !engine_answers("loader media") {
        return;
    }
    let site = up(&[("x86_64", "amd64")]);
    site.runctl(&["build", "loaders"]).ok();
    let loaders = site.state("store/published/current/built/loaders");
    run(Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(&loaders))
        .ok();
    let medium = |name: &str| loaders.join(name).display().to_string();
    // BIOS starts iPXE, UEFI signed GRUB, which is all that Secure Boot lets it start.
    rehearse(&site, "plain", &["--until", "kernel", "--medium", &medium("booddies.iso")]);
    let (stick, until) = (medium("booddies.img"), ["--until", "kernel"]);
    let told = rehearse(&site, "secure", &[&until[..], &["--medium", &stick]].concat());
    assert!(told.contains("/grub/52:54:00:5f:00:04") && !told.contains("shimx64.efi"), "{told}");
    // The same again makes nothing anew.
    let before = fs_err::read_to_string(loaders.join("SHA256SUMS")).expect("sums");
    site.runctl(&["build", "loaders"]).ok();
    let after = fs_err::read_to_string(loaders.join("SHA256SUMS")).expect("sums");
    assert_eq!(before, after);
}

#[test]
fn the_operators_own_loader_takes_the_place_of_debians() {
    if !engine_answers("own loaders") {
        return;
    }
    let site = Site::built();
    let read = |name: &str| {
        let url = format!("tftp://{}/{name}", site.address("boot"));
        run(Command::new("curl").args(["--silent", "--show-error", &url])).ok()
    };
    for own in ["our own iPXE", "our own iPXE, a newer one"] {
        site.configure("loaders/undionly.kpxe", own);
        site.runctl(&["up", "boot"]).ok();
        assert_eq!(read("undionly.kpxe"), own);
    }
    assert!(read("grub/grub.cfg").contains("/grub/$net_default_mac"), "GRUB is not led to rack");
}
