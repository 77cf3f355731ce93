//! The one rule that runctl needs: frames may pass from port to port of the site's bridge.
//!
//! On an isolated network the engine drops what is not from its subnet to its subnet, and a DHCP DISCOVER is neither.
//! Where bridged frames pass through iptables (`bridge-nf-call-iptables`), it would never reach dnsmasq.

use std::process::Stdio;

use crate::failure::{Class, Classify as _, Failure, Outcome};

/// The engine's own chain for rules of the operator: it survives restarts of the engine.
const CHAIN: &str = "DOCKER-USER";

/// Whether bridged frames pass through iptables.
pub fn frames_are_filtered() -> bool {
    fs_err::read_to_string("/proc/sys/net/bridge/bridge-nf-call-iptables")
        .is_ok_and(|value| value.trim() != "0")
}

/// Whether the rule stands.
pub async fn has_passage(bridge: &str) -> Outcome<bool> {
    if !frames_are_filtered() {
        return Ok(false);
    }
    Ok(iptables("-C", bridge).await?.status.success())
}

/// Puts the rule first in the chain.
pub async fn make_passage(bridge: &str) -> Outcome {
    expect_success("-I", bridge).await
}

/// Takes the rule back.
pub async fn remove_passage(bridge: &str) -> Outcome {
    expect_success("-D", bridge).await
}

async fn expect_success(action: &str, bridge: &str) -> Outcome {
    let output = iptables(action, bridge).await?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::say(
        Class::Network,
        format!("iptables {action} {CHAIN} for {bridge} failed: {said}"),
    )
    .hint("is the docker engine running with its iptables option on?"))
}

async fn iptables(action: &str, bridge: &str) -> Outcome<std::process::Output> {
    tokio::process::Command::new("iptables")
        .args(["-w", "10", action, CHAIN, "-i", bridge, "-o", bridge, "-j", "ACCEPT"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .or_fail(Class::Missing, || "cannot run iptables".to_owned())
        .map_err(|failure| failure.hint("install the package `iptables`"))
}
