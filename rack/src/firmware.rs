//! The ways in which machines start. DHCP finds out by itself which loader fits; what is written here decides where it
//! cannot (Secure Boot, PXELINUX), and how a rehearsal starts.

/// How a machine starts.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Firmware {
    /// Legacy BIOS, by iPXE.
    #[default]
    Bios,
    /// Legacy BIOS, by PXELINUX, for cards that no iPXE gets along with.
    Pxelinux,
    /// UEFI x86-64, by PXE.
    Uefi,
    /// UEFI x86-64, by HTTP.
    #[serde(rename = "uefi-http")]
    UefiHttp,
    /// UEFI x86-64 that starts signed programs only.
    SecureBoot,
    /// UEFI arm64.
    Arm64,
}

impl Firmware {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Bios, Self::Pxelinux, Self::Uefi, Self::UefiHttp, Self::SecureBoot, Self::Arm64];

    /// Their words in configuration and on the command line, in the order of [`Firmware::ALL`].
    pub const WORDS: [&str; 6] = ["bios", "pxelinux", "uefi", "uefi-http", "secureboot", "arm64"];

    /// The firmware of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        let at = Self::WORDS.iter().position(|known| *known == word)?;
        Some(Self::ALL[at])
    }

    /// Its word in configuration and on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bios => "bios",
            Self::Pxelinux => "pxelinux",
            Self::Uefi => "uefi",
            Self::UefiHttp => "uefi-http",
            Self::SecureBoot => "secureboot",
            Self::Arm64 => "arm64",
        }
    }

    /// Our word for the processors that it starts.
    pub const fn architecture(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            _ => "x86_64",
        }
    }

    /// Whether it starts programs from an EFI system partition.
    pub const fn is_uefi(self) -> bool {
        !matches!(self, Self::Bios | Self::Pxelinux)
    }
}

impl std::fmt::Display for Firmware {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Bios => "BIOS",
            Self::Pxelinux => "BIOS with PXELINUX",
            Self::Uefi => "UEFI",
            Self::UefiHttp => "UEFI over HTTP",
            Self::SecureBoot => "UEFI with Secure Boot",
            Self::Arm64 => "UEFI arm64",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Firmware;

    #[test]
    fn each_has_its_word_everywhere() {
        for (firmware, word) in Firmware::ALL.into_iter().zip(Firmware::WORDS) {
            assert_eq!(firmware.word(), word);
            assert_eq!(Firmware::of_word(word), Some(firmware));
            assert_eq!(serde_json::json!(firmware), word);
        }
        assert_eq!(Firmware::of_word("efi"), None);
    }
}
