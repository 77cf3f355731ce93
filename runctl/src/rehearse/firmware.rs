//! Where distributions put QEMU and the UEFI firmware.

use std::path::{Path, PathBuf};

use rack::Firmware;

use crate::failure::{Class, Failure, Outcome};

/// QEMU for x86-64: on Debian and Arch, Fedora, EL.
const EMULATORS: [&str; 3] =
    ["/usr/bin/qemu-system-x86_64", "/usr/local/bin/qemu-system-x86_64", "/usr/libexec/qemu-kvm"];
/// QEMU for arm64.
const ARM64_EMULATORS: [&str; 2] =
    ["/usr/bin/qemu-system-aarch64", "/usr/local/bin/qemu-system-aarch64"];

/// UEFI firmware and the template of its variables: on Debian, Fedora and EL, Arch, openSUSE.
const UEFI: [(&str, &str); 5] = [
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin"),
];
/// The same that starts signed programs only, its variables with Microsoft's keys in them.
const SECURE_BOOT: [(&str, &str); 3] = [
    ("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd", "/usr/share/edk2/ovmf/OVMF_VARS.secboot.fd"),
    ("/usr/share/qemu/ovmf-x86_64-smm-ms-code.bin", "/usr/share/qemu/ovmf-x86_64-smm-ms-vars.bin"),
];
/// The same for arm64.
const ARM64: [(&str, &str); 3] = [
    ("/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"),
    (
        "/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw",
        "/usr/share/edk2/aarch64/vars-template-pflash.raw",
    ),
    ("/usr/share/qemu/aavmf-aarch64-code.bin", "/usr/share/qemu/aavmf-aarch64-vars.bin"),
];

/// UEFI firmware on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Uefi {
    /// The code, read-only.
    pub(super) code: PathBuf,
    /// What its variables start from; each machine writes its own copy.
    pub(super) variables: PathBuf,
}

/// Finds the QEMU that has the processor which this firmware starts.
pub(super) fn emulator(firmware: Firmware) -> Outcome<PathBuf> {
    let (emulators, hint) = if firmware == Firmware::Arm64 {
        (
            &ARM64_EMULATORS[..],
            "install `qemu-system-arm` (Debian, Ubuntu) or `qemu-system-aarch64` (Fedora, Arch)",
        )
    } else {
        (
            &EMULATORS[..],
            "install `qemu-system-x86`, `ipxe-qemu` and `ovmf` (Debian, Ubuntu), `qemu-kvm` and `edk2-ovmf` (Fedora, \
             EL), or `qemu-base` and `edk2-ovmf` (Arch)",
        )
    };
    let found = emulators.iter().map(Path::new).find(|path| path.exists());
    found.map(Path::to_owned).ok_or_else(|| {
        let architecture = firmware.architecture();
        Failure::say(
            Class::Missing,
            format!("there is no QEMU for {architecture} to rehearse with"),
        )
        .hint(hint)
    })
}

/// Finds the UEFI firmware; BIOS needs none, QEMU brings its own.
pub(super) fn uefi(firmware: Firmware) -> Outcome<Option<Uefi>> {
    let (files, hint) = match firmware {
        Firmware::Bios | Firmware::Pxelinux => return Ok(None),
        Firmware::Uefi | Firmware::UefiHttp => {
            (&UEFI[..], "install `ovmf` (Debian, Ubuntu) or `edk2-ovmf` (Fedora, EL, Arch)")
        }
        Firmware::SecureBoot => {
            (&SECURE_BOOT[..], "install `ovmf` (Debian, Ubuntu) or `edk2-ovmf` (Fedora, EL)")
        }
        Firmware::Arm64 => (
            &ARM64[..],
            "install `qemu-efi-aarch64` (Debian, Ubuntu) or `edk2-aarch64` (Fedora, Arch)",
        ),
    };
    let pairs = files
        .iter()
        .map(|(code, variables)| Uefi { code: code.into(), variables: variables.into() });
    let mut present = pairs.filter(|uefi| uefi.code.exists() && uefi.variables.exists());
    let missing = || {
        Failure::say(Class::Missing, format!("there is no firmware to rehearse {firmware} with"))
            .hint(hint)
    };
    present.next().ok_or_else(missing).map(Some)
}
