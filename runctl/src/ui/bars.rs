//! Bars on a terminal.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use feeds::events::{Event, Id, Watch};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

const BYTES: &str =
    "  {msg:28!} [{bar:24}] {bytes:>10}/{total_bytes:<10} {bytes_per_sec:>12} {eta:>4}";
const COUNT: &str = "  {msg:28!} [{bar:24}] {pos:>6}/{len:<6} {eta:>4}";
const OPEN: &str = "  {msg:28!} {spinner} {elapsed:>4}";

/// All bars of one run.
pub(super) struct Bars {
    multi: MultiProgress,
    bars: Mutex<HashMap<Id, ProgressBar>>,
}

impl Bars {
    pub(super) fn new() -> Self {
        let multi = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(15));
        Self { multi, bars: Mutex::default() }
    }

    /// The set of bars, for whoever prints above them.
    pub(super) fn multi(&self) -> MultiProgress {
        self.multi.clone()
    }

    fn start(&self, label: String, total: Option<u64>, unit: Option<&str>) -> ProgressBar {
        let template = match (total, unit) {
            (Some(_), None) => BYTES,
            (Some(_), Some(_)) => COUNT,
            (None, _) => OPEN,
        };
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let bar = self.multi.add(bar.with_style(style).with_message(label));
        bar.enable_steady_tick(Duration::from_millis(250));
        bar
    }
}

impl Watch for Bars {
    fn event(&self, event: Event) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { id, label, total, unit } => {
                bars.insert(id, self.start(label, total, unit));
            }
            Event::Advanced { id, by } => {
                if let Some(bar) = bars.get(&id) {
                    bar.inc(by);
                }
            }
            Event::Finished { id, failed } => {
                if let Some(bar) = bars.remove(&id) {
                    let label = bar.message();
                    bar.finish_and_clear();
                    self.multi.remove(&bar);
                    let line = failed.map_or_else(
                        || format!("  {label}: done"),
                        |why| format!("  {label}: {why}"),
                    );
                    let _gone = self.multi.println(line);
                }
            }
            Event::Note { text } => {
                let _gone = self.multi.println(format!("  {text}"));
            }
            Event::Warning { text } => {
                let _gone = self.multi.println(format!("warning: {text}"));
            }
        }
    }
}
