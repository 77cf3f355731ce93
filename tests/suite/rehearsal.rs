//! A machine boots from the site with no way out, by BIOS and by UEFI.

use suite::Site;
use suite::site::engine_answers;

/// The shipped configuration, on this site's own addresses.
fn shipped(site: &Site) {
    let base =
        site.subnet().trim_end_matches("/27").rsplit_once('.').expect("an address").0.to_owned();
    let first: u8 = site.host(0).octets()[3];
    for file in
        ["boot.toml", "data.toml", "profiles.toml", "machines.toml", "answers/debian-12.preseed"]
    {
        let path = suite::repository().join("etc/booddies").join(file);
        let text = fs_err::read_to_string(path).expect("it is shipped");
        let text = text
            .replace("\"10.77.0.101\"", &format!("\"{base}.{}\"", first + 21))
            .replace("\"10.77.0.102\"", &format!("\"{base}.{}\"", first + 22));
        site.configure(file, &text);
    }
}

#[test]
fn machines_reach_their_installer_by_bios_and_by_uefi() {
    if !engine_answers("rehearsals") {
        return;
    }
    let site = Site::built();
    shipped(&site);
    site.runctl(&["up", "boot", "data"]).ok();
    site.runctl(&["feed", "data", "boot"]).ok();
    for machine in ["kvm-1", "kvm-2"] {
        let shot = site.path("shot.png");
        let told = site.runctl(&["rehearse", machine, "--shot", &shot.display().to_string()]).ok();
        for stage in ["offer", "loader", "script", "kernel", "initrd", "answer", "callback"] {
            assert!(told.to_lowercase().contains(stage), "{machine}: no {stage} in\n{told}");
        }
        assert!(shot.exists(), "{machine}: no screenshot");
    }
    // A machine whose kernel is not there stops, and the stage is named.
    fs_err::remove_file(site.state("machines/boot.ipxe")).expect("the first script is there");
    let said = site.runctl(&["rehearse", "kvm-1", "--json"]).fails();
    assert!(said.contains("script"), "{said}");
}
