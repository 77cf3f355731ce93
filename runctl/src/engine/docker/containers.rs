//! Containers: what is there, made, started, stopped, and what it wrote.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, ContainerStateStatusEnum, EndpointIpamConfig, EndpointSettings,
    HostConfig, HostConfigLogConfig, NetworkConnectRequest, NetworkingConfig, RestartPolicy,
    RestartPolicyNameEnum,
};
use bollard::query_parameters as query;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use super::{Docker, none_if_missing, version_number};
use crate::engine::{
    LABEL_SERVICE, LABEL_SITE, LABEL_SPEC, LogLine, LogRange, SeenContainer, State,
};
use crate::failure::{Class, Classify as _, Outcome};
use crate::services::ServiceSpec;

/// From this API on an endpoint's MAC is obeyed; before, only the container's own field is.
const API_WITH_ENDPOINT_MAC: &str = "1.44";

impl Docker {
    /// Lists the site's containers, by service name.
    pub async fn containers(&self, site: &str) -> Outcome<HashMap<String, SeenContainer>> {
        let filters = HashMap::from([("label", vec![format!("{LABEL_SITE}={site}")])]);
        let options =
            query::ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let listed =
            self.client.list_containers(Some(options)).await.or_fail(Class::Engine, || {
                format!("cannot list the containers of site `{site}`")
            })?;
        let mut seen = HashMap::new();
        for summary in listed {
            let labels = summary.labels.unwrap_or_default();
            let (Some(service), Some(id)) = (labels.get(LABEL_SERVICE), summary.id) else {
                continue;
            };
            if let Some(container) = self.container(&id).await? {
                seen.insert(service.clone(), container);
            }
        }
        Ok(seen)
    }

