//! A small site, and what its machines read.

use std::collections::{BTreeMap, BTreeSet};

use insta::assert_snapshot;

use super::Syntax;
use crate::*;

const MAC: Mac = Mac([0x52, 0x54, 0, 0, 0, 1]);

fn method(name: &str, answered: bool, arguments: &str) -> Method {
    Method {
        name: name.into(),
        title: format!("Boot {name}"),
        answered,
        boots: None,
        platform: None,
        boot: None,
        answers: None,
        arguments: arguments.into(),
        script: None,
    }
}

fn template(name: &str, text: &str) -> Template {
    Template { name: name.into(), source: format!("answers/{name}"), text: text.into() }
}

fn debian() -> Distro {
    Distro {
        name: "debian".into(),
        title: "Debian".into(),
        family: "linux".into(),
        versions: vec![Version {
            name: "12".into(),
            keys: BTreeMap::from([("codename".into(), "bookworm".into())]),
        }],
        architectures: BTreeMap::from([("x86_64".into(), "amd64".into())]),
        boot: BootFiles { kernel: Some("linux".into()), initrds: vec!["initrd.gz".into()] },
        tree: Tree::default(),
        network: Network { fixed: "ip={{ machine.address }}".into(), dhcp: "ip=dhcp".into() },
        answers: Some(Answers {
            kind: "preseed".into(),
            files: vec![template(
                "preseed.cfg",
                "hello {{ machine.fqdn }} {{ callback }}/started\n{% for user in profile.users %}{{ user.name }}:{{ user.password }}\n{% endfor %}",
            )],
        }),
        methods: vec![
            method("install", true, "auto url={{ answer }}\n{{ network }}"),
            method("text", false, "suite={{ version.codename }} ds=nocloud-net;s=x"),
        ],
    }
}

fn profile() -> Profile {
    Profile {
        name: "web".into(),
        distro: "debian".into(),
        version: "12".into(),
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
        users: vec![User {
            name: "ops".into(),
            fullname: String::new(),
            uid: None,
            groups: Vec::new(),
            sudo: true,
            keys: Vec::new(),
            password: Some("web.ops".into()),
        }],
        hooks: Vec::new(),
        parameters: BTreeMap::new(),
    }
}

pub(crate) fn book() -> Book {
    Book {
        site: SiteFacts {
            name: "demo".into(),
            domain: "rack.lan".into(),
            subnet: "10.90.0.0/24".parse().expect("a subnet"),
            data: [10, 90, 0, 3].into(),
            rack: [10, 90, 0, 8].into(),
            dns: [10, 90, 0, 2].into(),
            ntp: [10, 90, 0, 7].into(),
            gito: [10, 90, 0, 4].into(),
            regi: "regi01.rack.lan:5000".into(),
            router: None,
            unknown: None,
            generation: Some(7),
            menu_timeout: 300,
        },
        machines: vec![Machine {
            name: "kvm-1".into(),
            macs: vec![MAC],
            address: Some([10, 90, 0, 21].into()),
            profile: Some("web".into()),
            firmware: Firmware::Bios,
            serial: None,
            parameters: BTreeMap::new(),
        }],
        profiles: vec![profile()],
        distros: vec![debian()],
        fed: vec![Fed {
            path: "boot/debian-12".into(),
            distro: "debian".into(),
            version: "12".into(),
            architecture: "x86_64".into(),
            files: BTreeSet::from(["linux".into(), "initrd.gz".into()]),
        }],
        roots: Vec::new(),
        menus: vec![Custom {
            name: "own".into(),
            title: "Own".into(),
            text: "#!ipxe\nexit\n".into(),
        }],
        baseline: None,
    }
}

fn asking(mac: Mac) -> Asking {
    Asking { mac, address: None, architecture: None, platform: None, becomes: None }
}

fn install() -> Decision {
    Decision::Install { profile: "web".into(), token: "TOKEN".into() }
}

fn script(syntax: Syntax, decision: &Decision) -> String {
    book().script(syntax, &asking(MAC), decision).expect("a script")
}

