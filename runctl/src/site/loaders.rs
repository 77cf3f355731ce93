//! The loaders that firmware starts: which the image of boot holds, which of them are sent first, and the operator's own.

use std::path::PathBuf;

/// First loaders that the image of boot holds for BIOS: iPXE over the card's own driver (two ways to end it), iPXE with
/// drivers of its own, PXELINUX.
pub const BIOS_LOADERS: [&str; 4] = ["undionly.kpxe", "undionly.kkpxe", "ipxe.pxe", "lpxelinux.0"];
/// The same for UEFI x86-64: iPXE over the firmware's driver, iPXE with drivers of its own, the signed shim before GRUB.
pub const UEFI_LOADERS: [&str; 3] = ["snponly.efi", "ipxe.efi", "shimx64.efi"];
/// The same for UEFI arm64: the signed shim before GRUB, iPXE with drivers of its own.
pub const ARM64_LOADERS: [&str; 2] = ["shimaa64.efi", "ipxe-arm64.efi"];
/// What the first loaders go on with, and what the loader media are made of.
pub const OTHER_LOADERS: [&str; 3] = ["grubx64.efi", "grubaa64.efi", "ipxe.lkrn"];

/// What machines are sent first, by their firmware, and which files are the operator's own.
#[derive(Clone, Debug)]
pub struct Loaders {
    /// To BIOS.
    pub bios: &'static str,
    /// To UEFI x86-64.
    pub uefi: &'static str,
    /// To UEFI arm64.
    pub arm64: &'static str,
    /// The operator's own, which take the place of those in the image.
    pub own: Vec<OwnLoader>,
}

/// A loader that the operator has put into `/etc/booddies/loaders/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnLoader {
    /// Its name, one of those above.
    pub name: &'static str,
    /// On the host.
    pub path: PathBuf,
    /// Its sha256, so that a new one is noticed.
    pub sha256: String,
}
