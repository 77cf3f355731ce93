//! How it looks: reports on stdout, everything else on stderr; bars, plain lines or JSON lines of the same events.

mod bars;
mod lines;
pub mod table;

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use feeds::events::{Event, Watch};

use crate::failure::{Failure, Outcome};
use crate::plan::Plan;

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Progress {
    /// Bars on a terminal, plain lines otherwise.
    #[default]
    Auto,
    /// Bars.
    Bars,
    /// One line for each piece of work.
    Plain,
    /// One JSON object a line.
    Json,
    /// None.
    None,
}

/// Where a verb's words go.
#[derive(Clone)]
pub struct Console {
    json: bool,
    verbose: u8,
    watch: Arc<dyn Watch>,
    bars: Option<indicatif::MultiProgress>,
}

impl Console {
    /// Makes the console that the command line asked for.
    pub fn new(json: bool, progress: Progress, verbose: u8) -> Self {
        let progress = match progress {
            Progress::Auto if std::io::stderr().is_terminal() && verbose == 0 => Progress::Bars,
            Progress::Auto => Progress::Plain,
            chosen => chosen,
        };
        let mut multi = None;
        let watch: Arc<dyn Watch> = match progress {
            Progress::Auto | Progress::Bars => {
                let bars = bars::Bars::new();
                multi = Some(bars.multi());
                Arc::new(bars)
            }
            Progress::Plain => Arc::new(lines::Plain::default()),
            Progress::Json => Arc::new(lines::Json::default()),
            Progress::None => Arc::new(feeds::events::Silent),
        };
        Self { json, verbose, watch, bars: multi }
    }

    /// Sends diagnostics to stderr, above the bars where there are any.
    pub fn log_diagnostics(&self) {
        use tracing_subscriber::EnvFilter;
        let default = match self.verbose {
            0 => "warn",
            1 => "runctl=info,feeds=info,rack=info,warn",
            _ => "runctl=debug,feeds=debug,rack=debug,info",
        };
        let filter =
            EnvFilter::try_from_env("RUNCTL_LOG").unwrap_or_else(|_| EnvFilter::new(default));
        let bars = self.bars.clone();
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .without_time()
            .with_writer(move || AboveBars(bars.clone()))
            .init();
    }

    /// Whoever watches feeds and plans.
    pub fn watch(&self) -> Arc<dyn Watch> {
        Arc::clone(&self.watch)
    }

    /// Tells one line of progress.
    pub fn note(&self, text: &str) {
        self.watch.event(Event::Note { text: text.to_owned() });
    }

    /// Prints a report: JSON (one line) or text as it stands.
    pub fn report(&self, json: impl FnOnce() -> serde_json::Value, text: impl FnOnce() -> String) {
        let text = if self.json { format!("{}\n", json()) } else { text() };
        self.stdout(&text);
    }

    /// Prints a plan instead of carrying it out.
    pub fn plan(&self, plan: &Plan) -> Outcome {
        self.report(
            || {
                let steps: Vec<_> = plan.steps.iter().map(ToString::to_string).collect();
                serde_json::json!({ "plan": steps })
            },
            || {
                if plan.is_empty() { "nothing to change\n".to_owned() } else { plan.to_string() }
            },
        );
        Ok(())
    }

    /// Copies a line that a container wrote.
    pub fn log_line(&self, line: &str) {
        self.stdout(&format!("{line}\n"));
    }

    /// Tells why a verb failed.
    pub fn failure(&self, failure: &Failure) {
        let mut writer = AboveBars(self.bars.clone());
        // Nobody is left to tell when stderr is gone.
        let _gone = writeln!(writer, "{failure}");
    }

    fn stdout(&self, text: &str) {
        let print = || {
            let mut stdout = std::io::stdout().lock();
            // A reader that went away has read enough.
            let _gone = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        };
        match &self.bars {
            Some(bars) => bars.suspend(print),
            None => print(),
        }
    }
}

/// Lines of another program below a sentence of ours.
pub fn quoted(lines: &[&str]) -> String {
    if lines.is_empty() { String::new() } else { format!("\n  | {}", lines.join("\n  | ")) }
}

/// Writes to stderr without tearing the bars.
struct AboveBars(Option<indicatif::MultiProgress>);

impl std::io::Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let print = || std::io::stderr().write_all(bytes);
        match &self.0 {
            Some(bars) => bars.suspend(print)?,
            None => print()?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}
