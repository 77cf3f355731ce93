//! Packages made here: signed, by somebody else, tampered with, cut off, hostile.

use super::super::header::{HEADER_MAGIC, LEAD, LEAD_MAGIC};
use super::*;
use crate::trust::SiteKey;

/// A header with these tags: (tag, type, count, data).
fn section(tags: &[(u32, u32, usize, Vec<u8>)]) -> Vec<u8> {
    let mut data: Vec<u8> = Vec::new();
    let mut index = Vec::new();
    for (tag, kind, count, bytes) in tags {
        let count = u32::try_from(*count).expect("small");
        let offset = u32::try_from(data.len()).expect("small");
        for number in [*tag, *kind, offset, count] {
            index.extend(number.to_be_bytes());
        }
        data.extend(bytes);
    }
    let mut bytes = HEADER_MAGIC.to_vec();
    bytes.extend(u32::try_from(tags.len()).expect("small").to_be_bytes());
    bytes.extend(u32::try_from(data.len()).expect("small").to_be_bytes());
    bytes.extend(index);
    bytes.extend(data);
    bytes
}

fn package(signatures: &[(u32, u32, usize, Vec<u8>)], header: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = LEAD_MAGIC.to_vec();
    bytes.resize(LEAD, 0);
    bytes.extend(section(signatures));
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes.extend(header);
    bytes.extend(payload);
    bytes
}

fn header(payload: &[u8]) -> Vec<u8> {
    let digest = format!("{}\0", Sha256::of(payload)).into_bytes();
    section(&[(1000, 6, 1, b"suite\0".to_vec()), (5092, 8, 1, digest)])
}

struct World {
    key: SiteKey,
    keys: PackageKeys,
    _folder: tempfile::TempDir,
}

fn world() -> World {
    let folder = tempfile::tempdir().expect("a folder");
    let key = SiteKey::open_or_create(&folder.path().join("key"), "Tester").expect("a key");
    let public = key.public_key_binary().expect("its public half");
    let keyring = Arc::new(Keyring::parse("test", &public).expect("a keyring"));
    let keys =
        PackageKeys { keyring, payloads: true, beside: BTreeSet::new(), proven: HashSet::new() };
    World { key, keys, _folder: folder }
}

impl World {
    /// A signature in the two forms that headers have: of tag 278 as text, of tag 268 in binary.
    fn sign(&self, header: &[u8]) -> [(u32, u32, usize, Vec<u8>); 2] {
        let armoured = self.key.sign_detached_armored(header, 1).expect("signed");
        let lines =
            armoured.lines().filter(|line| !line.starts_with(['-', '=']) && !line.contains(": "));
        let text: String = lines.collect();
        let (signature, _) =
            <pgp::composed::DetachedSignature as pgp::composed::Deserializable>::from_string(
                &armoured,
            )
            .expect("a signature");
        let binary = pgp::ser::Serialize::to_bytes(&signature).expect("bytes");
        [(OPENPGP, 8, 1, (text + "\0").into_bytes()), (268, 7, binary.len(), binary)]
    }

    fn check(&self, package: &[u8]) -> Result<(), String> {
        check(package, &self.keys).map_err(|why| why.to_string())
    }
}

#[test]
fn takes_what_a_key_signed_in_either_form() {
    let world = world();
    let header = header(b"payload");
    for signature in world.sign(&header) {
        world.check(&package(&[signature], &header, b"payload")).expect("signed");
    }
}

#[test]
fn refuses_what_nobody_or_somebody_else_signed() {
    let (mine, other) = (world(), world());
    let header = header(b"payload");
    let unsigned = mine.check(&package(&[], &header, b"payload")).expect_err("unsigned");
    assert_eq!(unsigned, "there is no signature");
    let [text, binary] = other.sign(&header);
    for signature in [text, binary] {
        let strange = mine.check(&package(&[signature], &header, b"payload")).expect_err("strange");
        assert!(strange.contains(&other.key.fingerprint()), "{strange}");
        assert!(strange.contains("not in the keyring"), "{strange}");
    }
}

#[test]
fn refuses_what_was_changed() {
    let mut world = world();
    let signed = header(b"payload");
    let [_, binary] = world.sign(&signed);
    let changed = header(b"another");
    let forged = package(std::slice::from_ref(&binary), &changed, b"another");
    assert!(world.check(&forged).expect_err("forged").contains("not what was signed"));
    let swapped = package(&[binary], &signed, b"another");
    assert!(world.check(&swapped).expect_err("swapped").contains("payload"));
    world.keys.payloads = false;
    world.check(&swapped).expect("its digest in signed metadata vouches for it");
}

#[test]
fn refuses_a_signature_that_does_not_reach_the_payload() {
    let world = world();
    let bare = section(&[(1000, 6, 1, b"suite\0".to_vec())]);
    let [_, binary] = world.sign(&bare);
    let refused = world.check(&package(&[binary], &bare, b"payload")).expect_err("bare");
    assert!(refused.contains("does not cover"), "{refused}");
}

#[test]
fn refuses_hostile_headers() {
    let world = world();
    let header = header(b"payload");
    let [_, binary] = world.sign(&header);
    let whole = package(std::slice::from_ref(&binary), &header, b"");
    for end in 0..whole.len() {
        assert!(world.check(&whole[..end]).is_err(), "cut at {end}");
    }
    let far =
        package(&[(268, 7, usize::try_from(u32::MAX).expect("64 bits"), binary.3)], &header, b"");
    assert!(world.check(&far).is_err());
    let mut endless = whole;
    endless[LEAD + 8..LEAD + 16].fill(0xff);
    assert!(world.check(&endless).expect_err("endless").contains("too long"));
}