    /// Inspects one container; none if there is none of that name.
    pub async fn container(&self, name: &str) -> Outcome<Option<SeenContainer>> {
        let found = self.client.inspect_container(name, None).await;
        let Some(found) = none_if_missing(found)
            .or_fail(Class::Engine, || format!("cannot inspect container `{name}`"))?
        else {
            return Ok(None);
        };
        let state = found.state.unwrap_or_default();
        let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
        Ok(Some(SeenContainer {
            name: found.name.unwrap_or_default().trim_start_matches('/').to_owned(),
            spec: labels.get(LABEL_SPEC).cloned().unwrap_or_default(),
            state: match state.status {
                Some(ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::PAUSED) => {
                    State::Running
                }
                Some(ContainerStateStatusEnum::RESTARTING) => State::Restarting,
                Some(ContainerStateStatusEnum::CREATED) => State::Created,
                _ => State::Stopped,
            },
            image: found.image.unwrap_or_default(),
            started: state.started_at.filter(|at| !at.starts_with("0001")).unwrap_or_default(),
            restarts: found.restart_count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0),
            exit_code: state.exit_code.unwrap_or(0),
        }))
    }

    /// Makes a container of a spec, without starting it.
    pub async fn create(
        &self,
        site: &str,
        spec: &ServiceSpec,
        hash: &str,
        network: &str,
    ) -> Outcome {
        let body = self.create_body(site, spec, hash, network)?;
        let options = query::CreateContainerOptionsBuilder::new().name(&spec.container).build();
        // The client library has no field for a container's own MAC, the only one that an older engine obeys.
        let client = self.client.clone().with_request_modifier(move |mut request| {
            *request.body_mut() = bollard::body_full(body.clone());
            request
        });
        client
            .create_container(Some(options), ContainerCreateBody::default())
            .await
            .or_fail(Class::Engine, || format!("cannot create container `{}`", spec.container))?;
        let Some(uplink) = &spec.uplink else {
            return Ok(());
        };
        let connected = self.join(&spec.container, uplink).await;
        if connected.is_err() {
            // Or it would be started without next time.
            self.remove(&spec.container).await?;
        }
        connected
    }

    /// Joins a container to one more network.
    async fn join(&self, container: &str, network: &str) -> Outcome {
        let request =
            NetworkConnectRequest { container: container.to_owned(), endpoint_config: None };
        self.client.connect_network(network, request).await.or_fail(Class::Engine, || {
            format!("cannot join container `{container}` to network `{network}`")
        })
    }

    fn create_body(
        &self,
        site: &str,
        spec: &ServiceSpec,
        hash: &str,
        network: &str,
    ) -> Outcome<Bytes> {
        let endpoint = EndpointSettings {
            ipam_config: Some(EndpointIpamConfig {
                ipv4_address: Some(spec.address.to_string()),
                ipv6_address: spec.address6.map(|address| address.to_string()),
                ..Default::default()
            }),
            mac_address: Some(spec.mac.clone()),
            ..Default::default()
        };
        let labels = [(LABEL_SITE, site), (LABEL_SERVICE, spec.service.name()), (LABEL_SPEC, hash)];
        let body = ContainerCreateBody {
            hostname: Some(spec.hostname.clone()),
            user: spec.user.clone(),
            env: Some(
                spec.environment.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            ),
            cmd: Some(spec.command.clone()).filter(|command| !command.is_empty()),
            image: Some(spec.image.clone()),
            labels: Some(labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
            host_config: Some(host_config(spec, network)),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])),
            }),
            ..Default::default()
        };
        let told = || format!("cannot describe container `{}`", spec.container);
        let mut body = serde_json::to_value(body).or_fail(Class::Unexpected, told)?;
        if version_number(&self.api) < version_number(API_WITH_ENDPOINT_MAC) {
            body["MacAddress"] = spec.mac.clone().into();
        }
        Ok(serde_json::to_vec(&body).or_fail(Class::Unexpected, told)?.into())
    }

    /// Starts a container.
    pub async fn start(&self, name: &str) -> Outcome {
        self.client
            .start_container(name, None)
            .await
            .or_fail(Class::Engine, || format!("cannot start container `{name}`"))
    }

    /// Stops a container, killing it after so many seconds; one that is not there is stopped.
    pub async fn stop(&self, name: &str, seconds: i32) -> Outcome {
        let options = query::StopContainerOptionsBuilder::new().t(seconds).build();
        none_if_missing(self.client.stop_container(name, Some(options)).await)
            .map(drop)
            .or_fail(Class::Engine, || format!("cannot stop container `{name}`"))
    }

    /// Stops a container if need be and starts it again.
    pub async fn restart(&self, name: &str, seconds: i32) -> Outcome {
        let options = query::RestartContainerOptionsBuilder::new().t(seconds).build();
        self.client
            .restart_container(name, Some(options))
            .await
            .or_fail(Class::Engine, || format!("cannot restart container `{name}`"))
    }

    /// Removes a container, running or not; one that is not there is removed.
    pub async fn remove(&self, name: &str) -> Outcome {
        let options = query::RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        none_if_missing(self.client.remove_container(name, Some(options)).await)
            .map(drop)
            .or_fail(Class::Engine, || format!("cannot remove container `{name}`"))
    }

    /// Sends a signal to a container's first process.
    pub async fn signal(&self, name: &str, signal: &str) -> Outcome {
        let options = query::KillContainerOptionsBuilder::new().signal(signal).build();
        self.client
            .kill_container(name, Some(options))
            .await
            .or_fail(Class::Engine, || format!("cannot send {signal} to container `{name}`"))
    }

    /// Reads what a container wrote, oldest first.
    pub fn logs(
        &self,
        name: &str,
        range: LogRange,
    ) -> impl Stream<Item = Outcome<LogLine>> + Unpin + use<> {
        let mut options = query::LogsOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .follow(range.follow);
        if let Some(tail) = range.tail {
            options = options.tail(&tail.to_string());
        }
        if let Some(since) = range.since {
            options = options.since(i32::try_from(since).unwrap_or(i32::MAX));
        }
        let tried = format!("cannot read the log of container `{name}`");
        self.client.logs(name, Some(options.build())).boxed().map(move |output| {
            let text = output.or_fail(Class::Engine, || tried.clone())?.to_string();
            let (time, text) = text.trim_end().split_once(' ').unwrap_or((text.trim_end(), ""));
            Ok(LogLine { time: time.to_owned(), text: text.to_owned() })
        })
    }
}

fn host_config(spec: &ServiceSpec, network: &str) -> HostConfig {
    let bind = |mount: &crate::services::Mount| {
        let access = if mount.read_only { "ro" } else { "rw" };
        format!("{}:{}:{access}", mount.source.display(), mount.target)
    };
    let tmpfs = spec.tmpfs.iter().map(|(path, options)| ((*path).into(), (*options).into()));
    let log_options = [("max-size", "10m"), ("max-file", "3")];
    HostConfig {
        binds: Some(spec.mounts.iter().map(bind).collect()),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(spec.capabilities.iter().map(|&name| name.to_owned()).collect()),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        readonly_rootfs: Some(true),
        tmpfs: Some(tmpfs.collect()),
        memory: i64::try_from(spec.memory).ok(),
        pids_limit: Some(spec.pids),
        network_mode: Some(network.to_owned()),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(log_options.map(|(name, value)| (name.into(), value.into())).into()),
        }),
        // A container that dies is brought back by the engine, with its own growing pauses.
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::UNLESS_STOPPED),
            maximum_retry_count: None,
        }),
        ..Default::default()
    }
}
