//! One certificate: which of its keys may sign documents, and until when.

use std::io::Read;

use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::packet::{Signature, SignatureType, SubpacketData};
use pgp::types::{KeyDetails as _, Tag, Timestamp};

use super::error::Why;

/// What the keyring's owner said about one key of a certificate.
enum Standing {
    /// It may sign, until the given second if there is one.
    Signs { until: Option<u64> },
    /// It was taken back.
    Revoked,
    /// It is not bound to the certificate, or bound for something else.
    NotForSigning,
}

impl Standing {
    fn allows(&self, now: Timestamp) -> Result<(), Why> {
        match self {
            Self::Signs { until: Some(until) } if u64::from(now.as_secs()) >= *until => {
                Err(Why::KeyExpired)
            }
            Self::Signs { .. } => Ok(()),
            Self::Revoked => Err(Why::KeyRevoked),
            Self::NotForSigning => Err(Why::KeyNotForSigning),
        }
    }
}

/// A key of a certificate, named by a signature.
pub(super) enum Signer<'a> {
    Primary(&'a SignedPublicKey),
    Subkey(&'a SignedPublicKey, &'a SignedPublicSubKey),
}

impl<'a> Signer<'a> {
    /// Finds the key that a signature names among the keys of a certificate.
    pub(super) fn find(certificate: &'a SignedPublicKey, signature: &Signature) -> Option<Self> {
        if names(signature, &certificate.primary_key) {
            return Some(Self::Primary(certificate));
        }
        let subkey = certificate.public_subkeys.iter().find(|sub| names(signature, &sub.key))?;
        Some(Self::Subkey(certificate, subkey))
    }

    /// Checks that the key may sign now and that it made this signature over this data.
    pub(super) fn check(
        &self,
        signature: &Signature,
        data: impl Read,
        now: Timestamp,
    ) -> Result<(), Why> {
        let verified = match self {
            Self::Primary(certificate) => {
                primary_standing(certificate).allows(now)?;
                signature.verify(&certificate.primary_key, data)
            }
            Self::Subkey(certificate, subkey) => {
                // A subkey lives no longer than its certificate; the primary need not sign documents itself.
                match primary_standing(certificate).allows(now) {
                    Ok(()) | Err(Why::KeyNotForSigning) => {}
                    Err(why) => return Err(why),
                }
                subkey_standing(certificate, subkey).allows(now)?;
                signature.verify(&subkey.key, data)
            }
        };
        verified.map_err(|_| Why::DataChanged)
    }

    /// The fingerprint of the key that signed.
    pub(super) fn fingerprint(&self) -> String {
        match self {
            Self::Primary(certificate) => format!("{:X}", certificate.primary_key.fingerprint()),
            Self::Subkey(_, subkey) => format!("{:X}", subkey.key.fingerprint()),
        }
    }

    /// The certificate that the key belongs to.
    pub(super) fn certificate(&self) -> &'a SignedPublicKey {
        match self {
            Self::Primary(certificate) | Self::Subkey(certificate, _) => certificate,
        }
    }
}

/// Tells whether the signature names this key, by fingerprint or by key id.
fn names(signature: &Signature, key: &impl pgp::types::KeyDetails) -> bool {
    signature.issuer_fingerprint().contains(&&key.fingerprint())
        || signature.issuer_key_id().contains(&&key.legacy_key_id())
}

fn primary_standing(certificate: &SignedPublicKey) -> Standing {
    let key = &certificate.primary_key;
    let details = &certificate.details;
    if details.revocation_signatures.iter().any(|one| one.verify_key(key).is_ok()) {
        return Standing::Revoked;
    }
    let direct = details.direct_signatures.iter().filter(|one| one.verify_key(key).is_ok());
    let about_users = details.users.iter().flat_map(|user| {
        user.signatures.iter().filter(|one| {
            one.typ() != Some(SignatureType::CertRevocation)
                && names(one, key)
                && one.verify_certification(key, Tag::UserId, &user.id).is_ok()
        })
    });
    match newest(direct.chain(about_users)) {
        Some(said) if may_sign(said) => Standing::Signs { until: ends(said, key.created_at()) },
        _ => Standing::NotForSigning,
    }
}

fn subkey_standing(certificate: &SignedPublicKey, subkey: &SignedPublicSubKey) -> Standing {
    let primary = &certificate.primary_key;
    let bound = || {
        let own = subkey.signatures.iter();
        own.filter(|one| one.verify_subkey_binding(primary, &subkey.key).is_ok())
    };
    if bound().any(|one| one.typ() == Some(SignatureType::SubkeyRevocation)) {
        return Standing::Revoked;
    }
    let Some(said) = newest(bound()) else {
        return Standing::NotForSigning;
    };
    // The subkey must agree to its binding, or anyone could adopt a stranger's signing key.
    let agreed = said
        .embedded_signature()
        .is_some_and(|back| back.verify_primary_key_binding(&subkey.key, primary).is_ok());
    if said.key_flags().sign() && agreed {
        Standing::Signs { until: ends(said, subkey.key.created_at()) }
    } else {
        Standing::NotForSigning
    }
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|one| one.created().map(Timestamp::as_secs))
}

/// Tells whether a self-signature lets its primary key sign: old keys carry no flags and may do everything.
fn may_sign(said: &Signature) -> bool {
    let flagged = said.config().is_some_and(|config| {
        config.hashed_subpackets().any(|one| matches!(one.data, SubpacketData::KeyFlags(_)))
    });
    !flagged || said.key_flags().sign()
}

fn ends(said: &Signature, created: Timestamp) -> Option<u64> {
    let lasts =
        said.key_expiration_time().map(pgp::types::Duration::as_secs).filter(|&s| s != 0)?;
    Some(u64::from(created.as_secs()) + u64::from(lasts))
}
