//! The one rule that runctl needs: frames may pass from port to port of the site's bridge.
//!
//! On an isolated network the engine drops what is not from its subnet to its subnet, and a DHCP DISCOVER is neither.
//! Where bridged frames pass through iptables (`bridge-nf-call-iptables`), it would never reach dnsmasq.

use std::process::{Output, Stdio};

use crate::failure::{Class, Classify as _, Failure, Outcome};

/// The engine's own chain for rules of the operator: it survives restarts of the engine.
const CHAIN: &str = "DOCKER-USER";

/// Whether bridged frames pass through iptables.
pub fn frames_are_filtered() -> bool {
    fs_err::read_to_string("/proc/sys/net/bridge/bridge-nf-call-iptables")
        .is_ok_and(|value| value.trim() != "0")
}

/// Whether the rule stands, in each table that needs it.
pub async fn has_passage(bridge: &str) -> Outcome<bool> {
    if !frames_are_filtered() {
        return Ok(false);
    }
    for program in programs().await {
        if !stands(program, bridge).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Puts the rule first in the chain.
pub async fn make_passage(bridge: &str) -> Outcome {
    for program in programs().await {
        if !stands(program, bridge).await? {
            change(program, "-I", bridge).await?;
        }
    }
    Ok(())
}

/// Takes the rule back.
pub async fn remove_passage(bridge: &str) -> Outcome {
    for program in programs().await {
        if stands(program, bridge).await? {
            change(program, "-D", bridge).await?;
        }
    }
    Ok(())
}

/// The engine filters IPv4, and newer ones IPv6 too: then routers and DHCPv6 would not be heard either.
async fn programs() -> Vec<&'static str> {
    let filters_six = run("ip6tables", &["-S", CHAIN]).await.is_ok_and(|it| it.status.success());
    std::iter::once("iptables").chain(filters_six.then_some("ip6tables")).collect()
}

async fn stands(program: &'static str, bridge: &str) -> Outcome<bool> {
    Ok(rule(program, "-C", bridge).await?.status.success())
}

async fn change(program: &'static str, action: &str, bridge: &str) -> Outcome {
    let output = rule(program, action, bridge).await?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::say(
        Class::Network,
        format!("{program} {action} {CHAIN} for {bridge} failed: {said}"),
    )
    .hint("is the docker engine running with its iptables option on?"))
}

async fn rule(program: &'static str, action: &str, bridge: &str) -> Outcome<Output> {
    run(program, &[action, CHAIN, "-i", bridge, "-o", bridge, "-j", "ACCEPT"]).await
}

async fn run(program: &'static str, arguments: &[&str]) -> Outcome<Output> {
    tokio::process::Command::new(program)
        .args(["-w", "10"])
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .or_fail(Class::Missing, || format!("cannot run {program}"))
        .map_err(|failure| failure.hint("install the package `iptables`"))
}
