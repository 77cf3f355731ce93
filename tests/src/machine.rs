//! A bare machine on a site's bridge, as far as a network namespace can be one: a MAC, and what it asks for.

use std::process::Command;

use crate::{Finished, Site, run};

/// A namespace with one interface, `eth0`, that is plugged into the bridge; unplugged when dropped.
pub struct BareMachine {
    name: String,
}

impl BareMachine {
    /// Plugs a machine with this MAC into the site's bridge.
    pub fn plugged_into(site: &Site, mac: &str) -> Self {
        // Interface names are short: the site's name and the last bytes of the MAC tell machines apart.
        let short: String = mac.chars().filter(char::is_ascii_hexdigit).skip(8).collect();
        let name = format!("{}m{short}", site.name());
        let machine = Self { name };
        let name = machine.name.as_str();
        machine.unplug();
        ip(&["netns", "add", name]).ok();
        ip(&["link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name]).ok();
        ip(&["-n", name, "link", "set", "eth0", "address", mac, "up"]).ok();
        ip(&["link", "set", name, "master", &site.bridge(), "up"]).ok();
        machine
    }

    /// Runs a program on it.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Finished {
        let inside = ["netns", "exec", &self.name, program];
        run(Command::new("ip").args(inside).args(arguments))
    }

    /// Asks for an address as firmware does, and gives the one it was lent.
    pub fn lease(&self) -> Option<String> {
        // Three questions, two seconds each; -s /bin/true keeps the answer from being applied.
        let asked = self.run(
            "udhcpc",
            &["-i", "eth0", "-f", "-n", "-q", "-t", "3", "-T", "2", "-s", "/bin/true"],
        );
        let said = asked.stdout + &asked.stderr;
        let (_, lent) = said.split_once("lease of ")?;
        Some(lent.split_whitespace().next()?.to_owned())
    }

    fn unplug(&self) {
        drop(ip(&["link", "delete", &self.name]));
        drop(ip(&["netns", "delete", &self.name]));
    }
}

impl Drop for BareMachine {
    fn drop(&mut self) {
        self.unplug();
    }
}

fn ip(arguments: &[&str]) -> Finished {
    run(Command::new("ip").args(arguments))
}
