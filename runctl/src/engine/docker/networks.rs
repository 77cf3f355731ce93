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
            let config = found.ipam.and_then(|ipam| ipam.config).and_then(|mut all| all.pop());
            let config = config.unwrap_or_default();
            let mut options = found.options.unwrap_or_default();
            Network {
                name: name.to_owned(),
                bridge: options.remove("com.docker.network.bridge.name").unwrap_or_default(),
                subnet: config.subnet.unwrap_or_default(),
                host: config.gateway.and_then(|host| host.parse().ok()).unwrap_or([0; 4].into()),
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
        let request = NetworkCreateRequest {
            name: network.name.clone(),
            driver: Some("bridge".to_owned()),
            internal: Some(network.isolated),
            ipam: Some(Ipam {
                config: Some(vec![IpamConfig {
                    subnet: Some(network.subnet.clone()),
                    gateway: Some(network.host.to_string()),
                    ..Default::default()
                }]),
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
