//! `runctl status`: each service, asked in its own protocol, all at once.

use feeds::store::{Generation, Store};
use futures_util::future::join_all;
use serde::Serialize;

use super::Context;
use crate::engine::{Docker, SeenContainer, State};
use crate::failure::Outcome;
use crate::probe;
use crate::service::Service;
use crate::services::ServiceSpec;
use crate::site::Layout;
use crate::ui::table::Table;

#[derive(Serialize)]
struct Line {
    service: Service,
    state: &'static str,
    address: String,
    ready: bool,
    latency_ms: Option<f64>,
    answer: String,
    since: Option<String>,
    image: String,
    restarts: u64,
}

/// Shows the state of all services.
pub async fn status(context: &Context) -> Outcome {
    let site = context.site()?;
    let docker = Docker::connect().await?;
    let mut containers = docker.containers(&site.name).await?;
    let lines = Service::ALL.map(|service| {
        let spec = crate::services::spec(&site, service);
        let container = containers.remove(service.name());
        async move { ask(&spec, container).await }
    });
    let lines = join_all(lines).await;
    let generation = served(&context.layout);
    context.console.report(
        || serde_json::json!({ "site": site.name, "generation": generation.as_ref().map(|it| it.number), "services": lines }),
        || {
            let served = generation.as_ref().map_or_else(
                || "nothing fed yet: run `runctl feed`".to_owned(),
                |generation| format!("generation {}", generation.number),
            );
            format!("site {}, {}, {served}\n{}", site.name, site.bridge.name, table(&lines))
        },
    );
    Ok(())
}

/// The generation that is served; looking makes no folders.
fn served(layout: &Layout) -> Option<Generation> {
    let store = layout.store();
    store.is_dir().then(|| Store::open(store).ok()?.current().ok()?).flatten()
}

async fn ask(spec: &ServiceSpec, container: Option<SeenContainer>) -> Line {
    let running = container.as_ref().is_some_and(|container| container.state == State::Running);
    let answer = if running { Some(probe::ask_again(&spec.probe).await) } else { None };
    let (ready, latency_ms, answer) = match answer {
        Some(Ok(answer)) => (true, Some(answer.latency.as_secs_f64() * 1000.0), answer.detail),
        Some(Err(unready)) => (false, None, unready.to_string()),
        None => (false, None, String::new()),
    };
    let state = match &container {
        None => "down",
        Some(container) if container.state == State::Restarting => "crashing",
        Some(_) if ready => "ready",
        Some(container) if container.state == State::Running => "unready",
        Some(container) if container.state == State::Created => "created",
        Some(_) => "stopped",
    };
    let since = container.as_ref().map(|container| container.started.clone());
    Line {
        service: spec.service,
        state,
        address: spec.address.to_string(),
        ready,
        latency_ms,
        answer,
        since: since.filter(|since| !since.is_empty()),
        image: container.as_ref().map_or_else(String::new, |container| short(&container.image)),
        restarts: container.map_or(0, |container| container.restarts),
    }
}

/// The first twelve digits of an image's id, as the engine's own tools show it.
fn short(image: &str) -> String {
    image.trim_start_matches("sha256:").chars().take(12).collect()
}

fn table(lines: &[Line]) -> Table {
    let mut table = Table::new([
        "service", "state", "address", "latency", "since", "image", "restarts", "answer",
    ]);
    for line in lines {
        table.row([
            line.service.to_string(),
            line.state.to_owned(),
            line.address.clone(),
            line.latency_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1} ms")),
            line.since.as_deref().map_or_else(|| "-".to_owned(), ago),
            line.image.clone(),
            line.restarts.to_string(),
            line.answer.clone(),
        ]);
    }
    table
}

/// How long ago an instant was, in its two largest units at most.
fn ago(since: &str) -> String {
    let Ok(since) = since.parse::<jiff::Timestamp>() else {
        return since.to_owned();
    };
    let seconds = jiff::Timestamp::now().as_second().saturating_sub(since.as_second()).max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}
