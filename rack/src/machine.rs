//! A machine: a bare server or VM by its MACs.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::{Firmware, Mac};

/// A bare server or VM, known by its MACs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Host name without domain.
    pub name: String,
    /// Its interfaces; the first boots.
    pub macs: Vec<Mac>,
    /// Fixed address; none takes one of the pool.
    pub address: Option<Ipv4Addr>,
    /// Name of its profile; none boots from local disk.
    pub profile: Option<String>,
    /// How it starts.
    pub firmware: Firmware,
    /// Serial console, as the kernel names it: `ttyS0,115200`.
    pub serial: Option<String>,
    /// Free words for templates; they win over the profile's.
    pub parameters: BTreeMap<String, String>,
}
