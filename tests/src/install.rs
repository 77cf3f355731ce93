//! A machine that is being installed in a VM, and who may log in to what was installed.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Finished, Site, run};

/// A rehearsal that follows an install to its disk and keeps the machine on; ended when dropped.
pub struct Install {
    child: Child,
    log: PathBuf,
    patience: Duration,
}

impl Install {
    /// Begins, with `more` arguments; what is told goes to a file. Whatever takes longer than `patience` hangs.
    pub fn of(site: &Site, machine: &str, more: &[&str], log: &Path, patience: Duration) -> Self {
        let errors = fs_err::File::create(log).expect("a log").into_file();
        let seconds = patience.as_secs().to_string();
        let mut rehearse = site.command(&["rehearse", machine, "--install", "--hold"]);
        rehearse.args(["--timeout", &seconds]).args(more);
        rehearse.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
        let child = rehearse.spawn().expect("runctl starts");
        Self { child, log: log.to_owned(), patience }
    }

    /// Waits until it has told a stage, as a word of some line; gives all that it has told.
    pub fn until(&mut self, stage: &str) -> String {
        let end = Instant::now() + self.patience;
        loop {
            let log = fs_err::read_to_string(&self.log).expect("the log can be read");
            if log.split_whitespace().any(|word| word == stage) {
                return log;
            }
            let ended = self.child.try_wait().expect("it can be waited for");
            assert!(ended.is_none(), "it ended before `{stage}`:\n{log}");
            assert!(Instant::now() < end, "`{stage}` was not reached:\n{log}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Install {
    fn drop(&mut self) {
        // Interrupted as an operator does it; the VM goes with it.
        drop(run(Command::new("kill").args(["-INT", &self.child.id().to_string()])));
        drop(self.child.wait());
    }
}

/// A key of somebody who may log in.
pub struct Key(PathBuf);

impl Key {
    /// Makes one in a folder.
    pub fn made_in(folder: &Path) -> Self {
        let path = folder.join("key");
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path))
            .ok();
        Self(path)
    }

    /// Its public half.
    pub fn public(&self) -> String {
        let public = fs_err::read_to_string(self.0.with_extension("pub"));
        public.expect("a public key").trim().to_owned()
    }

    /// Runs a command on a machine as somebody, by this key alone.
    pub fn ssh(&self, who: &str, address: Ipv4Addr, port: u16, command: &str) -> Finished {
        let mut ssh = Command::new("ssh");
        ssh.args(["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=60"]);
        ssh.args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
        ssh.args(["-o", "LogLevel=ERROR", "-i"]).arg(&self.0);
        run(ssh.args(["-p", &port.to_string()]).arg(format!("{who}@{address}")).arg(command))
    }
}
