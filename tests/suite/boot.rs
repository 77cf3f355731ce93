//! boot, asked by real clients: a DHCP exchange, names both ways, a TFTP read.

use std::process::Command;

use suite::machine::BareMachine;
use suite::site::{docker, engine_answers};
use suite::{Site, run};

const KNOWN: &str = "52:54:00:5a:00:01";
const STRANGER: &str = "52:54:00:5a:00:99";
const LATER: &str = "52:54:00:5a:00:02";

fn machines(site: &Site, macs: &[(&str, u8)]) {
    let entry = |(mac, n): &(&str, u8)| {
        format!(
            "[[machine]]\nname = \"m{n}\"\nmacs = [\"{mac}\"]\naddress = \"{}\"\n",
            site.host(*n)
        )
    };
    site.configure("machines.toml", &macs.iter().map(entry).collect::<Vec<_>>().join("\n"));
}

fn dig(site: &Site, question: &[&str]) -> String {
    let server = format!("@{}", site.address("boot"));
    let asked =
        run(Command::new("dig").args(["+short", "+time=2", "+tries=2", &server]).args(question));
    asked.ok().trim().to_owned()
}

#[test]
fn machines_get_their_address_their_names_and_their_loader() {
    if !engine_answers("boot") {
        return;
    }
    let site = Site::built();
    machines(&site, &[(KNOWN, 20)]);
    site.runctl(&["up", "boot"]).ok();

    let known = BareMachine::plugged_into(&site, KNOWN);
    assert_eq!(known.lease(), Some(site.host(20).to_string()));
    let stranger = BareMachine::plugged_into(&site, STRANGER);
    assert_eq!(stranger.lease(), None, "an unknown machine was answered");

    let address = site.address("data").to_string();
    assert_eq!(dig(&site, &["data01.rack.lan"]), address);
    assert_eq!(dig(&site, &["-x", &address]), "data01.rack.lan.");
    assert_eq!(dig(&site, &["m20.rack.lan"]), site.host(20).to_string());
    assert_eq!(dig(&site, &["-x", &site.host(20).to_string()]), "m20.rack.lan.");

    let folder = tempfile::tempdir().expect("a folder");
    for loader in ["undionly.kpxe", "snponly.efi"] {
        let file = folder.path().join(loader);
        let url = format!("tftp://{}/{loader}", site.address("boot"));
        run(Command::new("curl").args(["--silent", "--show-error", "-o"]).arg(&file).arg(url)).ok();
        let length = fs_err::metadata(&file).expect("the loader was read").len();
        assert!(length > 50_000, "{loader} has {length} bytes");
    }
}

#[test]
fn a_new_machine_applies_without_a_restart() {
    if !engine_answers("boot") {
        return;
    }
    let site = Site::built();
    machines(&site, &[(KNOWN, 20)]);
    site.runctl(&["up", "boot"]).ok();
    let since = started_at(&site);
    let later = BareMachine::plugged_into(&site, LATER);
    assert_eq!(later.lease(), None, "it is not known yet");

    machines(&site, &[(KNOWN, 20), (LATER, 21)]);
    site.runctl(&["up", "boot"]).ok();
    assert_eq!(later.lease(), Some(site.host(21).to_string()));
    assert_eq!(started_at(&site), since, "boot was restarted");
}

fn started_at(site: &Site) -> String {
    docker(&["inspect", "-f", "{{.State.StartedAt}}", &site.container("boot")]).ok()
}
