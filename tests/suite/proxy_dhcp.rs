//! boot beside another DHCP server: that one lends the addresses, boot adds the loader, and strangers notice nothing. Asked
//! by the probe, which speaks as firmware does, and by a stranger in a namespace; no VM boots so yet.

use std::process::Command;

use suite::machine::BareMachine;
use suite::site::engine_answers;
use suite::{Site, run};

const RIVAL: &str = "52:54:00:5e:00:01";
const STRANGER: &str = "52:54:00:5e:00:99";

/// A real DHCP server on the site's bridge, which knows nothing of booting; it ends with its machine.
struct Rival {
    machine: BareMachine,
    folder: tempfile::TempDir,
}

impl Rival {
    /// Starts it; it lends the addresses from the 20th to the 29th.
    fn beside(site: &Site) -> Self {
        let rival = Self {
            machine: BareMachine::plugged_into(site, RIVAL),
            folder: tempfile::tempdir().expect("a folder"),
        };
        let file = |name: &str| rival.folder.path().join(name).display().to_string();
        let conf = format!(
            "start {}\nend {}\ninterface eth0\nmax_leases 10\nopt subnet 255.255.255.224\n\
             lease_file {}\npidfile {}\n",
            site.host(20),
            site.host(29),
            file("leases"),
            file("pid"),
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
    site.configure("boot.toml", "dhcp = \"proxy\"\n");
    // Made before boot, as on a segment where that server has always been.
    site.runctl(&["up", "data"]).ok();
    let rival = Rival::beside(&site);
    let told = site.runctl(&["up", "boot"]).ok();
    assert!(told.contains("DHCP adds the loader"), "{told}");

    let stranger = BareMachine::plugged_into(&site, STRANGER);
    let lent = stranger.lease().expect("the other server lends an address");
    assert!((20..=29).any(|n| lent == site.host(n).to_string()), "{lent} is not of its range");
    drop(rival);
    // Alone it lends nothing: it never was the one.
    assert_eq!(stranger.lease(), None);
}
