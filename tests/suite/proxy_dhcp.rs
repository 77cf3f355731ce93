//! boot beside another DHCP server: that one lends the addresses, boot adds the loader, and strangers notice nothing.

use std::process::Command;

use suite::machine::BareMachine;
use suite::site::engine_answers;
use suite::{Site, run};

use crate::firmware::feed_kernels;

const RIVAL: &str = "52:54:00:5e:00:01";
const BIOS: &str = "52:54:00:5e:00:11";
const UEFI: &str = "52:54:00:5e:00:12";
const STRANGER: &str = "52:54:00:5e:00:99";

/// A real DHCP server on the site's bridge, which knows nothing of booting; it ends with its machine.
struct Rival {
    machine: BareMachine,
    folder: tempfile::TempDir,
}

impl Rival {
    /// Starts it; it lends the addresses from the 20th to the 29th, the known machines theirs.
    fn beside(site: &Site) -> Self {
        let rival = Self {
            machine: BareMachine::plugged_into(site, RIVAL),
            folder: tempfile::tempdir().expect("a folder"),
        };
        let file = |name: &str| rival.folder.path().join(name).display().to_string();
        let conf = format!(
            "start {}\nend {}\ninterface eth0\nmax_leases 10\nopt subnet 255.255.255.224\n\
             lease_file {}\npidfile {}\nstatic_lease {BIOS} {}\nstatic_lease {UEFI} {}\n",
            site.host(20),
            site.host(29),
            file("leases"),
            file("pid"),
            site.host(21),
            site.host(22),
        );
        fs_err::write(file("udhcpd.conf"), conf).expect("its configuration is written");
        fs_err::write(file("leases"), "").expect("its leases are written");
        let own = format!("{}/27", site.host(19));
        rival.machine.run("ip", &["address", "add", &own, "dev", "eth0"]).ok();
        rival.machine.run("udhcpd", &["-S", &file("udhcpd.conf")]).ok();
        rival
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        let pid = fs_err::read_to_string(self.folder.path().join("pid")).unwrap_or_default();
        if !pid.trim().is_empty() {
            drop(run(Command::new("kill").arg(pid.trim())));
        }
    }
}

#[test]
fn beside_another_dhcp_server_boot_adds_the_loader() {
    if !engine_answers("DHCP beside another server") {
        return;
    }
    let site = Site::built();
    let machine = |name: &str, mac: &str, n: u8, firmware: &str| {
        format!(
            "[[machine]]\nname = \"{name}\"\nmacs = [\"{mac}\"]\naddress = \"{}\"\n\
             firmware = \"{firmware}\"\nprofile = \"kernel-amd64\"\n",
            site.host(n)
        )
    };
    let machines = [machine("old", BIOS, 21, "bios"), machine("new", UEFI, 22, "uefi")];
    site.configure("machines.toml", &machines.concat());
    feed_kernels(&site, &[("x86_64", "amd64")], "dhcp = \"proxy\"\n");
    // Made before boot, as on a segment where that server has always been.
    site.runctl(&["up", "data"]).ok();
    let rival = Rival::beside(&site);
    let told = site.runctl(&["up", "boot", "data", "rack"]).ok();
    assert!(told.contains("DHCP adds the loader"), "{told}");

    let stranger = BareMachine::plugged_into(&site, STRANGER);
    let lent = stranger.lease().expect("the other server lends an address");
    assert!(lent.starts_with("10."), "{lent}");
    for (name, loader) in [("old", "iPXE"), ("new", "snponly.efi")] {
        let told = site.runctl(&["rehearse", name, "--until", "kernel", "--timeout", "300"]).ok();
        eprintln!("{told}");
        assert!(told.contains("beside another DHCP server") && told.contains(loader), "{told}");
    }
    drop(rival);
    // Alone it lends nothing: it never was the one.
    assert_eq!(stranger.lease(), None);
}
