//! Which accelerator really runs a Linux guest here.
//!
//! `/dev/kvm` proves little: inside a virtual machine it may run the firmware and then hang in the kernel. So the
//! profile's own kernel is started once, and the verdict is kept until the host restarts.

use std::fmt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::failure::{Class, Classify as _, Outcome};
use crate::host::files;

/// How long a kernel may take until it looks for its root; under KVM a second or two, on a busy host more.
const PATIENCE: Duration = Duration::from_secs(8);
/// What a kernel without an initrd says at the end of its boot: by then the accelerator has done everything it must.
const SIGN_OF_LIFE: &str = "VFS:";

/// This host's processor, in our words.
const HERE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { std::env::consts::ARCH };

/// The machine that QEMU makes for it.
const MACHINE: &str = if cfg!(target_arch = "aarch64") { "virt" } else { "q35" };

/// How a VM computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Accelerator {
    /// By the host's processor.
    Kvm,
    /// By QEMU's translator: slow, and works everywhere.
    Tcg,
}

impl Accelerator {
    /// QEMU's `-accel` argument.
    pub(super) const fn argument(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg,thread=multi,tb-size=512",
        }
    }
}

impl fmt::Display for Accelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kvm => "KVM",
            Self::Tcg => "TCG",
        })
    }
}

/// An accelerator and why it was chosen.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Verdict {
    /// Which.
    pub accelerator: Accelerator,
    /// Why.
    pub reason: String,
}

/// Chooses the accelerator: by the verdict of this boot of the host, or by starting the kernel.
pub(super) async fn choose(
    emulator: &Path,
    architecture: &str,
    kernel: &Path,
    kept_in: &Path,
) -> Outcome<Verdict> {
    if architecture != HERE {
        let reason = format!("the machine is {architecture}, this host is {HERE}");
        return Ok(Verdict { accelerator: Accelerator::Tcg, reason });
    }
    if let Err(error) = std::fs::OpenOptions::new().read(true).write(true).open("/dev/kvm") {
        let reason = format!("/dev/kvm does not open: {error}");
        return Ok(Verdict { accelerator: Accelerator::Tcg, reason });
    }
    let boot = fs_err::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let path = kept_in.join("accelerator");
    let kept = fs_err::read_to_string(&path).ok();
    if let Some(verdict) = kept.as_deref().and_then(|text| remembered(text, &boot)) {
        return Ok(verdict);
    }
    if !kernel.exists() {
        let reason = format!("KVM is untried: {} is not there to try it with", kernel.display());
        return Ok(Verdict { accelerator: Accelerator::Tcg, reason });
    }
    let verdict = try_kvm(emulator, kernel).await?;
    if let Err(error) =
        files::write_atomically(&path, to_remember(&verdict, &boot).as_bytes(), 0o644, None)
    {
        tracing::warn!(%error, "the accelerator will be tried again next time");
    }
    Ok(verdict)
}

async fn try_kvm(emulator: &Path, kernel: &Path) -> Outcome<Verdict> {
    let mut child = tokio::process::Command::new(emulator)
        .args(["-nodefaults", "-machine", MACHINE, "-accel", "kvm", "-cpu", "max", "-m", "512"])
        .args(["-display", "none", "-serial", "stdio", "-no-reboot", "-kernel"])
        .arg(kernel)
        .args(["-append", "console=ttyS0,115200 console=ttyAMA0 earlyprintk=serial panic=-1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .or_fail(Class::Missing, || format!("cannot run {}", emulator.display()))?;
    let Some(serial) = child.stdout.take() else {
        return Ok(Verdict { accelerator: Accelerator::Tcg, reason: "KVM is untried".into() });
    };
    let alive = tokio::time::timeout(PATIENCE, shows_life(serial)).await;
    let (accelerator, reason) = match alive {
        Ok(true) => (Accelerator::Kvm, "a Linux guest starts with it".to_owned()),
        Ok(false) => (Accelerator::Tcg, "KVM gave up on a Linux guest".to_owned()),
        Err(_) => {
            let seconds = PATIENCE.as_secs();
            (Accelerator::Tcg, format!("under KVM a Linux guest showed no life for {seconds} s"))
        }
    };
    Ok(Verdict { accelerator, reason })
}

async fn shows_life(serial: impl tokio::io::AsyncRead + Unpin) -> bool {
    let mut serial = BufReader::new(serial);
    let mut line = Vec::new();
    loop {
        line.clear();
        // The serial port may carry bytes that are no text.
        match serial.read_until(b'\n', &mut line).await {
            Ok(1..) if String::from_utf8_lossy(&line).contains(SIGN_OF_LIFE) => return true,
            Ok(1..) => {}
            Ok(0) | Err(_) => return false,
        }
    }
}

fn to_remember(verdict: &Verdict, boot: &str) -> String {
    format!("{}\n{}\n{}\n", boot.trim(), verdict.accelerator, verdict.reason)
}

fn remembered(text: &str, boot: &str) -> Option<Verdict> {
    let mut lines = text.lines();
    if lines.next()? != boot.trim() {
        return None;
    }
    let accelerator = match lines.next()? {
        "KVM" => Accelerator::Kvm,
        "TCG" => Accelerator::Tcg,
        _ => return None,
    };
    Some(Verdict { accelerator, reason: lines.next()?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_lasts_for_one_boot_of_the_host() {
        let verdict = Verdict {
            accelerator: Accelerator::Tcg,
            reason: "KVM gave up on a Linux guest".into(),
        };
        let text = to_remember(&verdict, "one\n");
        assert_eq!(remembered(&text, "one\n"), Some(verdict));
        assert_eq!(remembered(&text, "another\n"), None);
        assert_eq!(remembered("one\nXEN\nwhy\n", "one\n"), None);
    }

    #[tokio::test]
    async fn only_the_end_of_a_boot_is_life() {
        assert!(shows_life(&b"Linux version\r\nVFS: Unable to mount root fs\r\n"[..]).await);
        assert!(!shows_life(&b"\xffDecompressing Linux...\r\n"[..]).await);
    }
}
