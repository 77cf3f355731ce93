//! Networks and their bridges.

use std::collections::HashMap;

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest};

use super::{Docker, none_if_missing};
use crate::engine::{LABEL_SITE, Network};
use crate::failure::{Class, Classify as _, Outcome};

impl Docker {
    /// Inspects a network; none if there is none of that name.
    pub async fn network(&self, name: &str) -> Outcome<Option<Network>> {
        let found = none_if_missing(self.client.inspect_network(name, None).await)
            .or_fail(Class::Engine, || format!("cannot inspect network `{name}`"))?;
        Ok(found.map(|found| {
            let configs = found.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
            let told = |ipv6: bool| configs.iter().find_map(|config| of_family(config, ipv6));
            let (subnet, host) = told(false).unwrap_or_default();
            let mut options = found.options.unwrap_or_default();
            Network {
                name: name.to_owned(),
                bridge: options.remove("com.docker.network.bridge.name").unwrap_or_default(),
                subnet,
                host: host.parse().unwrap_or([0; 4].into()),
                ipv6: told(true).and_then(|(subnet, host)| Some((subnet, host.parse().ok()?))),
                isolated: found.internal.unwrap_or(false),
            }
        }))
    }

    /// Makes a network and with it the bridge.
    pub async fn create_network(&self, site: &str, network: &Network) -> Outcome {
        let options = [
            ("com.docker.network.bridge.name", network.bridge.as_str()),
            ("com.docker.network.bridge.enable_icc", "true"),
        ];
        let config = |subnet: &str, host: String| IpamConfig {
            subnet: Some(subnet.to_owned()),
            gateway: Some(host),
            ..Default::default()
        };
        let ipv4 = config(&network.subnet, network.host.to_string());
        let ipv6 = network.ipv6.as_ref().map(|(subnet, host)| config(subnet, host.to_string()));
        let request = NetworkCreateRequest {
            name: network.name.clone(),
            driver: Some("bridge".to_owned()),
            internal: Some(network.isolated),
            enable_ipv6: Some(network.ipv6.is_some()),
            ipam: Some(Ipam {
                config: Some(std::iter::once(ipv4).chain(ipv6).collect()),
                ..Default::default()
            }),
            options: Some(options.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
            labels: Some(HashMap::from([(LABEL_SITE.to_owned(), site.to_owned())])),
            ..Default::default()
        };
        self.client.create_network(request).await.map(drop).or_fail(Class::Network, || {
            format!("cannot create network `{}` on bridge `{}`", network.name, network.bridge)
        })
    }

    /// Removes a network and its bridge; one that is not there is removed.
    pub async fn remove_network(&self, name: &str) -> Outcome {
        none_if_missing(self.client.remove_network(name).await)
            .map(drop)
            .or_fail(Class::Engine, || format!("cannot remove network `{name}`"))
    }
}

/// Subnet and gateway, where they are of this family: only IPv6 has colons.
fn of_family(config: &IpamConfig, ipv6: bool) -> Option<(String, String)> {
    let subnet = config.subnet.clone().filter(|subnet| subnet.contains(':') == ipv6)?;
    let host = config.gateway.clone().unwrap_or_default();
    // Some engines tell the gateway with the length of the subnet.
    Some((subnet, host.split('/').next().unwrap_or_default().to_owned()))
}
