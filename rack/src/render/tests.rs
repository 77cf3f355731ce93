//! What the rendered files look like, and what a mistake in a profile says.

use insta::assert_snapshot;

use super::*;
use crate::{Firmware, Mac};

fn facts() -> SiteFacts {
    SiteFacts {
        name: "demo".into(),
        domain: "demo.lan".into(),
        subnet: "10.90.0.0/24".parse().expect("a subnet"),
        data: Ipv4Addr::new(10, 90, 0, 3),
        dns: Ipv4Addr::new(10, 90, 0, 2),
        router: None,
        unknown: None,
    }
}

fn machine(profile: Option<&str>) -> Machine {
    Machine {
        name: "kvm-1".into(),
        macs: vec![Mac([0x52, 0x54, 0, 0, 0, 1]), Mac([0x52, 0x54, 0, 0, 0, 2])],
        address: Some(Ipv4Addr::new(10, 90, 0, 101)),
        profile: profile.map(Into::into),
        firmware: Firmware::Uefi,
    }
}

fn debian() -> Profile {
    Profile {
        name: "debian-12".into(),
        kernel: "boot/debian-12/linux".into(),
        initrds: vec!["boot/debian-12/initrd.gz".into()],
        arguments: "auto=true url={{ answer }}\n  hostname={{ machine.name }} ---".into(),
        answer: Some(Answer {
            name: "preseed.cfg".into(),
            template: "d-i preseed/early_command string wget {{ callback }}/started\n".into(),
        }),
    }
}

fn failure(arguments: &str) -> String {
    let profile = Profile { arguments: arguments.into(), ..debian() };
    boot_script(&machine(None), Some(&profile), &facts()).expect_err("a mistake").to_string()
}

