//! Plain lines where there is no terminal, JSON lines where a program listens.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use feeds::events::{Event, Id, Watch};
use indicatif::{HumanBytes, HumanCount, HumanDuration};

/// How often a piece of work that takes long tells how far it is.
const RHYTHM: Duration = Duration::from_secs(15);

/// One line when a piece of work ends, and some on the way where it takes long.
#[derive(Default)]
pub(super) struct Plain {
    running: Mutex<HashMap<Id, Running>>,
}

struct Running {
    label: String,
    begun: Instant,
    told: Instant,
    done: u64,
    total: Option<u64>,
    counts_bytes: bool,
}

impl Running {
    /// How far it is, how fast, and how long it will still take.
    fn progress(&self) -> String {
        let seconds = self.begun.elapsed().as_secs_f64().max(0.001);
        #[expect(clippy::cast_precision_loss, reason = "told to people")]
        let (done, total) = (self.done as f64, self.total.map(|total| total as f64));
        let left = total.filter(|_| self.done > 0).map(|total| (total - done) * seconds / done);
        let left = left.and_then(|left| Duration::try_from_secs_f64(left).ok());
        let left = left.map_or_else(String::new, |left| format!(", {} left", HumanDuration(left)));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "told to people"
        )]
        let rate = (done / seconds) as u64;
        let of = |shown: &dyn Fn(u64) -> String| {
            let total =
                self.total.map_or_else(String::new, |total| format!(" of {}", shown(total)));
            format!("{}{total}, {} a second{left}", shown(self.done), shown(rate))
        };
        if self.counts_bytes {
            of(&|bytes| HumanBytes(bytes).to_string())
        } else {
            of(&|count| HumanCount(count).to_string())
        }
    }
}

impl Watch for Plain {
    fn event(&self, event: Event) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { id, label, total, unit } => {
                let (begun, counts_bytes) = (Instant::now(), unit.is_none());
                let one = Running { label, begun, told: begun, done: 0, total, counts_bytes };
                running.insert(id, one);
            }
            Event::Advanced { id, by } => {
                if let Some(one) = running.get_mut(&id) {
                    one.done += by;
                    if one.told.elapsed() >= RHYTHM {
                        one.told = Instant::now();
                        say(&format!("  {}: {}", one.label, one.progress()));
                    }
                }
            }
            Event::Finished { id, failed } => {
                if let Some(Running { label, begun, .. }) = running.remove(&id) {
                    let seconds = begun.elapsed().as_secs_f64();
                    let end = failed.unwrap_or_else(|| format!("done in {seconds:.1} s"));
                    say(&format!("  {label}: {end}"));
                }
            }
            Event::Note { text } => say(&format!("  {text}")),
            Event::Warning { text } => say(&format!("warning: {text}")),
        }
    }
}

/// Version of the JSON lines' schema.
const SCHEMA: u32 = 1;

/// How often one piece of work tells a program that it moved on.
const BEAT: Duration = Duration::from_millis(200);

/// Every event as one JSON object a line; many small steps as one.
#[derive(Default)]
pub(super) struct Json {
    steps: Mutex<HashMap<Id, Steps>>,
}

/// Steps that were not told yet, and when some were.
struct Steps {
    by: u64,
    told: Instant,
}

impl Json {
    fn tell(event: &Event) {
        if let Ok(mut value) = serde_json::to_value(event) {
            value["schema"] = SCHEMA.into();
            say(&value.to_string());
        }
    }
}

impl Watch for Json {
    fn event(&self, event: Event) {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Advanced { id, by } => {
                let one = steps.entry(id).or_insert_with(|| Steps { by: 0, told: Instant::now() });
                one.by += by;
                if one.told.elapsed() >= BEAT {
                    let by = std::mem::take(&mut one.by);
                    one.told = Instant::now();
                    Self::tell(&Event::Advanced { id, by });
                }
            }
            Event::Finished { id, failed } => {
                if let Some(Steps { by: by @ 1.., .. }) = steps.remove(&id) {
                    Self::tell(&Event::Advanced { id, by });
                }
                Self::tell(&Event::Finished { id, failed });
            }
            other => Self::tell(&other),
        }
    }
}

fn say(line: &str) {
    // Nobody is left to tell when stderr is gone.
    let _gone = writeln!(std::io::stderr(), "{line}");
}
