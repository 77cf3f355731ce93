//! Services named on the command line: the argument that several verbs have.

use clap::Args;

use crate::service::Service;

/// Services named on the command line.
#[derive(Debug, Args)]
pub struct Services {
    /// Which services; all where none is named.
    #[arg(value_enum, value_name = "SERVICE")]
    named: Vec<Service>,
}

impl Services {
    /// The named services in the order in which they start, or all.
    pub fn chosen(&self) -> Vec<Service> {
        Service::ALL
            .into_iter()
            .filter(|service| self.named.is_empty() || self.named.contains(service))
            .collect()
    }

    /// Whether none was named.
    pub fn is_all(&self) -> bool {
        self.named.is_empty()
    }
}
