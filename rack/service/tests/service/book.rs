//! A book of as many machines as a test wants, each with an address of its own on the loopback.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use rack::{
    Answers, Book, BootFiles, Disk, Distro, Fed, Firmware, Layout, Mac, Machine, Method, Network,
    Profile, SiteFacts, Template, Tree, User, Version,
};

/// The nth machine's MAC.
pub(crate) fn mac(n: u16) -> Mac {
    let [high, low] = n.to_be_bytes();
    Mac([0x52, 0x54, 0, 0, high, low])
}

/// The nth machine's address.
pub(crate) fn address(n: u16) -> Ipv4Addr {
    let [high, low] = n.to_be_bytes();
    Ipv4Addr::new(127, 1, high, low)
}

/// The book as runctl writes it.
pub(crate) fn text(machines: u16) -> String {
    serde_json::to_string(&book(machines)).expect("a book is plain data")
}

fn book(machines: u16) -> Book {
    Book {
        site: site(),
        machines: (1..=machines).map(machine).collect(),
        profiles: vec![profile()],
        distros: vec![distro()],
        fed: vec![Fed {
            path: "boot/own-1".into(),
            distro: "own".into(),
            version: "1".into(),
            architecture: "x86_64".into(),
            files: BTreeSet::from(["linux".into()]),
        }],
        roots: Vec::new(),
        menus: Vec::new(),
        baseline: Some(template("baseline.sh", "#!/bin/sh\n")),
    }
}

fn site() -> SiteFacts {
    SiteFacts {
        name: "demo".into(),
        domain: "rack.lan".into(),
        subnet: "127.0.0.0/8".parse().expect("a subnet"),
        data: [127, 0, 0, 3].into(),
        rack: [127, 0, 0, 8].into(),
        dns: [127, 0, 0, 2].into(),
        ntp: [127, 0, 0, 7].into(),
        gito: [127, 0, 0, 4].into(),
        regi: "regi01.rack.lan:5000".into(),
        router: None,
        unknown: None,
        generation: Some(1),
        menu_timeout: 300,
    }
}

fn machine(n: u16) -> Machine {
    Machine {
        name: format!("m{n}"),
        macs: vec![mac(n)],
        address: Some(address(n)),
        profile: Some("web".into()),
        firmware: Firmware::default(),
        serial: None,
        parameters: BTreeMap::new(),
    }
}

fn template(name: &str, text: &str) -> Template {
    Template { name: name.into(), source: format!("answers/{name}"), text: text.into() }
}

fn profile() -> Profile {
    let ops = User {
        name: "ops".into(),
        fullname: String::new(),
        uid: None,
        groups: Vec::new(),
        sudo: true,
        keys: Vec::new(),
        password: Some("web.ops".into()),
    };
    Profile {
        name: "web".into(),
        distro: "own".into(),
        version: "1".into(),
        architecture: "x86_64".into(),
        method: "install".into(),
        arguments: String::new(),
        tree: None,
        answers: None,
        packages: Vec::new(),
        timezone: "Etc/UTC".into(),
        locale: "C.UTF-8".into(),
        keyboard: "us".into(),
        ssh_port: 22,
        disk: Disk { device: "auto".into(), layout: Layout::Plain, swap: 0 },
        users: vec![ops],
        hooks: Vec::new(),
        parameters: BTreeMap::new(),
    }
}

fn distro() -> Distro {
    let answer = "{% for user in profile.users %}{{ user.name }}:{{ user.password }}\n{% endfor %}";
    let install = Method {
        name: "install".into(),
        title: "Install".into(),
        answered: true,
        boots: None,
        platform: None,
        boot: None,
        answers: None,
        arguments: "url={{ answer }}".into(),
        script: None,
    };
    Distro {
        name: "own".into(),
        title: "Own".into(),
        family: "linux".into(),
        versions: vec![Version { name: "1".into(), keys: BTreeMap::new() }],
        architectures: BTreeMap::from([("x86_64".into(), "amd64".into())]),
        boot: BootFiles { kernel: Some("linux".into()), initrds: Vec::new() },
        tree: Tree::default(),
        network: Network::default(),
        answers: Some(Answers {
            kind: "preseed".into(),
            files: vec![template("preseed.cfg", answer)],
        }),
        methods: vec![install],
    }
}
