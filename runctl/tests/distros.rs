//! The distros as shipped: what each of their methods writes on the kernel line, compared with what is known to boot them.

mod everything;

use std::path::Path;

use everything::{VARIANTS, book, files, profile_name, script, ways};
use rack::{Book, Syntax};

/// The arguments of the kernel, or the lines of a script.
fn line(book: &Book, distro: &str, method: &str) -> String {
    let script = script(book, distro, method, Syntax::Ipxe);
    match script.lines().find_map(|line| line.strip_prefix("imgargs kernel ")) {
        Some(arguments) => arguments
            .split(' ')
            .filter(|word| !word.starts_with("initrd=initrd"))
            .collect::<Vec<_>>()
            .join(" ")
            .replace(" ${console} || goto failed", ""),
        None => script
            .lines()
            .skip(2)
            .take_while(|line| !line.ends_with(": ended"))
            .fold(String::new(), |all, line| format!("{all}\n    {line}")),
    }
}

#[test]
fn kernel_lines() {
    let books = VARIANTS.map(|variant| (variant.name, book(&variant)));
    let mut told = Vec::new();
    for (distro, method) in ways(&books[0].1) {
        told.push(format!("{} {}: {}", distro.name, method.name, method.title));
        let lines = books.each_ref().map(|(_, book)| line(book, &distro.name, &method.name));
        if lines.iter().all(|line| *line == lines[0]) {
            told.push(format!("  always: {}", lines[0]));
            continue;
        }
        let variants = books.iter().map(|(variant, _)| variant);
        told.extend(variants.zip(lines).map(|(variant, line)| format!("  {variant}: {line}")));
    }
    insta::assert_snapshot!(told.join("\n"));
}

/// What the earlier network installers wrote for each of these, by the section of the study of them that records it.
const RECORDED: &[(&str, &str, &str, &[&str])] = &[
    (
        "4.2",
        "ubuntu",
        "install",
        &[
            "root=/dev/ram0 ramdisk_size=3500000 cloud-config-url=/dev/null ip=dhcp",
            " url=http://10.77.0.3/boot/ubuntu/live-server.iso ",
            " autoinstall ds=nocloud-net;s=http://10.77.0.8/install/0123456789abcdef/ ",
        ],
    ),
    ("3.2", "debian", "install", &["auto=true", " url=http://", "/preseed.cfg "]),
    (
        "3.2",
        "debian",
        "text",
        &[
            "mirror/country=manual",
            "mirror/http/hostname=10.77.0.3",
            "mirror/http/directory=/apt/tree",
        ],
    ),
    ("3.2", "debian", "graphical", &["vga=788"]),
    ("3.2", "debian", "rescue", &["rescue/enable=true"]),
    ("3.2", "debian", "expert", &["priority=low"]),
    (
        "4.2",
        "rocky",
        "install",
        &[
            "inst.repo=http://10.77.0.3/apt/tree ",
            "inst.ks=http://",
            " ip=dhcp BOOTIF=01-52-54-00-77-00-01",
        ],
    ),
    ("4.2", "alma", "graphical", &["inst.repo=", "inst.graphical", "ip=dhcp BOOTIF="]),
    ("4.2", "centos-stream", "text", &["inst.repo=", "inst.text", "ip=dhcp BOOTIF="]),
    ("4.2", "rhel", "rescue", &["inst.repo=", "inst.rescue", "ip=dhcp BOOTIF="]),
    ("4.2", "fedora", "install", &["inst.repo=", "inst.ks=", "ip=dhcp BOOTIF="]),
    ("4.2", "opensuse-leap", "install", &["root=live:http://", "agama.iso"]),
    ("3.2", "opensuse-tumbleweed", "text", &["install=http://10.77.0.3/apt/tree", "netsetup=dhcp"]),
    (
        "4.2",
        "arch",
        "live",
        &["archiso_http_srv=http://10.77.0.3/boot/arch/ ", "ip=dhcp", "cms_verify=y"],
    ),
    (
        "4.2",
        "alpine",
        "live",
        &[
            "alpine_repo=http://10.77.0.3/apt/tree/main",
            "modloop=http://10.77.0.3/boot/alpine/modloop-lts",
        ],
    ),
    (
        "4.2",
        "fedora-coreos",
        "install",
        &["coreos.inst.install_dev=/dev/vda", "coreos.inst.ignition_url=http://"],
    ),
    ("3.2", "fedora-coreos", "live", &["coreos.autologin=tty1"]),
    (
        "4.2",
        "windows",
        "live",
        &["/wimboot", " bootmgr", " bootmgr.efi", " bcd", " boot.sdi", " boot.wim"],
    ),
    ("4.2", "esxi", "efi", &["-c http://10.77.0.3/boot/esxi/boot.cfg"]),
    ("4.2", "openbsd", "efi", &["sanboot http://10.77.0.3/boot/openbsd/miniroot.img"]),
    ("3.2", "openbsd", "text", &["iso raw"]),
    ("3.2", "freebsd", "live", &["harddisk raw"]),
    (
        "4.2",
        "gentoo",
        "live",
        &["initrd http://10.77.0.3/boot/gentoo/image.squashfs /image.squashfs", "cdroot"],
    ),
    (
        "4.2",
        "clonezilla",
        "live",
        &["boot=live", "fetch=http://10.77.0.3/boot/clonezilla/filesystem.squashfs"],
    ),
    ("4.2", "shell", "shell", &["shell"]),
    (
        "3.2",
        "network-card",
        "show",
        &[
            "${netX/mac}",
            "${netX/gateway}",
            "${netX/dhcp-server}",
            "${netX/next-server}",
            "${netX/filename}",
        ],
    ),
    ("4.2", "pci-devices", "show", &["pciscan"]),
];

