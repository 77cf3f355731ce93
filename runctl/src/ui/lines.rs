//! Plain lines where there is no terminal, JSON lines where a program listens.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use feeds::events::{Event, Id, Watch};

/// One line when a piece of work ends.
#[derive(Default)]
pub(super) struct Plain {
    running: Mutex<HashMap<Id, (String, Instant)>>,
}

impl Watch for Plain {
    fn event(&self, event: Event) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { id, label, .. } => {
                running.insert(id, (label, Instant::now()));
            }
            Event::Advanced { .. } => {}
            Event::Finished { id, failed } => {
                if let Some((label, begin)) = running.remove(&id) {
                    let seconds = begin.elapsed().as_secs_f64();
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

/// Every event as one JSON object a line.
pub(super) struct Json;

impl Watch for Json {
    fn event(&self, event: Event) {
        if let Ok(mut value) = serde_json::to_value(&event) {
            value["schema"] = SCHEMA.into();
            say(&value.to_string());
        }
    }
}

fn say(line: &str) {
    // Nobody is left to tell when stderr is gone.
    let _gone = writeln!(std::io::stderr(), "{line}");
}
