//! The keys that an operator trusts for one repository, OpenPGP and ssh, and the check of one signature against them.

use std::path::{Path, PathBuf};

use fs_err as fs;
use ssh_key::{HashAlg, PublicKey, SshSig};

use super::Error;
use crate::trust::{self, Keyring};

/// What a signature by ssh is made for; one that was made for something else proves nothing.
const NAMESPACE: &str = "git";

/// Keys that are trusted together.
#[derive(Debug, Default)]
pub(super) struct Signers {
    keyring: Option<Keyring>,
    keys: Vec<PublicKey>,
}

/// Why a signature does not count.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of a variant tells what its field is")]
pub enum Refused {
    /// There is none.
    #[error("it carries no signature")]
    Unsigned,
    /// It is by OpenPGP and no named file holds such keys.
    #[error("it is signed by OpenPGP, and no OpenPGP key is named")]
    NoOpenPgpKey,
    /// By OpenPGP.
    #[error("its OpenPGP signature does not count")]
    OpenPgp(#[source] trust::Error),
    /// It does not read as one by ssh.
    #[error("its ssh signature cannot be read")]
    Ssh(#[source] ssh_key::Error),
    /// By an ssh key that nobody named.
    #[error("it is signed by the ssh key {fingerprint}, which is not named")]
    Stranger { fingerprint: String },
    /// By a key that was named, over something else.
    #[error("its signature by the ssh key {fingerprint} does not hold")]
    Forged { fingerprint: String },
    /// A tag under another's name.
    #[error("it is the tag {called}")]
    Misnamed { called: String },
    /// Neither commit nor tag.
    #[error("it is neither a commit nor a signed tag")]
    Nothing,
}

impl Signers {
    /// Reads files of keys: OpenPGP keyrings, armoured or binary; ssh public keys or `allowed_signers`, one a line.
    pub(super) fn load(paths: &[PathBuf]) -> Result<Self, Error> {
        let (mut keyrings, mut keys) = (Vec::new(), Vec::new());
        for path in paths {
            let bytes = fs::read(path)
                .map_err(|source| Error::Keys { path: path.clone(), source: source.into() })?;
            match String::from_utf8(bytes) {
                Ok(text) if !text.contains("-----BEGIN PGP") => keys.extend(lines(path, &text)?),
                _ => keyrings.push(path.clone()),
            }
        }
        let keyring = if keyrings.is_empty() {
            None
        } else {
            let load = |source| Error::Keys { path: keyrings[0].clone(), source: Box::new(source) };
            Some(Keyring::load(&keyrings).map_err(load)?)
        };
        Ok(Self { keyring, keys })
    }

    /// Checks a signature of either kind; returns who made it.
    pub(super) fn verify(&self, signature: &[u8], data: &[u8]) -> Result<String, Refused> {
        if signature.starts_with(b"-----BEGIN SSH SIGNATURE-----") {
            return self.verify_ssh(signature, data);
        }
        let keyring = self.keyring.as_ref().ok_or(Refused::NoOpenPgpKey)?;
        let by = keyring.verify_detached(data, signature).map_err(Refused::OpenPgp)?;
        Ok(by.user.unwrap_or(by.fingerprint))
    }

    fn verify_ssh(&self, signature: &[u8], data: &[u8]) -> Result<String, Refused> {
        let signature = SshSig::from_pem(signature).map_err(Refused::Ssh)?;
        let fingerprint = signature.public_key().fingerprint(HashAlg::Sha256).to_string();
        let Some(key) = self.keys.iter().find(|key| key.key_data() == signature.public_key())
        else {
            return Err(Refused::Stranger { fingerprint });
        };
        match key.verify(NAMESPACE, data, &signature) {
            Ok(()) if key.comment().is_empty() => Ok(fingerprint),
            Ok(()) => Ok(key.comment().to_owned()),
            Err(_) => Err(Refused::Forged { fingerprint }),
        }
    }
}

/// Reads keys one a line; names before them, as `allowed_signers` has them, tell whose they are.
fn lines(path: &Path, text: &str) -> Result<Vec<PublicKey>, Error> {
    let mut keys = Vec::new();
    for line in text.lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with('#')) {
        let wrong = |source| Error::Keys { path: path.to_owned(), source };
        keys.extend(key(line).map_err(wrong)?);
    }
    Ok(keys)
}

/// Reads one line; none where its key is for something else than git.
fn key(line: &str) -> Result<Option<PublicKey>, Box<dyn std::error::Error + Send + Sync>> {
    let is_type = |word: &str| ["ssh-", "ecdsa-", "sk-"].iter().any(|it| word.starts_with(it));
    let words: Vec<_> = line.split_whitespace().collect();
    let Some(start) = words.iter().position(|word| is_type(word)) else {
        return Err(format!("`{line}` has no key").into());
    };
    for option in words.iter().take(start).skip(1) {
        match option.strip_prefix("namespaces=") {
            Some(names) if names.trim_matches('"').split(',').any(|it| it == NAMESPACE) => {}
            Some(_) => return Ok(None),
            None => return Err(format!("the option `{option}` is not known here").into()),
        }
    }
    let mut key = PublicKey::from_openssh(&words[start..].join(" "))?;
    if start > 0 {
        key.set_comment(words[0]);
    }
    Ok(Some(key))
}

#[cfg(test)]
mod tests {
    use ssh_key::{LineEnding, PrivateKey, private::Ed25519Keypair};

    use super::*;

    fn private(seed: u8) -> PrivateKey {
        PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
    }

    fn line(seed: u8) -> String {
        private(seed).public_key().to_openssh().unwrap()
    }

    fn sign(seed: u8, namespace: &str, data: &[u8]) -> String {
        let signature = private(seed).sign(namespace, HashAlg::Sha512, data).unwrap();
        signature.to_pem(LineEnding::LF).unwrap()
    }

    fn signers(text: &str) -> Signers {
        Signers { keyring: None, keys: lines(Path::new("keys"), text).unwrap() }
    }

    #[test]
    fn a_named_ssh_key_counts_and_others_do_not() {
        let named = signers(&format!("# ours\n\nada@example namespaces=\"git\" {}\n", line(1)));
        let verify = |signature: String| named.verify(signature.as_bytes(), b"data");
        assert_eq!(verify(sign(1, "git", b"data")).unwrap(), "ada@example");
        assert!(matches!(verify(sign(2, "git", b"data")), Err(Refused::Stranger { .. })));
        assert!(matches!(verify(sign(1, "git", b"other")), Err(Refused::Forged { .. })));
        assert!(matches!(verify(sign(1, "file", b"data")), Err(Refused::Forged { .. })));
        let openpgp = verify("-----BEGIN PGP SIGNATURE-----\n".to_owned());
        assert!(matches!(openpgp, Err(Refused::NoOpenPgpKey)));
    }

    #[test]
    fn lines_for_something_else_are_passed_over_and_unknown_options_are_not() {
        assert!(signers(&format!("a namespaces=\"file\" {}", line(1))).keys.is_empty());
        assert_eq!(signers(&line(1)).keys.len(), 1);
        for wrong in ["a cert-authority ", "a valid-before=\"20200101\" "] {
            assert!(key(&format!("{wrong}{}", line(1))).is_err());
        }
        assert!(key("nonsense").is_err());
    }
}
