//! The certificates an operator trusts for one upstream, and the check of a signature against them.

use std::io::{Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use pgp::composed::{
    ArmorOptions, CleartextSignedMessage, Deserializable as _, DetachedSignature, SignedPublicKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::types::{KeyDetails as _, Timestamp};

use super::certificate::Signer;
use super::error::{Error, Refusal, Why};

/// Certificates that are trusted together.
#[derive(Clone, Debug)]
pub struct Keyring {
    certificates: Vec<SignedPublicKey>,
}

/// The key whose good signature decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBy {
    /// The fingerprint of the certificate.
    pub fingerprint: String,
    /// The fingerprint of the key in it that signed.
    pub key: String,
    /// The first user id of the certificate, where it has one.
    pub user: Option<String>,
}

impl Keyring {
    /// Reads keyring files, armoured or binary, each with any number of certificates.
    pub fn load(paths: &[PathBuf]) -> Result<Self, Error> {
        let mut certificates = Vec::new();
        for path in paths {
            let bytes = fs_err::read(path)
                .map_err(|source| Error::ReadKeyring { path: path.clone(), source })?;
            certificates.extend(parse(&path.display().to_string(), &bytes)?);
        }
        let names = || paths.iter().map(|path| format!("`{}`", path.display())).collect();
        Self::of(certificates, names)
    }

    /// Reads certificates that stand in a configuration itself; `name` says where.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, Error> {
        Self::of(parse(name, bytes)?, || vec![format!("`{name}`")])
    }

    fn of(
        certificates: Vec<SignedPublicKey>,
        names: impl Fn() -> Vec<String>,
    ) -> Result<Self, Error> {
        if certificates.is_empty() {
            return Err(Error::EmptyKeyring { names: names() });
        }
        Ok(Self { certificates })
    }

    /// Checks a detached signature, armoured or binary: one good one by a trusted key suffices.
    pub fn verify_detached(&self, data: &[u8], signature: &[u8]) -> Result<SignedBy, Error> {
        self.verify(&detached(signature)?, &mut Cursor::new(data), Timestamp::now())
    }

    /// Checks a detached signature of a file of any length, which is never held as a whole.
    pub fn verify_detached_file(&self, file: &Path, signature: &[u8]) -> Result<SignedBy, Error> {
        let unread = |source| Error::ReadSigned { path: file.to_owned(), source };
        let mut data = fs_err::File::open(file).map_err(unread)?;
        self.verify(&detached(signature)?, &mut data, Timestamp::now())
    }

    /// Checks a document with its signature around it; returns what was signed, and nothing else, with `\n` lines.
    pub fn verify_cleartext(&self, document: &[u8]) -> Result<(String, SignedBy), Error> {
        let (message, _) = CleartextSignedMessage::from_armor(document)
            .map_err(|source| Error::ParseSignature { source: Box::new(source) })?;
        let signed = message.signed_text();
        let by = self.verify(message.signatures(), &mut Cursor::new(&signed), Timestamp::now())?;
        Ok((with_plain_lines(&signed), by))
    }

    fn verify(
        &self,
        signatures: &[Signature],
        data: &mut (impl Read + Seek),
        now: Timestamp,
    ) -> Result<SignedBy, Error> {
        let mut refusals = Vec::new();
        for signature in signatures {
            match self.verify_one(signature, data, now) {
                Ok(by) => return Ok(by),
                Err(why) => refusals.push(Refusal { signer: signer_name(signature), why }),
            }
        }
        if refusals.is_empty() {
            return Err(Error::Unsigned);
        }
        Err(Error::Untrusted { refusals, trusted: self.key_ids() })
    }

    fn verify_one(
        &self,
        signature: &Signature,
        data: &mut (impl Read + Seek),
        now: Timestamp,
    ) -> Result<SignedBy, Why> {
        admissible(signature, now)?;
        let mut refused = Why::NotInKeyring;
        // Two certificates may carry the same key, one of them out of date: the first that holds decides.
        for signer in self.certificates.iter().filter_map(|one| Signer::find(one, signature)) {
            data.rewind().map_err(|_| Why::DataChanged)?;
            match signer.check(signature, &mut *data, now) {
                Ok(()) => return Ok(signed_by(&signer)),
                Err(why) => refused = why,
            }
        }
        Err(refused)
    }

    /// The key ids of all certificates, as people compare them.
    pub fn key_ids(&self) -> Vec<String> {
        self.certificates.iter().map(|one| hex(one.primary_key.legacy_key_id().as_ref())).collect()
    }
}

