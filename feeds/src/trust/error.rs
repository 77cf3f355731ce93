//! What goes wrong with keys and signatures, told so that an operator can see which key is missing.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::error::{Class, Classified};

/// A key or a signature that cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant tells what its fields are")]
pub enum Error {
    /// The keyring is not readable.
    #[error("cannot read the keyring `{}`", path.display())]
    ReadKeyring { path: PathBuf, source: io::Error },
    /// What should be a keyring is something else.
    #[error("`{name}` is not an OpenPGP keyring")]
    ParseKeyring { name: String, source: Box<pgp::errors::Error> },
    /// A keyring without a certificate trusts nobody.
    #[error("no OpenPGP certificate in {}", names.join(", "))]
    EmptyKeyring { names: Vec<String> },
    /// What was signed is not readable.
    #[error("cannot read what was signed, `{}`", path.display())]
    ReadSigned { path: PathBuf, source: io::Error },
    /// What should be a signature is something else.
    #[error("cannot read the signature")]
    ParseSignature { source: Box<pgp::errors::Error> },
    /// What was signed, or the signature, has a neighbour that nobody signed.
    #[error("something stands beside the signature, and nobody signed it")]
    Beside,
    /// There is no signature at all.
    #[error("there is no signature")]
    Unsigned,
    /// None of the signatures is a good one by a trusted key.
    #[error("no good signature by a trusted key: {}; trusted are {}", told(refusals), trusted.join(", "))]
    Untrusted { refusals: Vec<Refusal>, trusted: Vec<String> },
    /// The site's key is not readable or not writable.
    #[error("cannot keep the site's signing key in `{}`", path.display())]
    KeepSiteKey { path: PathBuf, source: io::Error },
    /// The site's key file holds something else.
    #[error("`{}` is not an OpenPGP secret key", path.display())]
    ParseSiteKey { path: PathBuf, source: Box<pgp::errors::Error> },
    /// The site's key could not be made.
    #[error("cannot make a signing key for the site")]
    MakeSiteKey { source: Box<pgp::errors::Error> },
    /// The site's key did not sign.
    #[error("cannot sign with the site's key")]
    Sign { source: Box<pgp::errors::Error> },
}

/// One signature that does not count, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The key id or fingerprint that the signature names.
    pub signer: String,
    /// Why it does not count.
    pub why: Why,
}

/// Why a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// No certificate of the keyring has this key.
    NotInKeyring,
    /// Its hash can be forged, or is not known.
    WeakHash(String),
    /// It is not a signature over a document.
    NotOverDocument,
    /// The key ended before now.
    KeyExpired,
    /// The key was revoked.
    KeyRevoked,
    /// The key is not bound to its certificate, or not meant to sign.
    KeyNotForSigning,
    /// The signature itself ended before now.
    SignatureExpired,
    /// The data is not what was signed.
    DataChanged,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInKeyring => f.write_str("not in the keyring"),
            Self::WeakHash(hash) => write!(f, "uses the hash {hash}, which proves nothing"),
            Self::NotOverDocument => f.write_str("does not sign a document"),
            Self::KeyExpired => f.write_str("the key has expired"),
            Self::KeyRevoked => f.write_str("the key was revoked"),
            Self::KeyNotForSigning => f.write_str("the key is not meant to sign"),
            Self::SignatureExpired => f.write_str("the signature has expired"),
            Self::DataChanged => f.write_str("the data is not what was signed"),
        }
    }
}

fn told(refusals: &[Refusal]) -> String {
    let each: Vec<_> = refusals.iter().map(|one| format!("{} ({})", one.signer, one.why)).collect();
    each.join(", ")
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::ReadKeyring { .. } | Self::ParseKeyring { .. } | Self::EmptyKeyring { .. } => {
                Class::Configuration
            }
            Self::ParseSignature { .. }
            | Self::Beside
            | Self::Unsigned
            | Self::Untrusted { .. } => Class::Verification,
            Self::KeepSiteKey { .. }
            | Self::ParseSiteKey { .. }
            | Self::MakeSiteKey { .. }
            | Self::ReadSigned { .. }
            | Self::Sign { .. } => Class::Local,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::ReadKeyring { .. } | Self::ParseKeyring { .. } | Self::EmptyKeyring { .. } => {
                Some("name a file of OpenPGP certificates, armoured or binary".to_owned())
            }
            Self::Untrusted { refusals, .. }
                if refusals.iter().any(|one| one.why == Why::DataChanged) =>
            {
                Some("try again, or another mirror: what came is not what was signed".to_owned())
            }
            Self::Untrusted { .. } => {
                Some("install the upstream's present keyring, or name the right one".to_owned())
            }
            _ => None,
        }
    }
}
