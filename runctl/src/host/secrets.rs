//! Keys, certificates and passwords: made once, kept, and made anew only when what they say no longer holds.

use std::path::{Path, PathBuf};

use jiff::{Timestamp, ToSpan as _, Zoned, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use sha2::Digest as _;
use ssh_key::rand_core::{OsRng, RngCore as _};
use ssh_key::{Algorithm, LineEnding, PrivateKey};

use super::files::write_atomically;
use crate::services::Secret;

/// A cut-off site outlives its builders' plans: the authority holds for twenty years.
const AUTHORITY_YEARS: i32 = 20;
/// What clients take as the longest life of a server's certificate is a little more than this.
const SERVER_YEARS: i32 = 2;
/// A certificate is made anew this long before its end.
const RENEW_DAYS: i32 = 60;
/// Clocks of machines that have never seen a time server lag behind.
const BACKDATE_DAYS: i32 = 30;
/// Work factor of bcrypt: 2^10 rounds, about 50 ms for each login.
const BCRYPT_COST: u32 = 10;

/// Why a secret could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A certificate could not be made.
    #[error("cannot make certificate {}", path.display())]
    Certificate {
        /// The certificate.
        path: PathBuf,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// An ssh key could not be made.
    #[error("cannot make ssh key {}", path.display())]
    SshKey {
        /// The private key.
        path: PathBuf,
        /// Why.
        #[source]
        source: ssh_key::Error,
    },
    /// A password could not be hashed.
    #[error("cannot hash the password in {}", path.display())]
    Hash {
        /// Where the password is kept.
        path: PathBuf,
        /// Why.
        #[source]
        source: bcrypt::BcryptError,
    },
}

/// Whether it must be made, or made anew.
pub fn is_due(secret: &Secret) -> bool {
    match secret {
        Secret::CertificateAuthority { key, certificate, .. } => {
            !key.exists() || !certificate.exists()
        }
        Secret::ServerCertificate { key, certificate, authority, names, .. } => {
            !key.exists() || !Label::of(names, authority).holds(certificate)
        }
        Secret::SshKey { path, .. } => !path.exists() || !public_half(path).exists(),
        Secret::Password { path, .. } => !path.exists(),
        Secret::PasswordFile { path, user, password, others, .. } => {
            is_older(path, password)
                || others.exists() && is_older(path, others)
                || !read(path).is_ok_and(|text| text.starts_with(&format!("{user}:")))
        }
        Secret::Rendered { path, template, password, .. } => {
            let meant = read_password(password).map(|password| template.replace("{}", &password));
            is_older(path, password)
                || !matches!((read(path), meant), (Ok(is), Ok(meant)) if is == meant)
        }
        Secret::Copy { path, original, .. } => {
            let (copy, original) = (fs_err::read(path), fs_err::read(original));
            !matches!((copy, original), (Ok(copy), Ok(original)) if copy == original)
        }
    }
}

/// Makes it, whatever is there.
pub fn make(secret: &Secret) -> Result<(), Error> {
    match secret {
        Secret::CertificateAuthority { key, certificate, name } => {
            make_authority(key, certificate, name)
        }
        Secret::ServerCertificate { key, certificate, authority_key, authority, names, owner } => {
            let signer = Signer { key: authority_key, certificate: authority };
            make_server(key, certificate, &signer, names, *owner)
        }
        Secret::SshKey { path, comment, owner } => make_ssh_key(path, comment, *owner),
        Secret::Password { path, owner } => {
            write(path, &format!("{}\n", random_password()), 0o600, *owner)
        }
        Secret::PasswordFile { path, user, password, others, owner } => {
            let hash = hash(&read_password(password)?)
                .map_err(|source| Error::Hash { path: password.clone(), source })?;
            let others = if others.exists() { read(others)? } else { String::new() };
            write(path, &format!("{user}:{hash}\n{others}"), 0o600, *owner)
        }
        Secret::Rendered { path, template, password, owner } => {
            write(path, &template.replace("{}", &read_password(password)?), 0o600, *owner)
        }
        Secret::Copy { path, original, mode, owner } => {
            write(path, &read(original)?, *mode, *owner)
        }
    }
}

/// Whether a derived file is missing or older than what it is made from.
fn is_older(derived: &Path, source: &Path) -> bool {
    let changed = |path: &Path| fs_err::metadata(path).and_then(|found| found.modified());
    !matches!((changed(derived), changed(source)), (Ok(derived), Ok(source)) if derived >= source)
}

fn read(path: &Path) -> Result<String, Error> {
    fs_err::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

fn read_password(path: &Path) -> Result<String, Error> {
    read(path).map(|text| text.trim().to_owned())
}

fn write(path: &Path, text: &str, mode: u32, owner: (u32, u32)) -> Result<(), Error> {
    // Only root can give files away; without it everything stays this user's.
    let owner = rustix::process::geteuid().is_root().then_some(owner);
    write_atomically(path, text.as_bytes(), mode, owner)
        .map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// Hashes a password as nginx reads it.
pub fn hash(password: &str) -> Result<String, bcrypt::BcryptError> {
    bcrypt::hash(password, BCRYPT_COST)
}

/// Makes a password that nobody guesses.
pub fn random_password() -> String {
    let mut bytes = [0; 16];
    OsRng.fill_bytes(&mut bytes);
    format!("{:032x}", u128::from_be_bytes(bytes))
}

fn public_half(key: &Path) -> PathBuf {
    key.with_added_extension("pub")
}

fn make_ssh_key(path: &Path, comment: &str, owner: (u32, u32)) -> Result<(), Error> {
    let failed = |source| Error::SshKey { path: path.to_owned(), source };
    let mut key = PrivateKey::random(&mut OsRng, Algorithm::Ed25519).map_err(failed)?;
    key.set_comment(comment);
    let public = key.public_key().to_openssh().map_err(failed)?;
    write(path, &key.to_openssh(LineEnding::LF).map_err(failed)?, 0o600, owner)?;
    write(&public_half(path), &format!("{public}\n"), 0o644, owner)
}

fn make_authority(key_path: &Path, path: &Path, name: &str) -> Result<(), Error> {
    let failed = |source| Error::Certificate { path: path.to_owned(), source };
    let key = KeyPair::generate().map_err(failed)?;
    let mut parameters = parameters(Vec::new(), name, AUTHORITY_YEARS).map_err(failed)?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = parameters.self_signed(&key).map_err(failed)?;
    write(key_path, &key.serialize_pem(), 0o600, (0, 0))?;
    write(path, &format!("{NAME}{name}\n{}", certificate.pem()), 0o644, (0, 0))
}

/// Who signs a server's certificate.
struct Signer<'a> {
    key: &'a Path,
    certificate: &'a Path,
}

fn make_server(
    key_path: &Path,
    path: &Path,
    signer: &Signer<'_>,
    names: &[String],
    owner: (u32, u32),
) -> Result<(), Error> {
    let failed = |source| Error::Certificate { path: path.to_owned(), source };
    let authority_key = KeyPair::from_pem(&read(signer.key)?).map_err(failed)?;
    // An issuer is its name and its key, and both are at hand: nothing has to take the certificate apart.
    let name = said(&read(signer.certificate)?, NAME).unwrap_or_default().to_owned();
    let issuer =
        Issuer::new(parameters(Vec::new(), &name, AUTHORITY_YEARS).map_err(failed)?, authority_key);
    let key = KeyPair::generate().map_err(failed)?;
    let common_name = names.first().map_or("", String::as_str);
    let mut parameters = parameters(names.to_vec(), common_name, SERVER_YEARS).map_err(failed)?;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters.use_authority_key_identifier_extension = true;
    let certificate = parameters.signed_by(&key, &issuer).map_err(failed)?;
    let label = Label::of(names, signer.certificate);
    write(key_path, &key.serialize_pem(), 0o600, owner)?;
    write(path, &format!("{}{}", label.lines(&end(SERVER_YEARS)), certificate.pem()), 0o644, owner)
}

fn parameters(
    names: Vec<String>,
    common_name: &str,
    years: i32,
) -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::new(names)?;
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, common_name);
    let day = |day: &Zoned| {
        let number = |part: i8| u8::try_from(part).unwrap_or(1);
        rcgen::date_time_ymd(day.year().into(), number(day.month()), number(day.day()))
    };
    parameters.not_before = day(&today().saturating_sub(BACKDATE_DAYS.days()));
    parameters.not_after = day(&end(years));
    Ok(parameters)
}

