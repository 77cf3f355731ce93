//! The virtual machine: what QEMU is told, and its life from power on to its end. Dropped, it leaves nothing behind.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use jiff::Timestamp;
use rack::Firmware;
use tempfile::TempDir;
use tokio::io::BufReader;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::accelerator::Accelerator;
use super::firmware::Uefi;
use super::qmp::Qmp;
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::host::link;

/// Size of the empty disk that an installer finds; sparse, so it costs nothing.
const DISK_BYTES: u64 = 8 << 30;
/// How long QEMU may take to end when asked to.
const FAREWELL: std::time::Duration = std::time::Duration::from_secs(5);

/// What the machine is made of.
#[derive(Clone, Debug)]
pub(super) struct Hardware {
    /// QEMU.
    pub(super) emulator: PathBuf,
    /// How it computes.
    pub(super) accelerator: Accelerator,
    /// What starts it.
    pub(super) firmware: Firmware,
    /// UEFI firmware's files; none starts by BIOS.
    pub(super) uefi: Option<Uefi>,
    /// Memory in MiB.
    pub(super) memory: u32,
    /// The address of its one card.
    pub(super) mac: rack::Mac,
    /// The bridge it is plugged into.
    pub(super) bridge: String,
    /// Whether it restarts when its system wants to, or ends.
    pub(super) restarts: bool,
    /// A medium that it starts from; the network is then BIOS's no way at all, and UEFI's last.
    pub(super) medium: Option<PathBuf>,
}

impl Hardware {
    /// The name of its tap; no other machine of the site has the MAC, so none has the name.
    fn tap(&self) -> String {
        format!("vm{}", self.mac.to_string().replace(':', ""))
    }

    /// The arguments of QEMU, which finds and leaves its files in `folder`.
    fn arguments(&self, folder: &Path) -> Vec<String> {
        let file = |name: &str| folder.join(name).display().to_string();
        let memory = self.memory.to_string();
        let mut arguments: Vec<String> = ["-nodefaults", "-no-user-config"]
            .into_iter()
            .chain(["-machine", self.machine()])
            .chain(["-accel", self.accelerator.argument(), "-cpu", "max", "-smp", "2"])
            .chain(["-m", &memory, "-device", self.screen(), "-display", "none"])
            .chain((!self.restarts).then_some("-no-reboot"))
            // It stands still until its card is plugged in; then its clock and ours start together.
            .chain(["-S", "-qmp", "stdio"])
            .map(str::to_owned)
            .collect();
        let mut add = |option: &str, value: String| arguments.extend([option.to_owned(), value]);
        if let Some(uefi) = &self.uefi {
            let code = uefi.code.display();
            add("-drive", format!("if=pflash,format=raw,readonly=on,file={code}"));
            add("-drive", format!("if=pflash,format=raw,file={}", file("variables.fd")));
        }
        if self.firmware == Firmware::SecureBoot {
            add("-global", "driver=cfi.pflash01,property=secure,value=on".into());
        }
        if self.firmware == Firmware::UefiHttp {
            // What is left is HTTP.
            for pxe in ["IPv4PXESupport", "IPv6PXESupport"] {
                add("-fw_cfg", format!("name=opt/org.tianocore/{pxe},string=n"));
            }
        }
        let card = self.card();
        if let Some(medium) = &self.medium {
            let medium = medium.display();
            add("-drive", format!("if=none,id=medium,format=raw,readonly=on,file={medium}"));
            for device in self.drive() {
                add("-device", (*device).to_owned());
            }
        }
        add("-serial", format!("file:{}", file("serial.log")));
        let tap = self.tap();
        add("-netdev", format!("tap,id=bridge,ifname={tap},script=no,downscript=no"));
        add("-device", card);
        add("-drive", format!("if=none,id=disk,format=raw,file={}", file("disk.img")));
        add("-device", "virtio-blk-pci,drive=disk,bootindex=2".into());
        add("-device", "virtio-rng-pci".into());
        arguments
    }

