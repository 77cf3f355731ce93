//! Where distributions put QEMU and the UEFI firmware.

use std::path::{Path, PathBuf};

use crate::failure::{Class, Failure, Outcome};

/// QEMU for x86-64: on Debian and Arch, Fedora, EL.
const EMULATORS: [&str; 3] =
    ["/usr/bin/qemu-system-x86_64", "/usr/local/bin/qemu-system-x86_64", "/usr/libexec/qemu-kvm"];

/// UEFI firmware and the template of its variables: on Debian, Fedora and EL, Arch, openSUSE.
const UEFI: [(&str, &str); 5] = [
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin"),
];

/// UEFI firmware on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Uefi {
    /// The code, read-only.
    pub(super) code: PathBuf,
    /// What its variables start from; each machine writes its own copy.
    pub(super) variables: PathBuf,
}

/// Finds QEMU.
pub(super) fn emulator() -> Outcome<PathBuf> {
    let found = EMULATORS.iter().map(Path::new).find(|path| path.exists());
    found.map(Path::to_owned).ok_or_else(|| {
        Failure::say(Class::Missing, "there is no QEMU to rehearse with").hint(
            "install `qemu-system-x86`, `ipxe-qemu` and `ovmf` (Debian, Ubuntu), `qemu-kvm` and `edk2-ovmf` (Fedora, \
             EL), or `qemu-base` and `edk2-ovmf` (Arch)",
        )
    })
}

/// Finds the UEFI firmware.
pub(super) fn uefi() -> Outcome<Uefi> {
    let pairs = UEFI
        .iter()
        .map(|(code, variables)| Uefi { code: code.into(), variables: variables.into() });
    let mut present = pairs.filter(|uefi| uefi.code.exists() && uefi.variables.exists());
    present.next().ok_or_else(|| {
        Failure::say(Class::Missing, "there is no UEFI firmware to rehearse with")
            .hint("install `ovmf` (Debian, Ubuntu) or `edk2-ovmf` (Fedora, EL, Arch)")
    })
}