fn today() -> Zoned {
    Timestamp::now().to_zoned(TimeZone::UTC)
}

fn end(years: i32) -> Zoned {
    today().saturating_add(years.years())
}

/// Words above a certificate, which readers of PEM pass over: who it is, for whom, by whom, until when.
const NAME: &str = "authority ";
const FOR: &str = "for ";
const BY: &str = "by ";
const UNTIL: &str = "until ";

/// What stands behind a word above a certificate.
fn said<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(word))
}

/// What a server's certificate says.
struct Label {
    names: String,
    authority: String,
}

impl Label {
    fn of(names: &[String], authority: &Path) -> Self {
        let pem = fs_err::read(authority).unwrap_or_default();
        let digest = feeds::digest::Sha256(sha2::Sha256::digest(pem).into());
        Self { names: names.join(" "), authority: digest.to_string() }
    }

    fn lines(&self, end: &Zoned) -> String {
        format!("{FOR}{}\n{BY}{}\n{UNTIL}{}\n", self.names, self.authority, end.date())
    }

    /// Whether a certificate is labelled so, and its end is not near.
    fn holds(&self, certificate: &Path) -> bool {
        let Ok(text) = read(certificate) else {
            return false;
        };
        let soon = today().saturating_add(RENEW_DAYS.days()).date();
        let end = said(&text, UNTIL).and_then(|day| day.parse::<jiff::civil::Date>().ok());
        said(&text, FOR) == Some(&self.names)
            && said(&text, BY) == Some(&self.authority)
            && end.is_some_and(|end| end > soon)
    }
}

#[cfg(test)]
mod tests;
