//! Digests as they stand in indexes, lock files and object names, and the one hasher that computes them.

use std::fmt;
use std::str::FromStr;

use sha2::Digest as _;

/// The sha256 of an object: its name in the store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// Hashes bytes at hand.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A string is not 64 hexadecimal digits.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a sha256: 64 hexadecimal digits are expected")]
pub struct NotSha256(String);

impl FromStr for Sha256 {
    type Err = NotSha256;

    fn from_str(text: &str) -> Result<Self, NotSha256> {
        read_hex(text).map(Self).ok_or_else(|| NotSha256(text.to_owned()))
    }
}

impl serde::Serialize for Sha256 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Sha256 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A digest by an algorithm other than sha256, as an index may give it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Digest {
    /// Too weak to be trusted: it tells a broken download, not a forged one.
    Sha1([u8; 20]),
    /// As good as sha256.
    Sha384([u8; 48]),
    /// As good as sha256.
    Sha512([u8; 64]),
}

impl Digest {
    /// Reads the hexadecimal digits of `algorithm`; nothing if either is not known.
    pub fn parse(algorithm: &str, hex: &str) -> Option<Self> {
        match algorithm {
            "sha1" | "sha" => read_hex(hex).map(Self::Sha1),
            "sha384" => read_hex(hex).map(Self::Sha384),
            "sha512" => read_hex(hex).map(Self::Sha512),
            _ => None,
        }
    }

    /// Names the algorithm.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Sha1(_) => "sha1",
            Self::Sha384(_) => "sha384",
            Self::Sha512(_) => "sha512",
        }
    }

    /// Tells whether a forger cannot make another file of the same digest.
    pub fn is_strong(&self) -> bool {
        !matches!(self, Self::Sha1(_))
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Sha1(bytes) => bytes,
            Self::Sha384(bytes) => bytes,
            Self::Sha512(bytes) => bytes,
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, self.bytes())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{self}", self.algorithm())
    }
}

/// Bytes of the longest digest.
const LONGEST: usize = 64;

/// Computes the sha256 of what passes by, and one other digest where an index asks for it.
#[derive(Clone)]
pub struct Hasher {
    sha256: sha2::Sha256,
    other: Option<Other>,
}

#[derive(Clone)]
enum Other {
    Sha1(sha1::Sha1),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// Starts at nothing; `other` chooses the second algorithm.
    pub fn new(other: Option<&Digest>) -> Self {
        let other = other.map(|digest| match digest {
            Digest::Sha1(_) => Other::Sha1(sha1::Sha1::new()),
            Digest::Sha384(_) => Other::Sha384(sha2::Sha384::new()),
            Digest::Sha512(_) => Other::Sha512(sha2::Sha512::new()),
        });
        Self { sha256: sha2::Sha256::new(), other }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        match &mut self.other {
            None => {}
            Some(Other::Sha1(hasher)) => hasher.update(bytes),
            Some(Other::Sha384(hasher)) => hasher.update(bytes),
            Some(Other::Sha512(hasher)) => hasher.update(bytes),
        }
    }

    /// Returns both digests of all bytes taken.
    pub fn finish(self) -> (Sha256, Option<Digest>) {
        let other = self.other.map(|other| match other {
            Other::Sha1(hasher) => Digest::Sha1(hasher.finalize().into()),
            Other::Sha384(hasher) => Digest::Sha384(hasher.finalize().into()),
            Other::Sha512(hasher) => Digest::Sha512(hasher.finalize().into()),
        });
        (Sha256(self.sha256.finalize().into()), other)
    }
}

/// Writes all digits at once: names of objects are written by the hundred thousand.
fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 2 * LONGEST];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    f.write_str(std::str::from_utf8(&text[..2 * bytes.len()]).map_err(|_| fmt::Error)?)
}

/// Reads exactly `N` bytes from `2 * N` hexadecimal digits of either case.
fn read_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let value = |digit: u8| u8::try_from(char::from(digit).to_digit(16)?).ok();
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn reads_back_what_it_writes() {
        let digest: Sha256 = EMPTY.parse().unwrap();
        assert_eq!(digest, Sha256::of(b""));
        assert_eq!(digest.to_string(), EMPTY);
        assert_eq!(EMPTY.to_uppercase().parse::<Sha256>().unwrap(), digest);
    }

    #[test]
    fn refuses_signs_and_wrong_lengths() {
        for wrong in ["", "e3", &EMPTY.replace("e3", "+3"), &EMPTY[1..], &format!("{EMPTY}0")] {
            assert!(wrong.parse::<Sha256>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn hashes_in_parts_as_at_once() {
        let wanted = Digest::parse("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d").unwrap();
        let mut hasher = Hasher::new(Some(&wanted));
        hasher.update(b"a");
        hasher.update(b"bc");
        assert_eq!(hasher.finish(), (Sha256::of(b"abc"), Some(wanted)));
    }
}
