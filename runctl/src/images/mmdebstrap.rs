//! One run of mmdebstrap: what it is told, how far it is, and what stood in its way.

use std::path::Path;
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::archive::EPOCH;
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::ui::quoted;

/// A run that is being put together.
pub(super) struct Mmdebstrap {
    what: String,
    command: Command,
}

impl Mmdebstrap {
    /// Begins a run for `what`, as people call it, of a variant of mmdebstrap's.
    pub(super) fn new(what: impl Into<String>, variant: &str) -> Self {
        let mut command = Command::new("mmdebstrap");
        command.args([&format!("--variant={variant}"), "--mode=root"]);
        command.env("SOURCE_DATE_EPOCH", EPOCH.to_string()).env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        Self { what: what.into(), command }
    }

    /// Adds one option.
    pub(super) fn option(&mut self, name: &str, value: impl std::fmt::Display) -> &mut Self {
        self.command.arg(format!("--{name}={value}"));
        self
    }

    /// Sets a variable that packages and hooks see.
    pub(super) fn variable(&mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> &mut Self {
        self.command.env(name, value);
        self
    }

    /// Runs it: a suite from a source (a line or a file of them) becomes `output`. Each step is told.
    pub(super) async fn run(
        mut self,
        suite: &str,
        output: &Path,
        source: impl AsRef<std::ffi::OsStr>,
        mut step: impl FnMut(&str),
    ) -> Outcome {
        self.command.arg(suite).arg(output).arg(source);
        let tried = || "cannot run mmdebstrap".to_owned();
        let mut child = self
            .command
            .spawn()
            .or_fail(Class::Missing, tried)
            .map_err(|failure| failure.hint("install the package `mmdebstrap`"))?;
        let mut said = Vec::new();
        if let Some(errors) = child.stderr.take() {
            let mut lines = BufReader::new(errors).lines();
            while let Some(line) = lines.next_line().await.or_fail(Class::Missing, tried)? {
                match line.strip_prefix("I: ") {
                    Some(begun) => step(begun),
                    None => said.push(line),
                }
            }
        }
        let status = child.wait().await.or_fail(Class::Missing, tried)?;
        self.judge(status, &said)
    }

    fn judge(&self, status: ExitStatus, said: &[String]) -> Outcome {
        if status.success() {
            return Ok(());
        }
        let what = &self.what;
        let lacking = lacking(said);
        if !lacking.is_empty() {
            let names = lacking.join("`, `");
            return Err(Failure::say(
                Class::Missing,
                format!("{what} needs packages that are not in the set: `{names}`"),
            )
            .hint("add them to `packages` of an [[apt]] in data.toml, then `runctl feed data`"));
        }
        let last: Vec<_> = said.iter().map(String::as_str).collect();
        let last = quoted(&last[last.len().saturating_sub(8)..]);
        Err(Failure::say(Class::Engine, format!("mmdebstrap could not make {what}{last}")))
    }
}

/// The packages that apt looked for in vain.
fn lacking(said: &[String]) -> Vec<&str> {
    let mut names: Vec<_> = said.iter().filter_map(|line| missed(line.trim())).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The package that one line misses.
fn missed(line: &str) -> Option<&str> {
    if let Some(name) = line.strip_prefix("E: Unable to locate package ") {
        return Some(name);
    }
    if let Some(rest) = line.strip_prefix("E: Package '") {
        return rest.strip_suffix("' has no installation candidate");
    }
    let (_, dependency) = line.split_once("Depends: ")?;
    let (relation, _) = dependency.split_once(" but it is not installable")?;
    relation.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_package_that_apt_misses_is_named_once() {
        let said = [
            "E: Unable to locate package lvm2",
            "E: Package 'shim-signed' has no installation candidate",
            " grub-efi-amd64-signed : Depends: grub-common (>= 2.06) but it is not installable",
            "E: Unable to locate package lvm2",
            "E: Unable to correct problems, you have held broken packages.",
        ];
        assert_eq!(lacking(&said.map(str::to_owned)), ["grub-common", "lvm2", "shim-signed"]);
    }

    #[test]
    fn other_complaints_name_no_package() {
        let said = ["E: mmdebstrap failed to run", "W: Download is performed unsandboxed"];
        assert!(lacking(&said.map(str::to_owned)).is_empty());
    }
}
