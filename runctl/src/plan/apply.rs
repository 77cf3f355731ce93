//! Carries a plan out, step by step; every step can be done twice.

use feeds::events::{Event, Watch};

use super::{Plan, Step};
use crate::engine::Docker;
use crate::failure::{Class, Classify as _, Outcome};
use crate::host::{files, firewall, secrets};

/// Seconds that a container has to end before it is killed.
pub const STOP_SECONDS: i32 = 8;

/// Where a plan is carried out.
pub struct Applier<'a> {
    /// The engine.
    pub docker: &'a Docker,
    /// The site's name.
    pub site: &'a str,
    /// The network's name.
    pub network: &'a str,
    /// Who is told of each step.
    pub watch: &'a dyn Watch,
}

/// Carries out all steps, or stops at the first that fails.
pub async fn apply(plan: &Plan, on: &Applier<'_>) -> Outcome {
    for step in &plan.steps {
        on.watch.event(Event::Note { text: step.to_string() });
        on.step(step).await?;
    }
    Ok(())
}

impl Applier<'_> {
    async fn step(&self, step: &Step) -> Outcome {
        match step {
            Step::Folder(folder) => files::make_folder(folder),
            Step::Secret(secret) => secrets::make(secret)
                .or_fail(Class::Missing, || format!("cannot make {}", secret.path().display())),
            Step::File(file, _) => files::write(file),
            Step::Unlink(path) => files::unlink(path),
            Step::Network(network) => self.docker.create_network(self.site, network).await,
            Step::RemoveNetwork(name, _) => self.docker.remove_network(name).await,
            Step::Passage(bridge) => firewall::make_passage(bridge).await,
            Step::RemovePassage(bridge) => firewall::remove_passage(bridge).await,
            Step::Remove(_, container, _) => {
                self.docker.stop(container, STOP_SECONDS).await?;
                self.docker.remove(container).await
            }
            Step::Create(spec, hash) => {
                self.docker.create(self.site, spec, hash, self.network).await
            }
            Step::Start(_, container, _) => self.docker.start(container).await,
            Step::Signal(_, container, signal) => self.docker.signal(container, signal).await,
        }
    }
}