#[test]
fn a_machine_becomes_its_profile() {
    let script = boot_script(&machine(Some("debian-12")), Some(&debian()), &facts());
    assert_snapshot!(script.expect("a script"), @r"
    #!ipxe
    echo demo: kvm-1 becomes debian-12
    set tries:int32 0
    :again
    inc tries
    imgfree ||
    kernel --name kernel http://10.90.0.3/boot/debian-12/linux || goto failed
    initrd --name initrd1 http://10.90.0.3/boot/debian-12/initrd.gz || goto failed
    imgargs kernel initrd=initrd1 auto=true url=http://10.90.0.3/machines/52-54-00-00-00-01/preseed.cfg hostname=kvm-1 --- || goto failed
    boot || goto failed
    :failed
    echo kvm-1 cannot become debian-12 (try ${tries} of 5): ${errno}
    iseq ${tries} 5 && goto local ||
    sleep 5
    goto again
    :local
    echo Booting from the local disk
    iseq ${platform} efi && exit 1 ||
    sanboot --no-describe --drive 0x80 ||
    echo No local disk boots; starting again in 60 seconds, or now with any key
    prompt --timeout 60000 ||
    reboot
    ");
}

#[test]
fn a_machine_without_a_profile_boots_its_local_disk() {
    let script = boot_script(&machine(None), None, &facts());
    assert_snapshot!(script.expect("a script"), @r"
    #!ipxe
    echo demo: kvm-1 has no profile and boots from its local disk
    echo Booting from the local disk
    iseq ${platform} efi && exit 1 ||
    sanboot --no-describe --drive 0x80 ||
    echo No local disk boots; starting again in 60 seconds, or now with any key
    prompt --timeout 60000 ||
    reboot
    ");
}

#[test]
fn an_unknown_machine_gets_a_menu() {
    let script = first_script(&[debian()], &facts());
    assert_snapshot!(script.expect("a script"), @r"
    #!ipxe
    echo demo: looking for the script of ${mac}
    set tries:int32 0
    :again
    inc tries
    chain --replace --autofree http://10.90.0.3/machines/${mac:hexhyp}/boot.ipxe ||
    chain --replace --autofree http://10.90.0.3/machines/${net0/mac:hexhyp}/boot.ipxe ||
    iseq ${tries} 5 && goto unknown ||
    echo No script for ${mac} yet (try ${tries} of 5): ${errno}
    sleep 5
    goto again
    :unknown
    echo demo does not know ${mac}
    menu demo does not know ${mac}
    item local Boot from the local disk
    item debian-12 Become debian-12
    choose --default local --timeout 30000 choice || goto local
    iseq ${choice} local && goto local ||
    chain --replace --autofree http://10.90.0.3/machines/profiles/${choice}/boot.ipxe ||
    :local
    echo Booting from the local disk
    iseq ${platform} efi && exit 1 ||
    sanboot --no-describe --drive 0x80 ||
    echo No local disk boots; starting again in 60 seconds, or now with any key
    prompt --timeout 60000 ||
    reboot
    ");
}

#[test]
fn an_unknown_machine_becomes_what_the_site_says() {
    let facts = SiteFacts { unknown: Some("debian-12".into()), ..facts() };
    let script = first_script(&[debian()], &facts).expect("a script");
    let unknown = script.split_once(":unknown\n").expect("a part for unknown machines").1;
    assert_snapshot!(unknown, @r"
    echo demo does not know ${mac}
    chain --replace --autofree http://10.90.0.3/machines/profiles/debian-12/boot.ipxe ||
    :local
    echo Booting from the local disk
    iseq ${platform} efi && exit 1 ||
    sanboot --no-describe --drive 0x80 ||
    echo No local disk boots; starting again in 60 seconds, or now with any key
    prompt --timeout 60000 ||
    reboot
    ");
    let files = files(&[], &[debian()], &facts).expect("files");
    assert_eq!(
        files["profiles/debian-12/preseed.cfg"],
        "d-i preseed/early_command string wget http://10.90.0.3/callback/unknown/started\n"
    );
}

#[test]
fn every_interface_has_its_own_folder_and_callback() {
    let files = files(&[machine(Some("debian-12"))], &[debian()], &facts()).expect("files");
    assert_snapshot!(files.keys().map(String::as_str).collect::<Vec<_>>().join("\n"), @r"
    52-54-00-00-00-01/boot.ipxe
    52-54-00-00-00-01/preseed.cfg
    52-54-00-00-00-02/boot.ipxe
    52-54-00-00-00-02/preseed.cfg
    boot.ipxe
    profiles/debian-12/boot.ipxe
    profiles/debian-12/preseed.cfg
    ");
    for mac in ["52-54-00-00-00-01", "52-54-00-00-00-02"] {
        let answer = &files[&format!("{mac}/preseed.cfg")];
        assert!(answer.contains(&format!("/callback/{mac}/started")), "{answer}");
        let script = &files[&format!("{mac}/boot.ipxe")];
        assert!(script.contains(&format!("/machines/{mac}/preseed.cfg")), "{script}");
    }
}

#[test]
fn a_mistake_names_profile_line_and_variable() {
    assert_snapshot!(failure("quiet\nhostname={{ machine.nam }}"), @"profile `debian-12`: arguments, line 2: `machine.nam` is undefined");
    assert_snapshot!(failure("hostname={{ hostname }}"), @"profile `debian-12`: arguments, line 1: `hostname` is undefined");
    assert_snapshot!(failure("gateway={{ site.router }}"), @"profile `debian-12`: arguments, line 1: the value is none here; ask `{% if … %}` before it is written");
    assert_snapshot!(failure("quiet {% if %}"), @"profile `debian-12`: arguments, line 1: syntax error: unexpected end of block");
}

#[test]
fn a_profile_that_nobody_described_is_named() {
    let error =
        files(&[machine(Some("debian-13"))], &[debian()], &facts()).expect_err("no profile");
    assert_snapshot!(error, @"there is no profile `debian-13`");
    let facts = SiteFacts { unknown: Some("none-such".into()), ..facts() };
    assert_snapshot!(first_script(&[debian()], &facts).expect_err("no profile"), @"there is no profile `none-such`");
}
