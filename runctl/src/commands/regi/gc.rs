//! `runctl regi gc`: the registry's own collection of garbage, while nobody can write.
//!
//! A blob of an image that is just being pushed would be garbage: so regi takes no writes meanwhile, and is started anew
//! before, to end those under way, and after, for it remembers blobs that are gone.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::commands::{Context, lock_engine};
use crate::engine::Docker;
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::host::lock;
use crate::plan::STOP_SECONDS;
use crate::service::Service;
use crate::services::{self, ServiceSpec};
use crate::site::Site;
use crate::supervise;

/// As long as this file lies beside its blobs, regi takes no writes.
const CLOSED: &str = "read-only";
/// What the registry says of each blob that goes.
const GOES: &str = "blob eligible for deletion";

/// Arguments of `gc`.
#[derive(Debug, Args)]
pub struct Gc {
    /// Tell how much would go; remove nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Collects regi's garbage.
pub(super) async fn gc(context: &Context, gc: &Gc) -> Outcome {
    let site = context.site()?;
    let _feed = lock::take(&site.layout.locks(), "feed", "regi gc", Duration::ZERO).await?;
    let _engine = lock_engine(&site, "regi gc", Duration::ZERO).await?;
    let removed = sweep(&site, gc.dry_run).await?;
    let verb = if gc.dry_run { "would go" } else { "are gone" };
    context.console.report(
        || serde_json::json!({ "blobs": removed, "dry_run": gc.dry_run }),
        || format!("{removed} blobs that no image needs {verb}\n"),
    );
    Ok(())
}

/// Collects it, and returns how many blobs went or would go; who calls holds the locks of feeds and of the engine.
pub(super) async fn sweep(site: &Site, dry_run: bool) -> Outcome<usize> {
    let spec = services::spec(site, Service::Regi);
    if dry_run {
        return collect(&spec, &["--dry-run"]).await;
    }
    let docker = Docker::connect().await?;
    let closed = Closed::close(site.layout.service(Service::Regi).join(CLOSED))?;
    restart(&docker, &spec).await?;
    let removed = collect(&spec, &[]).await;
    drop(closed);
    restart(&docker, &spec).await?;
    removed
}

async fn restart(docker: &Docker, spec: &ServiceSpec) -> Outcome {
    docker.restart(&spec.container, STOP_SECONDS).await?;
    supervise::until_ready(docker, spec).await.map(drop)
}

/// Runs the registry's collector inside regi; returns how many blobs it chose.
async fn collect(spec: &ServiceSpec, arguments: &[&str]) -> Outcome<usize> {
    let done = tokio::process::Command::new("docker")
        .args(["exec", &spec.container, "docker-registry", "garbage-collect"])
        .args(arguments)
        .arg("/etc/docker/registry/booddies.yml")
        .output()
        .await
        .or_fail(Class::Missing, || "cannot run `docker`".to_owned())?;
    let said = String::from_utf8_lossy(&done.stdout);
    let complained = String::from_utf8_lossy(&done.stderr);
    // A registry that never held an image has no folder of them.
    if !done.status.success() && !complained.contains("repositories") {
        let last = complained.lines().last().unwrap_or("it said nothing");
        return Err(Failure::say(Class::Engine, format!("regi could not be collected: {last}"))
            .hint("see whether it is up: runctl status"));
    }
    Ok(said.lines().filter(|line| line.contains(GOES)).count())
}

/// The file that closes regi to writers; it goes when this is dropped.
struct Closed(PathBuf);

impl Closed {
    fn close(path: PathBuf) -> Outcome<Self> {
        fs_err::write(&path, "runctl regi gc\n")
            .or_fail(Class::Missing, || "cannot close regi to writers".to_owned())
            .map_err(|failure| failure.hint("regi must be running: runctl up regi"))?;
        Ok(Self(path))
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        if let Err(error) = fs_err::remove_file(&self.0) {
            tracing::error!(%error, "regi stays closed to writers");
        }
    }
}
