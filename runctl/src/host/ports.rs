//! Ports of the host that stand in the way: a DHCP server that listens on every interface answers on the bridge too.

use std::process::Stdio;

use crate::failure::{Class, Failure, Outcome};
use crate::site::Site;

/// Fails where something on this host would answer DHCP on the site's bridge beside boot.
pub async fn refuse_dhcp_servers(site: &Site) -> Outcome {
    let listed = tokio::process::Command::new("ss")
        .args(["-H", "-u", "-l", "-p", "-n", "sport = :67"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    let Ok(listed) = listed else {
        // Without iproute2 the probe still tells a rival, only later.
        tracing::debug!("cannot list the host's sockets with `ss`");
        return Ok(());
    };
    let text = String::from_utf8_lossy(&listed.stdout);
    let host = site.host.to_string();
    let Some(who) = text.lines().find_map(|line| listener(line, &host)) else {
        return Ok(());
    };
    let bridge = &site.bridge.name;
    Err(Failure::say(
        Class::Network,
        format!(
            "UDP port 67 of this host is in use by {who}: it would answer DHCP on {bridge} too"
        ),
    )
    .hint(format!("stop it, or bind it to its own interface; boot answers on {bridge}")))
}

/// Says who listens, if a line of `ss` tells of a socket that hears what is broadcast on any interface.
fn listener(line: &str, host: &str) -> Option<String> {
    let mut fields = line.split_whitespace().skip(3);
    let (address, _port) = fields.next()?.rsplit_once(':')?;
    // `address%interface` is bound to one interface: not ours, which does not exist yet.
    if !["0.0.0.0", "*", "[::]", host].contains(&address) {
        return None;
    }
    let users = fields.nth(1).unwrap_or_default();
    let name = users.split('"').nth(1).unwrap_or("another process");
    let pid = users.split("pid=").nth(1).and_then(|rest| rest.split(',').next());
    Some(pid.map_or_else(|| format!("`{name}`"), |pid| format!("`{name}` (process {pid})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sockets_that_hear_every_interface_stand_in_the_way() {
        let line = |local: &str| {
            format!(r#"UNCONN 0 0 {local}:67 0.0.0.0:* users:(("dnsmasq",pid=812,fd=4))"#)
        };
        let told = Some("`dnsmasq` (process 812)".to_owned());
        assert_eq!(listener(&line("0.0.0.0"), "10.77.0.1"), told);
        assert_eq!(listener(&line("10.77.0.1"), "10.77.0.1"), told);
        assert_eq!(listener(&line("0.0.0.0%virbr0"), "10.77.0.1"), None);
        assert_eq!(listener(&line("192.0.2.7"), "10.77.0.1"), None);
        assert_eq!(
            listener("UNCONN 0 0 *:67 *:*", "10.77.0.1").as_deref(),
            Some("`another process`")
        );
    }
}
