//! One run of mmdebstrap: what it is told, how far it is, and what stood in its way.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::archive::EPOCH;
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::ui::quoted;

/// A run that is being put together.
///
/// It works in a mount and a process namespace of its own, so that nothing is left mounted, or running, whatever ends it.
pub(super) struct Mmdebstrap {
    what: String,
    command: Command,
}

/// What `unshare` ends with when there is no such program.
const NOT_FOUND: i32 = 127;

impl Mmdebstrap {
    /// Begins a run for `what`, as people call it, of a variant of mmdebstrap's.
    pub(super) fn new(what: impl Into<String>, variant: &str) -> Self {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
        command.args(["mmdebstrap", &format!("--variant={variant}"), "--mode=root"]);
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
        let tried = || "cannot run mmdebstrap".to_owned();
        let folder = work_folder().or_fail(Class::Missing, tried)?;
        self.command.arg(suite).arg(output).arg(source).env("TMPDIR", folder.path());
        let mut child =
            self.command.spawn().or_fail(Class::Missing, tried).map_err(|failure| {
                failure.hint("install the package `util-linux`: it has unshare")
            })?;
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
        if status.code() == Some(NOT_FOUND) {
            return Err(Failure::say(Class::Missing, "cannot run mmdebstrap: it is not there")
                .hint("install the package `mmdebstrap`"));
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

/// Where the root is put together; apt gives up its rights and must be able to look into it.
fn work_folder() -> std::io::Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix("booddies-root-").tempdir()?;
    fs_err::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    Ok(folder)
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
