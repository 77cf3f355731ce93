//! Signatures as cosign makes them beside an image: a payload that names the image's digest, and ECDSA over it. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::Deserialize;

use super::manifest::Digest;

/// The annotation of a payload's layer that holds the signature.
pub(super) const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// What stands before the point of a P-256 key in DER.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// A point: a byte that says that it is not compressed, and two coordinates.
const POINT: usize = 65;

/// A public key, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    name: String,
    point: Vec<u8>,
}

/// Bytes are no public key that cosign signs with.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "this is not a public ECDSA key on the curve P-256 in PEM, as `cosign generate-key-pair` writes it"
)]
pub struct NotKey;

impl Key {
    /// Reads `cosign.pub`.
    pub fn read(name: &str, pem: &str) -> Result<Self, NotKey> {
        let (_, rest) = pem.split_once("-----BEGIN PUBLIC KEY-----").ok_or(NotKey)?;
        let (body, _) = rest.split_once("-----END PUBLIC KEY-----").ok_or(NotKey)?;
        let body: String = body.split_whitespace().collect();
        let der = BASE64.decode(body).map_err(|_| NotKey)?;
        let point = der.strip_prefix(&P256).filter(|it| it.len() == POINT).ok_or(NotKey)?;
        Ok(Self { name: name.to_owned(), point: point.to_vec() })
    }

    /// What it is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it vouches for the image by that payload and signature.
    pub(super) fn vouches(&self, image: &Digest, payload: &[u8], signature: &str) -> bool {
        let Ok(signature) = BASE64.decode(signature.trim()) else { return false };
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point);
        key.verify(payload, &signature).is_ok() && Payload::names(payload) == Some(*image)
    }
}

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: Digest,
}

impl Payload {
    /// The image that a payload is about.
    fn names(payload: &[u8]) -> Option<Digest> {
        let critical = serde_json::from_slice::<Self>(payload).ok()?.critical;
        let known = ["cosign container image signature", "atomic container signature"];
        known.contains(&critical.kind.as_str()).then_some(critical.image.docker_manifest_digest)
    }
}

/// Makes keys and signatures, as cosign does.
#[cfg(test)]
pub(super) mod signing {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

    use super::*;

    /// A private key.
    pub(in super::super) struct Signer(EcdsaKeyPair);

    impl Signer {
        pub(in super::super) fn new() -> Self {
            let random = SystemRandom::new();
            let kind = &ECDSA_P256_SHA256_ASN1_SIGNING;
            let key = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
            Self(EcdsaKeyPair::from_pkcs8(kind, key.as_ref(), &random).unwrap())
        }

        /// The public half, by way of its PEM.
        pub(in super::super) fn key(&self, name: &str) -> Key {
            let der = [&P256[..], self.0.public_key().as_ref()].concat();
            let body = BASE64.encode(der);
            let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
            Key::read(name, &pem).unwrap()
        }

        /// A payload about an image, and the signature.
        pub(in super::super) fn sign(&self, image: &Digest) -> (String, String) {
            let payload = format!(
                r#"{{"critical":{{"identity":{{"docker-reference":""}},"image":{{"docker-manifest-digest":"{image}"}},"type":"cosign container image signature"}},"optional":null}}"#
            );
            let signature = self.0.sign(&SystemRandom::new(), payload.as_bytes()).unwrap();
            (payload, BASE64.encode(signature))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::signing::Signer;
    use super::*;

    /// Made by openssl: `ecparam -name prime256v1 -genkey`, `ec -pubout`, `dgst -sha256 -sign`.
    const PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE/55J6qtZRPNT3k8+PPq0gxY8AoCn\n\
        CR9XUc3dwSfNuZnZqVhwZPZgLE2puZwjSGcwD0Sh7CNKZdU8LpaAtAFuZA==\n\
        -----END PUBLIC KEY-----";
    const PAYLOAD: &str = r#"{"critical":{"identity":{"docker-reference":"box"},"image":{"docker-manifest-digest":"sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d"},"type":"cosign container image signature"},"optional":null}"#;
    const SIGNED: &str = "MEUCIQCWjkTN39g0J/Ge+PwouZGH7oHtQG9LUrOjTxnPXL0HaQIgAbIu6qgv1RXfenzjDeHfGXPomjdut2leLX22mJu7aig=";

    #[test]
    fn what_openssl_signed_is_believed() {
        let key = Key::read("cosign.pub", PEM).unwrap();
        assert!(key.vouches(&Digest::of(b"image"), PAYLOAD.as_bytes(), SIGNED));
        assert!(!key.vouches(&Digest::of(b"image"), PAYLOAD.replace('b', "c").as_bytes(), SIGNED));
        assert_eq!(key.name(), "cosign.pub");
    }

    #[test]
    fn only_the_key_the_payload_and_the_image_that_belong_together_are_believed() {
        let (signer, image) = (Signer::new(), Digest::of(b"image"));
        let (payload, signature) = signer.sign(&image);
        let vouches = |signer: &Signer, image: &Digest, payload: &str, signature: &str| {
            signer.key("k").vouches(image, payload.as_bytes(), signature)
        };
        assert!(vouches(&signer, &image, &payload, &signature));
        assert!(!vouches(&Signer::new(), &image, &payload, &signature), "another key");
        assert!(!vouches(&signer, &Digest::of(b"x"), &payload, &signature), "another image");
        assert!(!vouches(&signer, &image, &format!("{payload} "), &signature), "another payload");
        assert!(!vouches(&signer, &image, &payload, "no base64"), "no signature");
    }

    #[test]
    fn what_is_no_key_is_told_so() {
        let rsa = "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJB\n-----END PUBLIC KEY-----";
        assert!(["", "cosign.pub", rsa].iter().all(|text| Key::read("k", text).is_err()));
    }
}