    fn machine(&self) -> &'static str {
        match self.firmware {
            Firmware::Arm64 => "virt",
            // Without it a program could write the firmware's variables, and switch Secure Boot off.
            Firmware::SecureBoot => "q35,smm=on",
            _ => "q35",
        }
    }

    fn screen(&self) -> &'static str {
        if self.firmware == Firmware::Arm64 { "ramfb" } else { "VGA" }
    }

    /// Its one card. Without a ROM on it UEFI's own network boot is used, as on a real server, and BIOS has none.
    fn card(&self) -> String {
        let card = format!("virtio-net-pci,netdev=bridge,mac={}", self.mac);
        match (&self.medium, self.firmware.is_uefi()) {
            // UEFI starts no driver for a card that it never boots from, and GRUB has none of its own.
            (Some(_), true) => format!("{card},bootindex=3,romfile="),
            (Some(_), false) => format!("{card},romfile="),
            (None, true) => format!("{card},bootindex=1,romfile="),
            (None, false) => format!("{card},bootindex=1"),
        }
    }

    /// What a medium lies in: a CD in a drive, anything else on a USB stick.
    fn drive(&self) -> &'static [&'static str] {
        let is_cd =
            self.medium.as_ref().is_some_and(|path| path.extension() == Some("iso".as_ref()));
        if is_cd {
            &["virtio-scsi-pci", "scsi-cd,drive=medium,bootindex=1"]
        } else {
            &["qemu-xhci", "usb-storage,drive=medium,bootindex=1"]
        }
    }

    /// Makes the files that QEMU writes to.
    fn furnish(&self, folder: &Path) -> std::io::Result<()> {
        fs_err::File::create(folder.join("disk.img"))?.set_len(DISK_BYTES)?;
        if let Some(uefi) = &self.uefi {
            fs_err::copy(&uefi.variables, folder.join("variables.fd"))?;
        }
        Ok(())
    }
}

/// A machine that runs. QEMU makes its tap itself, so both go together, whatever ends them.
pub(super) struct Vm {
    child: Child,
    qmp: Qmp<BufReader<ChildStdout>, ChildStdin>,
    folder: TempDir,
}

impl Vm {
    /// Makes the machine, plugs it into the bridge and switches it on; tells when that was.
    pub(super) async fn power_on(hardware: &Hardware) -> Outcome<(Self, Timestamp)> {
        let folder = tempfile::Builder::new().prefix("booddies-rehearsal-").tempdir();
        let folder = folder.or_fail(Class::Missing, || "cannot make a folder".into())?;
        hardware
            .furnish(folder.path())
            .or_fail(Class::Missing, || "cannot make the machine's disk".into())?;
        let mut child = spawn(hardware, folder.path())?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::say(Class::Engine, "QEMU has no pipes"));
        };
        let Ok(qmp) = Qmp::open(BufReader::new(from), to).await else {
            return Err(did_not_start(hardware, folder.path()));
        };
        let mut vm = Self { child, qmp, folder };
        link::join_bridge(&hardware.tap(), &hardware.bridge)
            .await
            .map_err(|failure| failure.hint("run `runctl up`: it makes the bridge"))?;
        vm.qmp.power_on().await?;
        Ok((vm, Timestamp::now()))
    }

    /// Waits until the machine ends by itself.
    pub(super) async fn ended(&mut self) {
        if let Err(error) = self.child.wait().await {
            tracing::debug!(%error, "cannot wait for QEMU");
        }
    }

    /// The file that holds what the machine writes on its serial port.
    pub(super) fn console(&self) -> PathBuf {
        self.folder.path().join("serial.log")
    }

    /// What the machine wrote on its serial port so far.
    pub(super) fn serial(&self) -> String {
        let bytes = fs_err::read(self.console()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Saves the screen as PNG.
    pub(super) async fn screenshot(&mut self, path: &Path) -> Outcome {
        self.qmp.screenshot(path).await
    }

    /// Switches the machine off, and waits until QEMU and with it the tap are gone.
    pub(super) async fn power_off(mut self) {
        let asked = self.qmp.quit().await.is_ok();
        if asked && tokio::time::timeout(FAREWELL, self.child.wait()).await.is_ok() {
            return;
        }
        if let Err(error) = self.child.kill().await {
            tracing::debug!(%error, "QEMU has ended before");
        }
    }
}

/// Starts QEMU below `setpriv`, which has the kernel end it with us, should we be killed.
fn spawn(hardware: &Hardware, folder: &Path) -> Outcome<Child> {
    let errors = fs_err::File::create(folder.join("qemu.log"))
        .or_fail(Class::Missing, || "cannot keep QEMU's messages".into())?;
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "--"])
        .arg(&hardware.emulator)
        .args(hardware.arguments(folder))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(errors.into_file())
        .kill_on_drop(true)
        .spawn()
        .or_fail(Class::Missing, || "cannot run setpriv".into())
        .map_err(|failure| failure.hint("install the package `util-linux`"))
}

