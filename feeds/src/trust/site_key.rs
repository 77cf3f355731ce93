//! The key that a site signs its own indexes with.
//!
//! Ed25519 in a version 4 packet: what every gpgv and rpm in use reads. Ed25519 needs no randomness to sign, so equal
//! documents signed as of the same time give equal bytes, and an unchanged upstream an unchanged tree.

use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;

use pgp::composed::{
    ArmorOptions, CleartextSignedMessage, Deserializable as _, DetachedSignature, KeyType,
    SecretKeyParamsBuilder, SignedPublicKey, SignedSecretKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::ser::Serialize as _;
use pgp::types::{KeyDetails as _, KeyVersion, Password, Timestamp};

use super::error::Error;

/// The secret key of a site, and its public half.
pub struct SiteKey {
    secret: SignedSecretKey,
    public: SignedPublicKey,
}

impl fmt::Debug for SiteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SiteKey").field(&self.fingerprint()).finish()
    }
}

impl SiteKey {
    /// Opens the key, or makes it (readable by its owner alone) where there is none yet.
    pub fn open_or_create(path: &Path, user_id: &str) -> Result<Self, Error> {
        let keep = |source| Error::KeepSiteKey { path: path.to_owned(), source };
        match fs_err::read_to_string(path) {
            Ok(text) => Self::parse(path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secret = generate(user_id)
                    .map_err(|source| Error::MakeSiteKey { source: Box::new(source) })?;
                let text = secret
                    .to_armored_string(ArmorOptions::default())
                    .map_err(|source| Error::MakeSiteKey { source: Box::new(source) })?;
                match write_secret(path, &text) {
                    // Another run was quicker: there is one key per site, so take its.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        Self::parse(path, &fs_err::read_to_string(path).map_err(keep)?)
                    }
                    written => written.map_err(keep).map(|()| Self::of(secret)),
                }
            }
            Err(error) => Err(keep(error)),
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let (secret, _) = SignedSecretKey::from_string(text).map_err(|source| {
            Error::ParseSiteKey { path: path.to_owned(), source: Box::new(source) }
        })?;
        Ok(Self::of(secret))
    }

    fn of(secret: SignedSecretKey) -> Self {
        let public = secret.to_public_key();
        Self { secret, public }
    }

    /// The fingerprint that clients see.
    pub fn fingerprint(&self) -> String {
        format!("{:X}", self.secret.fingerprint())
    }

    /// Signs a text as of `made` (seconds since 1970) and returns it with the signature around it.
    pub fn sign_cleartext(&self, text: &str, made: u64) -> Result<String, Error> {
        // The framework's last line break belongs to the signature's header line, not to the text.
        let body = text.strip_suffix('\n').unwrap_or(text);
        let config = self.config(SignatureType::Text, made);
        config
            .and_then(|config| {
                let key = &self.secret.primary_key;
                CleartextSignedMessage::new(body, config, key, &Password::empty())
            })
            .and_then(|message| message.to_armored_string(ArmorOptions::default()))
            .map_err(|source| Error::Sign { source: Box::new(source) })
    }

    /// Signs bytes as of `made` (seconds since 1970) and returns the armoured signature.
    pub fn sign_detached_armored(&self, data: &[u8], made: u64) -> Result<String, Error> {
        self.sign(data, made)
            .and_then(|signature| {
                DetachedSignature::new(signature).to_armored_string(ArmorOptions::default())
            })
            .map_err(|source| Error::Sign { source: Box::new(source) })
    }

    fn sign(&self, data: &[u8], made: u64) -> pgp::errors::Result<Signature> {
        let config = self.config(SignatureType::Binary, made)?;
        config.sign(&self.secret.primary_key, &Password::empty(), data)
    }

    fn config(&self, typ: SignatureType, made: u64) -> pgp::errors::Result<SignatureConfig> {
        let key = &self.secret.primary_key;
        // gpgv refuses a signature older than its key.
        let earliest = key.created_at().as_secs();
        let made = u32::try_from(made).unwrap_or(u32::MAX).max(earliest);
        let mut config = SignatureConfig::v4(typ, key.algorithm(), HashAlgorithm::Sha512);
        config.hashed_subpackets = vec![
            Subpacket::regular(SubpacketData::SignatureCreationTime(Timestamp::from_secs(made)))?,
            Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
        ];
        config.unhashed_subpackets =
            vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id()))?];
        Ok(config)
    }

    /// The public key as apt's `Signed-By` takes it from a `.gpg` file.
    pub fn public_key_binary(&self) -> Result<Vec<u8>, Error> {
        self.public.to_bytes().map_err(|source| Error::Sign { source: Box::new(source) })
    }

    /// The public key as apt's `Signed-By` takes it from an `.asc` file.
    pub fn public_key_armored(&self) -> Result<String, Error> {
        self.public
            .to_armored_string(ArmorOptions::default())
            .map_err(|source| Error::Sign { source: Box::new(source) })
    }
}

fn generate(user_id: &str) -> pgp::errors::Result<SignedSecretKey> {
    let mut params = SecretKeyParamsBuilder::default();
    params
        .version(KeyVersion::V4)
        .key_type(KeyType::Ed25519Legacy)
        .can_certify(true)
        .can_sign(true)
        .primary_user_id(user_id.to_owned());
    let params = params.build().map_err(|wrong| pgp::errors::Error::from(wrong.to_string()))?;
    params.generate(rand::rngs::OsRng)
}

/// Writes the key beside its place and links it in, so that it appears whole and never replaces another.
fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs_err::create_dir_all(folder)?;
    // Temporary files are made with mode 0600.
    let mut beside = tempfile::NamedTempFile::new_in(folder)?;
    beside.write_all(text.as_bytes())?;
    beside.as_file().sync_all()?;
    beside.persist_noclobber(path).map(drop).map_err(|error| error.error)
}