#[test]
fn kernel_lines_say_what_is_known_to_boot() {
    let book = book(&VARIANTS[1]);
    for (section, distro, method, wanted) in RECORDED {
        let line = line(&book, distro, method);
        for words in *wanted {
            assert!(
                line.contains(words),
                "section {section}: {distro} {method} lacks `{words}`\n{line}"
            );
        }
    }
}

/// Each installer's own words for address, netmask or prefix, router and name server (section 3.2, and today's).
const STATIC: &[(&str, &str, &[&str], &str)] = &[
    (
        "debian",
        "install",
        &[
            "netcfg/get_ipaddress=10.77.0.101",
            "netcfg/get_netmask=255.255.255.0",
            "netcfg/get_nameservers=10.77.0.2",
        ],
        "netcfg/get_gateway=10.77.0.254",
    ),
    (
        "ubuntu",
        "install",
        &["ip=10.77.0.101:", ":255.255.255.0:kvm-1::none:10.77.0.2"],
        "ip=10.77.0.101::10.77.0.254:",
    ),
    (
        "rocky",
        "install",
        &["ip=10.77.0.101:", ":255.255.255.0:kvm-1.rack.lan::none nameserver=10.77.0.2"],
        "ip=10.77.0.101::10.77.0.254:",
    ),
    (
        "fedora",
        "text",
        &["ip=10.77.0.101:", "nameserver=10.77.0.2"],
        "ip=10.77.0.101::10.77.0.254:",
    ),
    (
        "opensuse-leap",
        "install",
        &["ip=10.77.0.101:", "nameserver=10.77.0.2"],
        "ip=10.77.0.101::10.77.0.254:",
    ),
    (
        "opensuse-tumbleweed",
        "install",
        &["ifcfg=52:54:00:77:00:01=10.77.0.101/24,", ",10.77.0.2,rack.lan"],
        "/24,10.77.0.254,",
    ),
    (
        "arch",
        "live",
        &["ip=10.77.0.101:", ":255.255.255.0:kvm-1:eth0:none"],
        "ip=10.77.0.101::10.77.0.254:",
    ),
    (
        "alpine",
        "live",
        &["ip=10.77.0.101:", ":255.255.255.0:kvm-1::none:10.77.0.2"],
        "ip=10.77.0.101::10.77.0.254:",
    ),
    (
        "fedora-coreos",
        "install",
        &["ip=10.77.0.101:", "nameserver=10.77.0.2"],
        "ip=10.77.0.101::10.77.0.254:",
    ),
    (
        "flatcar",
        "install",
        &["ip=10.77.0.101:", "nameserver=10.77.0.2"],
        "ip=10.77.0.101::10.77.0.254:",
    ),
    (
        "clonezilla",
        "live",
        &["ip=10.77.0.101:", "::none:10.77.0.2"],
        "ip=10.77.0.101::10.77.0.254:",
    ),
    ("rescue", "rescue", &["ip=10.77.0.101:", ":eth0:none"], "ip=10.77.0.101::10.77.0.254:"),
    (
        "esxi",
        "efi",
        &["ip=10.77.0.101", "netmask=255.255.255.0", "nameserver=10.77.0.2"],
        "gateway=10.77.0.254",
    ),
];

