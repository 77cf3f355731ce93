//! Follows one container until its probe passes, and afterwards for as long as it should live.

use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;

use crate::engine::{Docker, LogRange, SeenContainer, State};
use crate::failure::{Class, Failure, Outcome};
use crate::probe;
use crate::services::ServiceSpec;
use crate::ui::quoted;

/// How long a service may take to become ready.
const PATIENCE: Duration = Duration::from_mins(1);
/// Pause between two questions while it starts.
const PAUSE: Duration = Duration::from_millis(150);
/// So many returns before readiness are a crash loop.
const LOOP: u64 = 3;
/// How many of its last lines are shown when a service fails.
const LAST_LINES: usize = 10;

/// A service that answered.
#[derive(Clone, Debug)]
pub struct Ready {
    /// How long it took from the first question on.
    pub after: Duration,
    /// What it answered.
    pub detail: String,
}

/// Asks until the service answers; tells a crash loop as such, with its last log lines.
pub async fn until_ready(docker: &Docker, spec: &ServiceSpec) -> Outcome<Ready> {
    let begin = Instant::now();
    let before = docker.container(&spec.container).await?.map_or(0, |container| container.restarts);
    loop {
        let unready = match probe::ask(&spec.probe).await {
            Ok(answer) => {
                return Ok(Ready { after: begin.elapsed(), detail: answer.detail });
            }
            Err(unready) => unready,
        };
        // Waiting does not make a rival go away.
        if unready.is_network() {
            return Err(Failure::new(Class::Network, unready)
                .hint("find it by its address and stop it, or take its cable off the bridge"));
        }
        let Some(container) = docker.container(&spec.container).await? else {
            let gone = format!("container {} is gone", spec.container);
            return Err(Failure::say(Class::Engine, gone).hint("run `runctl up` again"));
        };
        if container.restarts >= before + LOOP || container.state == State::Stopped {
            return Err(ended(docker, spec, &container).await);
        }
        if begin.elapsed() > PATIENCE {
            let lines = last_lines(docker, &spec.container).await;
            let told = format!(
                "{} runs but is not ready after {} s: {unready}{lines}",
                spec.service,
                PATIENCE.as_secs()
            );
            return Err(Failure::say(Class::Engine, told)
                .hint(format!("see `runctl logs {}`", spec.service)));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The failure of a container that ended and stays down, or ends again and again.
pub async fn ended(docker: &Docker, spec: &ServiceSpec, container: &SeenContainer) -> Failure {
    let lines = last_lines(docker, &spec.container).await;
    let service = spec.service;
    let told = if container.state == State::Stopped {
        format!("{service} ended with exit code {}{lines}", container.exit_code)
    } else {
        format!(
            "{service} ends again and again (crash loop, {} restarts, exit code {}){lines}",
            container.restarts, container.exit_code,
        )
    };
    Failure::say(Class::Engine, told).hint(format!(
        "mend what its last lines say, then `runctl up {service}`; all of them: `runctl logs {service}`",
    ))
}

async fn last_lines(docker: &Docker, container: &str) -> String {
    let range = LogRange { tail: Some(LAST_LINES), ..LogRange::default() };
    let lines: Vec<_> = docker.logs(container, range).try_collect().await.unwrap_or_default();
    let mut texts: Vec<_> = lines.iter().map(|line| line.text.trim()).collect();
    texts.retain(|text| !text.is_empty());
    // What a crash loop says, it says each time.
    texts.dedup();
    quoted(&texts)
}
