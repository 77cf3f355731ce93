//! `runctl restart`: stops and starts containers as they are.

use std::time::Duration;

use super::services::Services;
use super::{Context, lock_engine};
use crate::engine::Docker;
use crate::failure::{Class, Failure, Outcome};
use crate::plan::STOP_SECONDS;
use crate::supervise;

/// Restarts services that exist, and waits until they are ready.
pub async fn restart(context: &Context, services: &Services) -> Outcome {
    let site = context.site()?;
    let docker = Docker::connect().await?;
    let _lock = lock_engine(&site, "restart", Duration::ZERO).await?;
    for service in services.chosen() {
        let spec = crate::services::spec(&site, service);
        if docker.container(&spec.container).await?.is_none() {
            if services.is_all() {
                continue;
            }
            return Err(Failure::say(Class::Engine, format!("service {service} is not up"))
                .hint(format!("run `runctl up {service}`")));
        }
        docker.restart(&spec.container, STOP_SECONDS).await?;
        let ready = supervise::until_ready(&docker, &spec).await?;
        context.console.report(
            || serde_json::json!({ "service": service, "seconds": ready.after.as_secs_f64() }),
            || format!("{service} is ready again after {:.1} s\n", ready.after.as_secs_f64()),
        );
    }
    Ok(())
}
