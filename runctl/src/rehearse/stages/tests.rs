//! Lines as dnsmasq 2.90, nginx 1.22 and rack wrote them while a BIOS and a UEFI machine booted.

use super::*;

const BIOS: &str = r#"
13.1 boot dnsmasq-dhcp[7]: 1314760205 DHCPDISCOVER(eth0) 52:54:00:90:06:11
13.1 boot dnsmasq-dhcp[7]: 1314760205 DHCPOFFER(eth0) 10.90.6.17 52:54:00:90:06:11
13.1 boot dnsmasq-dhcp[7]: 1314760205 sent size: 36 option: 67 bootfile-name  http://10.90.6.8/boot.ipxe
15.0 boot dnsmasq-dhcp[7]: 1314760205 DHCPREQUEST(eth0) 10.90.6.17 52:54:00:90:06:11
15.0 boot dnsmasq-dhcp[7]: 1314760205 DHCPACK(eth0) 10.90.6.17 52:54:00:90:06:11 kvm-1
18.8 rack 2026-11-22T12:30:59.410Z 10.90.6.17 "GET /boot.ipxe HTTP/1.1" 200 555 "iPXE/1.0.0+git-20190125.36a4c85-5.1"
18.9 rack 2026-11-22T12:30:59.502Z 10.90.6.17 "GET /boot/52-54-00-90-06-11?arch=x86_64&platform=pcbios HTTP/1.1" 200 596 "iPXE/1.0.0+git-20190125.36a4c85-5.1"
19.4 data 2026-11-22T12:30:59.998Z 10.90.6.17 "GET /boot/debian-12/linux HTTP/1.1" 200 8222656 "iPXE/1.0.0+git-20190125.36a4c85-5.1"
23.0 data 2026-11-22T12:31:03.611Z 10.90.6.17 "GET /boot/debian-12/initrd.gz HTTP/1.1" 200 40810276 "iPXE/1.0.0+git-20190125.36a4c85-5.1"
92.5 rack 2026-11-22T12:32:13.104Z 10.90.6.17 "GET /install/abc123…/preseed.cfg HTTP/1.1" 200 382 "debian-installer"
97.2 rack 2026-11-22T12:32:17.820Z 10.90.6.17 "GET /callback/abc123…/started HTTP/1.1" 204 0 "Wget/1.21.3"
"#;

const UEFI: &str = r#"
20.0 boot dnsmasq-dhcp[7]: 1269465589 DHCPOFFER(eth0) 10.90.6.17 52:54:00:90:06:11
22.9 boot dnsmasq-tftp[7]: error 8 User aborted the transfer received from 10.90.6.17
22.9 boot dnsmasq-tftp[7]: sent /srv/tftp/snponly.efi to 10.90.6.17
23.4 boot dnsmasq-tftp[7]: sent /srv/tftp/snponly.efi to 10.90.6.17
27.0 boot dnsmasq-dhcp[7]: 3579461144 DHCPOFFER(eth0) 10.90.6.17 52:54:00:90:06:11
30.1 rack 2026-11-22T12:39:03.120Z 10.90.6.17 "GET /boot/52-54-00-90-06-11?arch=x86_64&platform=pcbios HTTP/1.1" 200 596 "iPXE/1.0.0+git-20190125.36a4c85-5.1"
"#;

fn journey(address: Option<Ipv4Addr>, way: &Way) -> Journey {
    Journey::new("52:54:00:90:06:11".parse().expect("a MAC"), address, way)
}

fn debian() -> Way {
    Way {
        kernel: Some("boot/debian-12/linux".into()),
        initrds: vec!["boot/debian-12/initrd.gz".into()],
        answered: true,
    }
}