/// Returns what a document with its signature around it says that it signs: one that was verified before.
pub fn signed_text(document: &[u8]) -> Option<String> {
    let (message, _) = CleartextSignedMessage::from_armor(document).ok()?;
    Some(with_plain_lines(&message.signed_text()))
}

fn with_plain_lines(signed: &str) -> String {
    signed.replace("\r\n", "\n") + "\n"
}

/// Reads a keyring file as clients import it: armoured, whatever it was.
pub fn armoured(path: &Path) -> Result<String, Error> {
    let bytes = fs_err::read(path)
        .map_err(|source| Error::ReadKeyring { path: path.to_owned(), source })?;
    let name = path.display().to_string();
    let certificates = parse(&name, &bytes)?;
    if let Ok(text) = String::from_utf8(bytes) {
        return Ok(text);
    }
    let blocks = certificates.iter().map(|one| one.to_armored_string(ArmorOptions::default()));
    blocks
        .collect::<Result<_, _>>()
        .map_err(|source| Error::ParseKeyring { name, source: Box::new(source) })
}

fn signed_by(signer: &Signer<'_>) -> SignedBy {
    let certificate = signer.certificate();
    SignedBy {
        fingerprint: format!("{:X}", certificate.primary_key.fingerprint()),
        key: signer.fingerprint(),
        user: certificate
            .details
            .users
            .first()
            .map(|user| String::from_utf8_lossy(user.id.id()).into_owned()),
    }
}

/// Refuses a signature for what it is, before any key is looked at.
fn admissible(signature: &Signature, now: Timestamp) -> Result<(), Why> {
    if !matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text)) {
        return Err(Why::NotOverDocument);
    }
    match signature.hash_alg() {
        Some(
            HashAlgorithm::Sha256
            | HashAlgorithm::Sha384
            | HashAlgorithm::Sha512
            | HashAlgorithm::Sha3_256
            | HashAlgorithm::Sha3_512,
        ) => {}
        other => {
            return Err(Why::WeakHash(other.map_or("unknown".to_owned(), |hash| hash.to_string())));
        }
    }
    let lasts = signature.signature_expiration_time().map_or(0, pgp::types::Duration::as_secs);
    let made = signature.created().map_or(0, Timestamp::as_secs);
    if lasts != 0 && u64::from(now.as_secs()) >= u64::from(made) + u64::from(lasts) {
        return Err(Why::SignatureExpired);
    }
    Ok(())
}

fn signer_name(signature: &Signature) -> String {
    if let Some(fingerprint) = signature.issuer_fingerprint().first() {
        return format!("{fingerprint:X}");
    }
    let id = signature.issuer_key_id().first().map(|id| hex(id.as_ref()));
    id.unwrap_or_else(|| "an unnamed key".to_owned())
}

/// Reads detached signatures, and refuses armour with anything beside it: that would be served as if it were signed, and
/// clients differ in what they make of it.
fn detached(bytes: &[u8]) -> Result<Vec<Signature>, Error> {
    let parsed = DetachedSignature::from_reader_many_buf(bytes)
        .and_then(|(signatures, _)| signatures.map(|one| one.map(|it| it.signature)).collect());
    let signatures = parsed.map_err(|source| Error::ParseSignature { source: Box::new(source) })?;
    // Each packet of a binary one has its highest bit set, and all are read to the end.
    let is_binary = bytes.first().is_some_and(|first| !first.is_ascii());
    let armour = bytes.trim_ascii();
    if is_binary || (armour.starts_with(BEGIN) && armour.ends_with(END)) {
        Ok(signatures)
    } else {
        Err(Error::Beside)
    }
}

/// Reads all certificates of one file; armoured files may hold several blocks, one after the other.
fn parse(name: &str, bytes: &[u8]) -> Result<Vec<SignedPublicKey>, Error> {
    let fail = |source| Error::ParseKeyring { name: name.to_owned(), source: Box::new(source) };
    let Some(armoured) = std::str::from_utf8(bytes).ok().filter(|text| text.contains(BLOCK)) else {
        return SignedPublicKey::from_bytes_many(bytes).and_then(Iterator::collect).map_err(fail);
    };
    let starts: Vec<_> = armoured.match_indices(BLOCK).map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([armoured.len()]);
    let mut certificates = Vec::new();
    for (&start, end) in starts.iter().zip(ends) {
        let (block, _) = SignedPublicKey::from_string_many(&armoured[start..end]).map_err(fail)?;
        for certificate in block {
            certificates.push(certificate.map_err(fail)?);
        }
    }
    Ok(certificates)
}

const BLOCK: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const BEGIN: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
const END: &[u8] = b"-----END PGP SIGNATURE-----";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02X}"))
}

#[cfg(test)]
mod tests;
