//! The words of the control socket: what runctl asks the rack service, and what it is told.

use serde::{Deserialize, Serialize};

use crate::{InstallState, Mac};

/// `POST /arm`: the machine is installed at its next boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arm {
    /// Name of the machine.
    pub machine: String,
    /// Name of the profile; none takes the machine's own.
    pub profile: Option<String>,
    /// Seconds until the token expires; none takes the site's.
    pub lifetime: Option<u64>,
}

/// `POST /disarm`: whatever is armed or runs on this machine is called off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disarm {
    /// Name of the machine.
    pub machine: String,
}

/// Why the service refuses, as the body of its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// What was wrong.
    pub error: String,
    /// What to do.
    pub hint: Option<String>,
}

/// `GET /machines` (all, briefly) and `GET /machines/<name>` (one, with events, earlier installs and reports).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineStatus {
    /// Its name.
    pub name: String,
    /// When and from where its interfaces asked for their scripts.
    pub seen: Vec<Sighting>,
    /// Its latest install.
    pub install: Option<InstallStatus>,
    /// Installs before that, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<InstallStatus>,
    /// Hardware reports, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<Report>,
}

/// `GET /strangers`, and what a machine shows: one interface that asked for its boot script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The interface.
    pub mac: Mac,
    /// Where it asked from last.
    pub address: std::net::Ipv4Addr,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// What it said of itself: architecture, platform, manufacturer, serial.
    pub said: Said,
}

/// What a loader tells of its machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The loader's word for the processor.
    #[serde(default, rename = "arch", skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// `pcbios` or `efi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Who made the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// Its serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
}

/// One install and how far it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallStatus {
    /// The machine.
    pub machine: String,
    /// The profile.
    pub profile: String,
    /// Whether it waits, runs, or how it ended.
    pub state: InstallState,
    /// The last stage that was told; empty before the first.
    pub stage: String,
    /// Why it ended so.
    pub why: Option<String>,
    /// The first characters of its token.
    pub token: String,
    /// When it was armed, in seconds since 1970.
    pub armed_at: u64,
    /// When its token expires, in seconds since 1970.
    pub expires_at: u64,
    /// When it ended, in seconds since 1970.
    pub ended_at: Option<u64>,
    /// How often its script was served.
    pub served: u32,
    /// Where that went last.
    pub address: Option<std::net::Ipv4Addr>,
    /// All that happened, oldest first; only where one machine is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
}

/// Something that happened in an install.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// `armed`, `script`, `file`, or the stage that the installer told.
    pub stage: String,
    /// The rest of it.
    pub detail: String,
}

/// A live system's report of its hardware.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The interface that it was sent for.
    pub mac: Mac,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// What was sent.
    pub body: serde_json::Value,
}