/// Feeds lines of `SECONDS SERVICE TEXT`, and tells what was reached.
fn follow(journey: &mut Journey, lines: &str) -> String {
    let mut told = Vec::new();
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let mut parts = line.splitn(3, ' ');
        let seconds = parts.next().expect("seconds").parse().expect("a number");
        let service = match parts.next() {
            Some("boot") => Service::Boot,
            Some("rack") => Service::Rack,
            _ => Service::Data,
        };
        let text = parts.next().expect("a text").to_owned();
        for reached in journey.take(&Line { seconds, service, text }) {
            let Reached { stage, seconds, detail } = reached;
            told.push(format!("{seconds} {stage}: {detail}"));
        }
    }
    told.join("\n")
}

#[test]
fn a_card_with_ipxe_needs_no_loader() {
    let mut journey = journey(None, &debian());
    insta::assert_snapshot!(follow(&mut journey, BIOS), @r"
    13.1 offer: 10.90.6.17
    18.8 loader: iPXE of its own
    18.9 script: /boot/52-54-00-90-06-11
    19.4 kernel: /boot/debian-12/linux
    23 initrd: /boot/debian-12/initrd.gz
    92.5 answer file: /install/abc123…/preseed.cfg
    97.2 callback: started
    ");
    assert_eq!(journey.missing(), None);
}

#[test]
fn a_loader_comes_over_ipv6_too() {
    let mut journey = journey(None, &debian());
    let lines = r#"
20.0 boot dnsmasq-dhcp[7]: 7712133 DHCPREPLY(eth0) fd77:1::6e5d 00:01:00:01:31:dc:84:c7:52:54:00:90:06:11
20.1 boot dnsmasq-dhcp[7]: 7712133 DHCPREPLY(eth0) fd77:1::75fd 00:01:00:01:31:dc:84:c7:52:54:00:90:06:12
22.0 data 2026-11-23T02:55:48.000Z fd77:1::75fd "GET /built/loaders/snponly.efi HTTP/1.1" 200 173792 "UefiHttpBoot/1.0"
23.0 boot dnsmasq-tftp[7]: sent /srv/tftp/snponly.efi to fd77:1::6e5d
"#;
    insta::assert_snapshot!(follow(&mut journey, lines), @r"
    20 offer: fd77:1::6e5d
    23 loader: snponly.efi
    ");
}

#[test]
fn uefi_is_sent_its_loader_and_the_first_time_counts() {
    let mut journey = journey(None, &debian());
    insta::assert_snapshot!(follow(&mut journey, UEFI), @r"
    20 offer: 10.90.6.17
    22.9 loader: snponly.efi
    30.1 script: /boot/52-54-00-90-06-11
    ");
    assert_eq!(journey.missing(), Some(Stage::Kernel));
}

#[test]
fn grub_and_http_boot_and_a_proxy_are_understood() {
    let lines = r#"
9.0 boot dnsmasq-dhcp[7]: 77 PXE(eth0) 52:54:00:90:06:11 proxy
9.4 data 2026-11-22T12:30:50.000Z 10.90.6.17 "GET /built/loaders/shimx64.efi HTTP/1.1" 200 1036152 "UefiHttpBoot/1.0"
9.8 rack 2026-11-22T12:30:50.400Z 10.90.6.17 "GET /grub/52:54:00:90:06:11 HTTP/1.1" 200 300 "GRUB 2.12"
"#;
    let mut journey = journey(Some(Ipv4Addr::new(10, 90, 6, 17)), &debian());
    journey.end_at(Stage::Script);
    insta::assert_snapshot!(follow(&mut journey, lines), @r"
    9 offer: beside another DHCP server
    9.4 loader: shimx64.efi
    9.8 script: /grub/52:54:00:90:06:11
    ");
    assert_eq!(journey.missing(), None);
}

#[test]
fn other_machines_do_not_count() {
    let mut journey = journey(Some(Ipv4Addr::new(10, 90, 6, 1)), &debian());
    assert_eq!(follow(&mut journey, &BIOS.replace("06:11", "06:12").replace("06-11", "06-12")), "");
    assert_eq!(journey.missing(), Some(Stage::Offer));
    assert!(journey.evidence().is_empty());
}

#[test]
fn a_profile_without_answer_file_and_initrd_has_fewer_stages() {
    let mut journey = journey(None, &Way { initrds: Vec::new(), answered: false, ..debian() });
    let (until_kernel, _) = BIOS.split_once("19.4").expect("a kernel");
    follow(&mut journey, until_kernel);
    assert_eq!(journey.missing(), Some(Stage::Kernel));
    follow(&mut journey, BIOS.split_once("23.0").expect("an initrd").0);
    assert_eq!(journey.missing(), None);
}

#[test]
fn a_file_refused_again_and_again_ends_the_waiting() {
    let mut journey = journey(None, &debian());
    follow(&mut journey, BIOS.split_once("19.4").expect("a kernel").0);
    let refusal = r#"20.0 data 2026-11-22T12:31:00.000Z 10.90.6.17 "GET /boot/debian-12/linux HTTP/1.1" 404 153 "iPXE""#;
    follow(&mut journey, &format!("{refusal}\n{refusal}"));
    assert_eq!(journey.refused(), None);
    follow(&mut journey, refusal);
    assert_eq!(journey.refused(), Some("/boot/debian-12/linux"));
    assert_eq!(journey.missing(), Some(Stage::Kernel));
    let last = journey.evidence().last().expect("evidence");
    assert!(last.text.contains("404"), "{}", last.text);
}

#[test]
fn without_the_first_script_a_machine_goes_on_to_its_disk() {
    let mut journey = journey(None, &debian());
    let offer = BIOS.split_once("18.8").expect("a first script").0;
    let refusal =
        r#"18.8 rack 2026-11-22T12:30:59.410Z 10.90.6.17 "GET /boot.ipxe HTTP/1.1" 404 153 "iPXE""#;
    follow(&mut journey, &format!("{offer}{refusal}"));
    assert_eq!(journey.refused(), Some("/boot.ipxe"));
    assert_eq!(journey.missing(), Some(Stage::Script));
}

const INSTALL: &str = r#"
90.0 rack 2026-11-22T12:32:10.000Z 10.90.6.17 "GET /install/abc123…/install.conf HTTP/1.1" 200 382 "curl/7.88.1"
91.0 rack 2026-11-22T12:32:11.000Z 10.90.6.17 "POST /callback/abc123…/started HTTP/1.1" 204 0 "curl/7.88.1"
95.0 rack 2026-11-22T12:32:15.000Z 10.90.6.17 "POST /callback/abc123…/partitioned HTTP/1.1" 204 0 "curl/7.88.1"
"#;

#[test]
fn an_install_is_over_when_it_has_booted_from_its_disk() {
    let mut journey = journey(None, &debian()).into_its_disk();
    follow(&mut journey, BIOS);
    assert_eq!(journey.missing(), Some(Stage::Finished));
    let told = follow(
        &mut journey,
        r#"
300.0 rack 2026-11-22T12:35:40.000Z 10.90.6.17 "POST /callback/abc123…/finished HTTP/1.1" 204 0 "curl/7.88.1"
380.0 rack 2026-11-22T12:37:00.000Z 10.90.6.17 "POST /callback/abc123…/booted HTTP/1.1" 204 0 "curl/7.88.1""#,
    );
    assert_eq!(told, "300 finished: finished\n380 booted: booted");
    assert_eq!(journey.missing(), None);
}

#[test]
fn every_word_of_the_installer_is_told_once_and_a_failure_ends_it() {
    let mut journey = journey(Some([10, 90, 6, 17].into()), &debian()).into_its_disk();
    let told = follow(&mut journey, INSTALL);
    assert!(told.ends_with("91 callback: started\n95 callback: partitioned"), "{told}");
    assert_eq!(follow(&mut journey, INSTALL), "");
    assert!(!journey.failed());
    let failed = r#"97.0 rack 2026-11-22T12:32:17.000Z 10.90.6.17 "POST /callback/abc123…/failed HTTP/1.1" 204 0 "curl/7.88.1""#;
    assert_eq!(follow(&mut journey, failed), "97 callback: failed");
    assert!(journey.failed());
}
