//! A Debian with systemd and an engine on a disk of its own, and the virtual machine that boots from it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::run;

/// What the machine is made of.
const PACKAGES: &str = "systemd-sysv,udev,dbus,iproute2,iptables,kmod,docker.io,linux-image-cloud-amd64,\
                        initramfs-tools,procps,e2fsprogs,ca-certificates";

/// A disk, mounted here until a machine boots from it.
pub struct Disk {
    folder: tempfile::TempDir,
    mounted: bool,
}

impl Disk {
    /// Makes a disk with a Debian on it; the package run is kept for the next time.
    pub fn debian() -> Self {
        let folder = tempfile::Builder::new().prefix("booddies-vm-").tempdir().expect("a folder");
        let mut disk = Self { folder, mounted: false };
        let kept = keep();
        let archive = kept.join("systemd-root.tar");
        if !archive.exists() {
            install_debian(&kept, &archive);
        }
        fs_err::copy(kept.join("vmlinuz"), disk.path("vmlinuz")).expect("the kernel is copied");
        fs_err::copy(kept.join("initrd"), disk.path("initrd")).expect("the initrd is copied");
        run(Command::new("truncate").args(["--size", "3G"]).arg(disk.image())).ok();
        run(Command::new("mke2fs")
            .args(["-q", "-t", "ext4", "-O", "^has_journal"])
            .arg(disk.image()))
        .ok();
        fs_err::create_dir(disk.root()).expect("a mount point");
        run(Command::new("mount").args(["-o", "loop"]).arg(disk.image()).arg(disk.root())).ok();
        disk.mounted = true;
        run(Command::new("tar").arg("-C").arg(disk.root()).arg("-xf").arg(archive)).ok();
        disk
    }

    /// Where its root file system is mounted.
    pub fn root(&self) -> PathBuf {
        self.path("root")
    }

    /// Gives its engine images of this host's engine: an engine of its own runs on the disk for as long as that takes.
    pub fn load_images(&self, images: &[String]) {
        let archive = self.path("images.tar");
        run(Command::new("docker").args(["save", "-o"]).arg(&archive).args(images)).ok();
        let socket = format!("unix://{}", self.path("engine.sock").display());
        let log = fs_err::File::create(self.path("engine.log")).expect("a log");
        // In a network of its own: an engine without a bridge would take away that of this host's engine.
        let mut engine = Command::new("unshare")
            .args([
                "--net",
                "dockerd",
                "--bridge=none",
                "--iptables=false",
                "--host",
                &socket,
                "--data-root",
            ])
            .arg(self.root().join("var/lib/docker"))
            .arg("--exec-root")
            .arg(self.path("engine"))
            .arg("--pidfile")
            .arg(self.path("engine.pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.into_file())
            .spawn()
            .expect("dockerd starts");
        let docker =
            |arguments: &[&str]| run(Command::new("docker").args(["-H", &socket]).args(arguments));
        let end = Instant::now() + Duration::from_mins(1);
        while docker(&["version"]).code != 0 {
            assert!(Instant::now() < end, "the engine on the disk does not come up");
            std::thread::sleep(Duration::from_millis(200));
        }
        let loaded = docker(&["load", "--quiet", "--input", &archive.display().to_string()]);
        run(Command::new("kill").arg(engine.id().to_string())).ok();
        engine.wait().expect("the engine ends");
        loaded.ok();
        fs_err::remove_file(archive).expect("the archive goes");
    }

    /// Unmounts the disk and boots a machine from it, without any network; its kernel is emulated, so everywhere alike.
    pub fn boot(mut self) -> Machine {
        self.unmount();
        let serial = self.path("serial.log");
        let qemu = Command::new("qemu-system-x86_64")
            .args(["-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max", "-smp", "2", "-m", "1536"])
            .args(["-nodefaults", "-display", "none", "-nic", "none", "-no-reboot", "-serial"])
            .arg(format!("file:{}", serial.display()))
            .arg("-drive")
            .arg(format!("file={},format=raw,if=virtio,cache=unsafe", self.image().display()))
            .arg("-kernel")
            .arg(self.path("vmlinuz"))
            .arg("-initrd")
            .arg(self.path("initrd"))
            .args(["-append", "root=/dev/vda rw console=ttyS0 mitigations=off apparmor=0 quiet systemd.show_status=0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("QEMU starts");
        Machine { qemu, serial, _disk: self }
    }

    fn unmount(&mut self) {
        if std::mem::take(&mut self.mounted) {
            run(Command::new("umount").arg(self.root())).ok();
        }
    }

    fn image(&self) -> PathBuf {
        self.path("disk")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.unmount();
    }
}

/// A running machine; it is switched off when dropped.
pub struct Machine {
    qemu: Child,
    serial: PathBuf,
    _disk: Disk,
}

impl Machine {
    /// Waits until the machine has powered itself off, and gives what it wrote to its serial console.
    pub fn until_off(&mut self, limit: Duration) -> String {
        let end = Instant::now() + limit;
        while self.qemu.try_wait().expect("QEMU can be waited for").is_none() {
            assert!(Instant::now() < end, "the machine runs after {limit:?}:\n{}", self.console());
            std::thread::sleep(Duration::from_millis(200));
        }
        self.console()
    }

    fn console(&self) -> String {
        let bytes = fs_err::read(&self.serial).expect("the serial console is a file");
        String::from_utf8_lossy(&bytes).replace('\r', "")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Off already is as good.
        drop(self.qemu.kill());
        drop(self.qemu.wait());
    }
}

/// Where what takes minutes to make is kept between runs.
fn keep() -> PathBuf {
    let folder = std::env::var_os("SUITE_LOGS")
        .map_or_else(|| crate::repository().join("target/suite"), PathBuf::from);
    fs_err::create_dir_all(&folder).expect("a folder to keep things in");
    folder
}

/// Installs the machine's packages from this host's own APT sources.
fn install_debian(kept: &Path, archive: &Path) {
    let script = crate::repository().join("tests/vm/install-debian");
    let beside = archive.with_extension("new.tar");
    run(Command::new(script).arg(PACKAGES).arg(&beside).current_dir(kept)).ok();
    fs_err::rename(beside, archive).expect("the archive takes its place");
}
