//! Programs, run to their end, and what they said.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How a program ended.
#[must_use]
#[derive(Debug)]
pub struct Finished {
    /// The command line, for messages.
    pub line: String,
    /// Exit code; 128 + signal where a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs a program to its end; one that takes longer than ten minutes hangs, and that is a failure.
pub fn run(command: &mut Command) -> Finished {
    run_within(command, Duration::from_mins(10))
}

/// Runs a program and kills it when the time is up.
pub fn run_within(command: &mut Command, limit: Duration) -> Finished {
    let line = line(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{line}: {error}"));
    let stdout = reader(child.stdout.take().expect("stdout is piped"));
    let stderr = reader(child.stderr.take().expect("stderr is piped"));
    let end = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break status;
        }
        if Instant::now() > end {
            child.kill().expect("a child can be killed");
            child.wait().expect("a killed child ends");
            panic!(
                "{line}: still running after {limit:?}\n{}",
                stderr.join().expect("reader ends")
            );
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    Finished {
        line,
        code: code(status),
        stdout: stdout.join().expect("the reader of stdout ends"),
        stderr: stderr.join().expect("the reader of stderr ends"),
    }
}

impl Finished {
    /// Insists on success and gives standard output.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}\n{}{}", self.line, self.stdout, self.stderr);
        self.stdout
    }

    /// Insists on an exit code and gives both outputs in one text.
    #[track_caller]
    pub fn fails_with(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}\n{}{}", self.line, self.stdout, self.stderr);
        self.stdout + &self.stderr
    }

    /// Insists on failure of any kind and gives both outputs in one text.
    #[track_caller]
    pub fn fails(self) -> String {
        assert_ne!(self.code, 0, "{} should have failed\n{}", self.line, self.stdout);
        self.stdout + &self.stderr
    }
}

fn reader(mut from: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).expect("a pipe can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn line(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

/// The exit code as a shell tells it.
pub fn code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}