#[test]
fn an_address_is_told_in_each_installers_own_words() {
    let [fixed, _, routed] = VARIANTS.map(|variant| book(&variant));
    for (distro, method, wanted, router) in STATIC {
        let alone = line(&fixed, distro, method);
        let with_router = line(&routed, distro, method);
        for words in *wanted {
            assert!(alone.contains(words), "{distro} lacks `{words}`\n{alone}");
            assert!(with_router.contains(words), "{distro} lacks `{words}`\n{with_router}");
        }
        assert!(with_router.contains(router), "{distro} lacks `{router}`\n{with_router}");
        assert!(!alone.contains("10.77.0.254"), "{distro} has a router from nowhere\n{alone}");
    }
    assert!(line(&fixed, "debian", "install").contains("netcfg/no_default_route=true"));
    assert!(!line(&routed, "debian", "install").contains("netcfg/no_default_route"));
}

#[test]
fn every_method_is_written_for_every_loader() {
    for variant in VARIANTS {
        let book = book(&variant);
        for (distro, method) in ways(&book) {
            for syntax in [Syntax::Ipxe, Syntax::Pxelinux, Syntax::Grub] {
                let script = script(&book, &distro.name, &method.name, syntax);
                assert!(!script.contains("{{"), "{} {}\n{script}", distro.name, method.name);
            }
        }
    }
}

#[test]
fn nothing_that_a_script_names_is_missing() {
    assert_eq!(book(&VARIANTS[0]).mistakes(), []);
}

#[test]
fn every_install_calls_back_and_runs_the_baseline_and_the_hooks() {
    for variant in VARIANTS {
        let book = book(&variant);
        for (distro, method) in ways(&book).filter(|(_, method)| method.answered) {
            let profile = profile_name(&distro.name, &method.name);
            let files = files(&book, &profile);
            let answers: String = files
                .iter()
                .filter(|(name, _)| !matches!(name.as_str(), "baseline.sh" | "motd.sh"))
                .map(|(_, file)| file.text.as_str())
                .collect();
            let token = everything::TOKEN;
            let mut wanted =
                vec![format!("/install/{token}/baseline.sh"), format!("/install/{token}/motd.sh")];
            // The live system adds the stage by itself.
            wanted.push(format!("/callback/{token}"));
            if method.boots.is_none() {
                let stages = ["started", "finished"];
                wanted.extend(stages.map(|stage| format!("/callback/{token}/{stage}")));
            }
            for words in wanted {
                assert!(answers.contains(&words), "{profile} lacks {words}\n{answers}");
            }
        }
    }
}

#[test]
fn a_secret_stands_in_the_baseline_only() {
    let book = book(&VARIANTS[0]);
    for (distro, method) in ways(&book).filter(|(_, method)| method.answered) {
        for (name, file) in files(&book, &profile_name(&distro.name, &method.name)) {
            let baseline = name == "baseline.sh";
            assert_eq!(file.text.contains(everything::HASH), baseline, "{} {name}", distro.name);
            assert_eq!(file.secret, baseline, "{} {name}", distro.name);
        }
    }
}

#[test]
fn a_disk_that_an_installer_cannot_choose_must_be_named() {
    let mut book = book(&VARIANTS[0]);
    for profile in &mut book.profiles {
        profile.parameters.clear();
    }
    let decision = rack::Decision::Install {
        profile: profile_name("fedora-coreos", "install"),
        token: everything::TOKEN.into(),
    };
    let asking = rack::Asking {
        mac: book.machines[0].macs[0],
        address: None,
        architecture: None,
        platform: None,
        becomes: None,
    };
    let error = book.script(Syntax::Ipxe, &asking, &decision).expect_err("there is no parameter");
    assert!(error.to_string().contains("`parameters.install_device` is undefined"), "{error}");
}

#[test]
fn the_docs_name_every_distro_and_method() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/distros.md");
    let docs = fs_err::read_to_string(docs).expect("the page is there");
    let row = |distro: &str| {
        let of = |line: &&str| line.starts_with("| ") && line.contains(&format!("`{distro}`"));
        docs.lines().find(of).unwrap_or_else(|| panic!("docs/distros.md has no `{distro}`"))
    };
    for (distro, method) in ways(&book(&VARIANTS[0])) {
        // `the same` is what the row above says.
        let told = row(&distro.name).replace("the same", row("rocky"));
        assert!(told.contains(&method.name), "`{}` lacks {}: {told}", distro.name, method.name);
    }
}
