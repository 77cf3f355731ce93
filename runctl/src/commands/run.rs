//! `runctl run`: one service in the foreground, as its unit runs it.
//!
//! READY when the probe passes, the watchdog fed from the probe, the container brought back when it stops answering,
//! a crash loop told with its last lines, and at SIGTERM the container stopped.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::StreamExt as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Context, live, lock_engine, up};
use crate::engine::{Docker, LogRange, State};
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::host::{files, notify, secrets};
use crate::plan::{STOP_SECONDS, Wanted};
use crate::probe;
use crate::service::Service;
use crate::services::ServiceSpec;
use crate::site::Site;
use crate::supervise;

/// How long to wait for other units that are starting at the same time.
const PATIENCE: Duration = Duration::from_mins(3);
/// Pause between two looks at the configuration: an edit is live within a second.
const PAUSE: Duration = Duration::from_millis(250);
/// Every so many of them the container is looked at.
const PAUSES: u32 = 4;
/// Every so many of them it is asked whether a certificate is about to end: once an hour.
const RENEWALS: u32 = 4 * 3600;
/// Every so many looks the service is asked: a question costs it something, a look costs nothing.
const LOOKS: u32 = 5;
/// So many unanswered questions in a row, and the container is started anew.
const UNANSWERED: u32 = 3;
/// So many restarts within `LOOP_SPAN` are a crash loop.
const LOOP: u64 = 3;
const LOOP_SPAN: Duration = Duration::from_mins(1);

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Which service.
    #[arg(value_enum)]
    service: Service,
}

/// Runs a service until a signal ends it.
pub async fn run(context: &Context, run: &Run) -> Outcome {
    let listen =
        |kind| signal(kind).or_fail(Class::Unexpected, || "cannot listen to signals".to_owned());
    let (mut interrupt, mut terminate) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let docker = Docker::connect().await?;
    let name = crate::services::spec(&context.site()?, run.service).container;
    let outcome = tokio::select! {
        outcome = serve(context, &docker, run.service) => outcome,
        () = either(&mut interrupt, &mut terminate) => Ok(()),
    };
    notify::stopping();
    // Whatever the reason, systemd decides what comes next: the engine must not bring it back meanwhile.
    docker.stop(&name, STOP_SECONDS).await?;
    outcome
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Starts the service and watches over it; returns only when it cannot go on.
async fn serve(context: &Context, docker: &Docker, service: Service) -> Outcome {
    // First the time, then the text: an edit between the two is noticed later.
    let mut seen = files::touched(sources(context, &context.site()?));
    let site = context.site()?;
    let wanted = Wanted::of(&site, &[service]);
    notify::status("starting");
    let begin = jiff::Timestamp::now().as_second();
    {
        let _lock = lock_engine(&site, &format!("run {service}"), PATIENCE).await?;
        let plan = up::plan_up(docker, &site, &wanted).await?;
        up::bring_up(context, docker, &wanted, &plan).await?;
    }
    let spec = &wanted.services[0];
    let _log =
        tokio::spawn(copy_log(context.clone(), docker.clone(), spec.container.clone(), begin))
            .abort_handle();
    let ready = supervise::until_ready(docker, spec).await?;
    notify::ready(&ready.detail);
    context.console.note(&format!(
        "{service} is ready after {:.1} s: {}",
        ready.after.as_secs_f64(),
        ready.detail
    ));
    let mut watch = Watch::new(docker, spec);
    for pauses in 1_u32.. {
        tokio::time::sleep(PAUSE).await;
        if pauses.is_multiple_of(PAUSES) {
            watch.look().await?;
        }
        let now = files::touched(sources(context, &site));
        let is_due = || spec.secrets.iter().any(secrets::is_due);
        if now != seen || pauses.is_multiple_of(RENEWALS) && is_due() {
            seen = now;
            if let Err(failure) = live::reread(context, docker, &site, &[service]).await {
                // A mistake in a file must not end a service that runs well.
                context.console.failure(&failure);
            }
        }
    }
    Ok(())
}

/// What is remembered between two looks.
struct Watch<'a> {
    docker: &'a Docker,
    spec: &'a ServiceSpec,
    looks: u32,
    unanswered: u32,
    restarts: u64,
    counted_since: Instant,
}

impl<'a> Watch<'a> {
    fn new(docker: &'a Docker, spec: &'a ServiceSpec) -> Self {
        // What the engine counted before counts from the first look on.
        let restarts = u64::MAX;
        Self { docker, spec, looks: 0, unanswered: 0, restarts, counted_since: Instant::now() }
    }

    /// Looks at the container, and now and then asks the service; fails when it cannot be helped.
    async fn look(&mut self) -> Outcome {
        let Some(container) = self.docker.container(&self.spec.container).await? else {
            let gone = format!("container {} was removed", self.spec.container);
            return Err(Failure::say(Class::Engine, gone));
        };
        if container.state == State::Stopped {
            return Err(supervise::ended(self.docker, self.spec, &container).await);
        }
        if self.counted_since.elapsed() > LOOP_SPAN || container.restarts < self.restarts {
            (self.restarts, self.counted_since) = (container.restarts, Instant::now());
        }
        if container.restarts >= self.restarts + LOOP {
            return Err(supervise::ended(self.docker, self.spec, &container).await);
        }
        self.looks += 1;
        if !self.looks.is_multiple_of(LOOKS) {
            return Ok(());
        }
        self.ask().await
    }

    /// Asks the service; starts its container anew where it has been silent for too long.
    async fn ask(&mut self) -> Outcome {
        match probe::ask_again(&self.spec.probe).await {
            Ok(answer) => {
                self.unanswered = 0;
                notify::alive();
                notify::status(&answer.detail);
            }
            Err(unready) => {
                self.unanswered += 1;
                tracing::warn!(service = %self.spec.service, %unready, "no answer");
                if self.unanswered >= UNANSWERED {
                    self.unanswered = 0;
                    notify::status(&format!("started anew: {unready}"));
                    self.docker.restart(&self.spec.container, STOP_SECONDS).await?;
                }
            }
        }
        Ok(())
    }
}

/// What a service is made of beside its image: the configuration, what is published, and menus that are pushed.
fn sources(context: &Context, site: &Site) -> impl Iterator<Item = PathBuf> {
    let files = files::below(&context.layout.configuration()).unwrap_or_default();
    let current = site.layout.store().join("published/current");
    let menus = site.rack.menus.iter().flat_map(|name| {
        ["refs/heads", "packed-refs"].map(|refs| site.layout.repository(name).join(refs))
    });
    files.into_iter().chain([current]).chain(menus)
}

async fn copy_log(context: Context, docker: Docker, container: String, since: i64) {
    let range = LogRange { tail: None, since: Some(since), follow: true };
    let mut lines = docker.logs(&container, range);
    while let Some(Ok(line)) = lines.next().await {
        context.console.log_line(&line.text);
    }
}
