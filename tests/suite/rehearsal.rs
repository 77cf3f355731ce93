//! A machine boots from the site with no way out, by BIOS and by UEFI.

use suite::Site;
use suite::site::engine_answers;

/// The shipped configuration, on this site's own addresses.
fn shipped(site: &Site) {
    site.configure_as_shipped(|file, text| {
        if file != "machines.toml" {
            return text;
        }
        text.replace("10.77.0.101", &site.host(21).to_string())
            .replace("10.77.0.102", &site.host(22).to_string())
    });
}

#[test]
fn machines_reach_their_installer_by_bios_and_by_uefi() {
    if !engine_answers("rehearsals") {
        return;
    }
    let site = Site::built();
    shipped(&site);
    site.runctl(&["up", "boot", "data", "rack"]).ok();
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
    let kernel = site.state("store/published/current/boot/debian-12/linux");
    fs_err::remove_file(kernel).expect("the kernel is there");
    let said = site.runctl(&["rehearse", "kvm-1", "--json"]).fails();
    assert!(said.contains("has no file `linux`"), "{said}");
}