fn did_not_start(hardware: &Hardware, folder: &Path) -> Failure {
    let said = fs_err::read_to_string(folder.join("qemu.log")).unwrap_or_default();
    let said = said.trim();
    let failure = |class| Failure::say(class, format!("QEMU did not start: {said}"));
    if said.contains("/dev/net/tun") {
        let tap = hardware.tap();
        return failure(Class::Network).hint(format!(
            "run this as root, where no other program holds {tap} and the kernel has tun"
        ));
    }
    failure(Class::Engine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hardware(firmware: Firmware) -> Hardware {
        let uefi = Uefi { code: "/fw/CODE.fd".into(), variables: "/fw/VARS.fd".into() };
        Hardware {
            emulator: "/usr/bin/qemu-system-x86_64".into(),
            accelerator: Accelerator::Tcg,
            firmware,
            uefi: firmware.is_uefi().then_some(uefi),
            memory: 1024,
            mac: rack::Mac([0x52, 0x54, 0, 0x77, 0, 1]),
            bridge: "br0".into(),
            restarts: false,
            medium: None,
        }
    }

    fn line(hardware: &Hardware) -> String {
        hardware.arguments(Path::new("/tmp/vm")).join(" ")
    }

    #[test]
    fn the_tap_has_a_name_that_the_kernel_takes() {
        assert_eq!(hardware(Firmware::Bios).tap(), "vm525400770001");
        assert!(hardware(Firmware::Bios).tap().len() < 16);
    }

    #[test]
    fn bios_boots_from_the_cards_rom() {
        insta::assert_snapshot!(line(&hardware(Firmware::Bios)), @"-nodefaults -no-user-config -machine q35 -accel tcg,thread=multi,tb-size=512 -cpu max -smp 2 -m 1024 -device VGA -display none -no-reboot -S -qmp stdio -serial file:/tmp/vm/serial.log -netdev tap,id=bridge,ifname=vm525400770001,script=no,downscript=no -device virtio-net-pci,netdev=bridge,mac=52:54:00:77:00:01,bootindex=1 -drive if=none,id=disk,format=raw,file=/tmp/vm/disk.img -device virtio-blk-pci,drive=disk,bootindex=2 -device virtio-rng-pci");
    }

    #[test]
    fn uefi_boots_by_its_own_pxe_and_keeps_its_variables_apart() {
        let line = line(&hardware(Firmware::Uefi));
        assert!(line.contains("if=pflash,format=raw,readonly=on,file=/fw/CODE.fd"), "{line}");
        assert!(line.contains("if=pflash,format=raw,file=/tmp/vm/variables.fd"), "{line}");
        assert!(line.contains("bootindex=1,romfile= "), "{line}");
        assert!(!line.contains("PXESupport"), "{line}");
    }

    #[test]
    fn each_firmware_gets_the_machine_that_it_needs() {
        let secure = line(&hardware(Firmware::SecureBoot));
        assert!(secure.contains("-machine q35,smm=on "), "{secure}");
        assert!(secure.contains("cfi.pflash01,property=secure,value=on"), "{secure}");
        let http = line(&hardware(Firmware::UefiHttp));
        assert!(http.contains("opt/org.tianocore/IPv4PXESupport,string=n"), "{http}");
        assert!(line(&hardware(Firmware::Arm64)).contains("-machine virt "));
    }

    #[test]
    fn a_machine_with_a_medium_cannot_boot_from_the_network() {
        for (medium, device) in [("/m/booddies.iso", "scsi-cd"), ("/m/booddies.img", "usb-storage")]
        {
            let hardware = Hardware { medium: Some(medium.into()), ..hardware(Firmware::Bios) };
            let line = line(&hardware);
            assert!(line.contains(&format!("{device},drive=medium,bootindex=1")), "{line}");
            assert!(line.contains("mac=52:54:00:77:00:01,romfile= "), "{line}");
        }
    }
}
