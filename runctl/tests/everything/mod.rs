//! The shipped configuration as if all of it had been fed: a profile for every method of every distro, and two machines, one
//! with an address of its own and one without. The suite includes this file too.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::Path;

use rack::{
    Asking, Book, Decision, Disk, Distro, Fed, Firmware, Layout, Mac, Machine, Method, Profile,
    RootImage, Served, Syntax, Template, User,
};
use runctl::site;

/// The token of every install here.
pub(crate) const TOKEN: &str = "0123456789abcdef";
/// The one secret: a password's hash, whose dollars a shell must leave alone.
pub(crate) const HASH: &str = "$6$salt$hash";

/// How the machines and their profiles are; each member changes what a template writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variant {
    /// For messages.
    pub(crate) name: &'static str,
    /// Whether the machine has an address of its own.
    pub(crate) fixed: bool,
    pub(crate) router: Option<Ipv4Addr>,
    pub(crate) firmware: Firmware,
    pub(crate) layout: Layout,
    pub(crate) device: &'static str,
    pub(crate) swap: u32,
}

/// Between them, every branch of every template.
pub(crate) const VARIANTS: [Variant; 3] = [
    Variant {
        name: "fixed",
        fixed: true,
        router: None,
        firmware: Firmware::Bios,
        layout: Layout::Plain,
        device: "auto",
        swap: 1024,
    },
    Variant {
        name: "leased",
        fixed: false,
        router: None,
        firmware: Firmware::Uefi,
        layout: Layout::Lvm,
        device: "/dev/vda",
        swap: 512,
    },
    Variant {
        name: "routed",
        fixed: true,
        router: Some(Ipv4Addr::new(10, 77, 0, 254)),
        firmware: Firmware::Uefi,
        layout: Layout::Plain,
        device: "/dev/nvme0n1",
        swap: 0,
    },
];

/// The book of all this.
pub(crate) fn book(variant: &Variant) -> Book {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let site = site::Site::load(&site::Layout::below(repository)).expect("what is shipped loads");
    let mut book = site.book();
    book.site.router = variant.router;
    book.machines = vec![machine(variant)];
    book.profiles = ways(&book).map(|(distro, method)| profile(distro, method, variant)).collect();
    book.fed = book.distros.iter().flat_map(fed).collect();
    book.roots = book
        .profiles
        .iter()
        .map(|profile| RootImage {
            profile: profile.name.clone(),
            path: format!("built/os/{}/root.tar.zst", profile.name),
            sha256: "ab".repeat(32),
            size: 123_456_789,
        })
        .collect();
    book
}

/// Every method of every distro.
pub(crate) fn ways(book: &Book) -> impl Iterator<Item = (&Distro, &Method)> {
    let methods = |distro: &'_ Distro| distro.methods.len();
    book.distros
        .iter()
        .flat_map(move |distro| (0..methods(distro)).map(move |at| (distro, &distro.methods[at])))
}

/// The name of the profile that boots a distro by a method.
pub(crate) fn profile_name(distro: &str, method: &str) -> String {
    format!("{distro}-{method}")
}

/// The script that the machine gets.
pub(crate) fn script(book: &Book, distro: &str, method: &str, syntax: Syntax) -> String {
    let profile = profile_name(distro, method);
    let answered = book.distro(distro).expect("it is shipped").method(method).expect("so is this");
    let decision = if answered.answered {
        Decision::Install { profile: profile.clone(), token: TOKEN.into() }
    } else {
        Decision::Boot { profile: profile.clone() }
    };
    let script = book.script(syntax, &asking(book), &decision);
    script.unwrap_or_else(|error| panic!("{profile}: {error}"))
}

/// The files of an install by this profile, with the secret in its place.
pub(crate) fn files(book: &Book, profile: &str) -> BTreeMap<String, Served> {
    let secrets = BTreeMap::from([("ada.hash".to_owned(), HASH.to_owned())]);
    let asking = asking(book);
    let names = book.install_files(profile).expect("the profile is there");
    let served = names.into_iter().map(|name| {
        let file = book.install_file(&asking, profile, TOKEN, name, Some(&secrets));
        let file = file.unwrap_or_else(|error| panic!("{profile}: {name}: {error}"));
        (name.to_owned(), file.expect("it is among the names"))
    });
    served.collect()
}

fn asking(book: &Book) -> Asking {
    Asking {
        mac: book.machines[0].macs[0],
        address: book.machines[0].address,
        architecture: None,
        platform: None,
        becomes: None,
    }
}

fn machine(variant: &Variant) -> Machine {
    Machine {
        name: "kvm-1".into(),
        macs: vec![Mac([0x52, 0x54, 0, 0x77, 0, 1])],
        address: variant.fixed.then_some(Ipv4Addr::new(10, 77, 0, 101)),
        profile: None,
        firmware: variant.firmware,
        serial: Some("ttyS0,115200".into()),
        parameters: BTreeMap::new(),
    }
}

fn profile(distro: &Distro, method: &Method, variant: &Variant) -> Profile {
    let user = |name: &str, fullname: &str, uid, password: Option<&str>| User {
        name: name.into(),
        fullname: fullname.into(),
        uid,
        groups: vec!["adm".into(), "operators".into()],
        sudo: true,
        keys: vec![format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEX {name}@example")],
        password: password.map(Into::into),
    };
    let parameters = [("install_device", "/dev/sda"), ("appstream", "http://10.77.0.3/yum/app")];
    Profile {
        name: profile_name(&distro.name, &method.name),
        distro: distro.name.clone(),
        version: distro.versions[0].name.clone(),
        architecture: "x86_64".into(),
        method: method.name.clone(),
        arguments: String::new(),
        tree: Some("apt/tree".into()),
        answers: None,
        packages: vec!["vim".into(), "tmux".into()],
        timezone: "Europe/Berlin".into(),
        locale: "C.UTF-8".into(),
        keyboard: "us".into(),
        ssh_port: 2222,
        disk: Disk { device: variant.device.into(), layout: variant.layout, swap: variant.swap },
        users: vec![
            user("ada", "Ada O'Hara", Some(1500), Some("ada.hash")),
            user("bob", "Bob", None, None),
        ],
        hooks: vec![Template {
            name: "motd.sh".into(),
            source: "hooks/motd.sh".into(),
            text: "#!/bin/sh\necho {{ machine.name | shell }} >/etc/motd\n".into(),
        }],
        parameters: parameters.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
    }
}

/// A folder with every file that a distro may boot, for each version and architecture.
fn fed(distro: &Distro) -> Vec<Fed> {
    let methods = distro.methods.iter().filter_map(|method| method.boot.as_ref());
    let files = std::iter::once(&distro.boot).chain(methods);
    let names = files.flat_map(|boot| boot.kernel.iter().chain(&boot.initrds));
    let mut files: BTreeSet<String> = names.chain(distro.tree.files.keys()).cloned().collect();
    if distro.name == "esxi" {
        // Its loader reads this one itself.
        files.insert("boot.cfg".into());
    }
    if files.is_empty() {
        return Vec::new();
    }
    let one = |version: &str, architecture: &str| Fed {
        path: format!("boot/{}", distro.name),
        distro: distro.name.clone(),
        version: version.into(),
        architecture: architecture.into(),
        files: files.clone(),
    };
    let versions = distro.versions.iter().flat_map(|version| {
        distro.architectures.keys().map(|architecture| one(&version.name, architecture))
    });
    versions.collect()
}