#[test]
fn an_install_in_the_language_of_each_loader() {
    assert_snapshot!(script(Syntax::Ipxe, &install()));
    assert_snapshot!(script(Syntax::Grub, &install()), @r#"
    echo "demo: kvm-1 becomes web"
    linux (http,10.90.0.3)/boot/debian-12/linux auto url=http://10.90.0.8/install/TOKEN/preseed.cfg ip=10.90.0.21
    initrd (http,10.90.0.3)/boot/debian-12/initrd.gz
    boot
    "#);
    assert_snapshot!(script(Syntax::Pxelinux, &install()), @r"
    SAY demo: kvm-1 becomes web
    DEFAULT boot
    PROMPT 0
    LABEL boot
      KERNEL http://10.90.0.3/boot/debian-12/linux
      INITRD http://10.90.0.3/boot/debian-12/initrd.gz
      APPEND auto url=http://10.90.0.8/install/TOKEN/preseed.cfg ip=10.90.0.21
    ");
}

#[test]
fn a_machine_that_is_not_to_be_installed_is_told_why() {
    let why = "nobody has armed its install".to_owned();
    assert_snapshot!(script(Syntax::Ipxe, &Decision::LocalDisk { why }));
}

#[test]
fn menus_show_what_is_fed_and_every_target_exists() {
    let book = book();
    assert_eq!(book.mistakes(), []);
    assert_snapshot!(book.menu("").expect("a page").expect("it renders"));
    assert_snapshot!(book.menu("linux/x86_64").expect("a page").expect("it renders"));
    let by_hand = book.menu("boot/debian/12/x86_64/text").expect("a page").expect("it renders");
    assert!(by_hand.contains("suite=bookworm"), "{by_hand}");
    // What must be armed is chosen nowhere by hand, and what is not fed nowhere at all.
    let pages = book.menu_pages();
    assert!(!pages.iter().any(|page| page.ends_with("/install")), "{pages:?}");
    assert!(
        Book { fed: Vec::new(), ..book }.menu_pages().iter().all(|page| !page.contains("debian"))
    );
}

#[test]
fn flat_menus_hold_the_same_entries() {
    let (grub, pxelinux) =
        (script(Syntax::Grub, &Decision::Menu), script(Syntax::Pxelinux, &Decision::Menu));
    assert_snapshot!(grub);
    assert_snapshot!(pxelinux);
}

#[test]
fn dangling_targets_are_found() {
    let text = "#!ipxe\nitem a A\nchoose x && goto ${x}\ngoto b\n:c\n:c\necho goto nowhere\n";
    let found = check::labels("own", text);
    let told: Vec<_> = found.iter().map(|it| format!("{}: {}", it.line, it.problem)).collect();
    assert_eq!(
        told,
        ["6: label `c` is set twice", "2: label `a` does not exist", "4: label `b` does not exist",]
    );
    let mut book = book();
    book.menus[0].text =
        "#!ipxe\nkernel http://10.90.0.3/boot/debian-12/lin\nchain http://10.90.0.8/menu/none\n"
            .into();
    let told: Vec<_> = book.mistakes().into_iter().map(|it| it.problem).collect();
    assert_eq!(
        told,
        [
            "`http://10.90.0.3/boot/debian-12/lin` is no file in the set",
            "`http://10.90.0.8/menu/none` is no page",
        ]
    );
}

#[test]
fn a_secret_stands_in_a_file_only_when_it_is_given() {
    let book = book();
    let file = |secrets: Option<&BTreeMap<String, String>>| {
        book.install_file(&asking(MAC), "web", "TOKEN", "preseed.cfg", secrets)
    };
    let shown = file(None).expect("it renders").expect("it is there");
    assert_eq!(
        shown.text,
        "hello kvm-1.rack.lan http://10.90.0.8/callback/TOKEN/started\nops:********\n"
    );
    assert!(!shown.secret);
    let secrets = BTreeMap::from([("web.ops".to_owned(), "$6$hash".to_owned())]);
    let served = file(Some(&secrets)).expect("it renders").expect("it is there");
    assert!(served.secret && served.text.contains("ops:$6$hash"));
    let none = file(Some(&BTreeMap::new())).expect_err("a secret is missing");
    assert_eq!(none.to_string(), "there is no secret `web.ops`");
    assert_eq!(book.install_file(&asking(MAC), "web", "T", "other", None).expect("no error"), None);
}

#[test]
fn a_mistake_names_template_line_and_variable() {
    let mut book = book();
    book.distros[0].methods[0].arguments = "auto\n{{ machine.nam }}".into();
    let error = book.script(Syntax::Ipxe, &asking(MAC), &install()).expect_err("a mistake");
    assert_eq!(
        error.to_string(),
        "distro `debian`: arguments of method `install`, line 2: `machine.nam` is undefined"
    );
    book.profiles[0].arguments = "{{ site.router }}".into();
    book.distros[0].methods[0].arguments = String::new();
    let error = book.script(Syntax::Ipxe, &asking(MAC), &install()).expect_err("a mistake");
    assert_eq!(
        error.to_string(),
        "profile `web`: arguments, line 1: the value is none here; ask `{% if … %}` before it is written"
    );
}

#[test]
fn what_is_not_in_the_set_is_named() {
    let mut book = book();
    book.fed[0].files.remove("linux");
    let told = |book: &Book| book.lacking(&book.profiles[0]).map(|it| it.to_string());
    assert_eq!(told(&book).as_deref(), Some("boot/debian-12 has no file `linux`"));
    book.fed.clear();
    assert_eq!(told(&book).as_deref(), Some("debian 12 for x86_64 is not in the set"));
    book.profiles[0].method = "fly".into();
    assert_eq!(told(&book).as_deref(), Some("distro `debian` has no method `fly`"));
}
