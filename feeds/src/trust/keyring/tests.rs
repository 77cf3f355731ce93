//! Signatures by keys made here: good, tampered with, expired, revoked, weak, strange.

use std::path::Path;

use pgp::composed::{
    ArmorOptions, CleartextSignedMessage, DetachedSignature, EncryptionCaps, KeyType,
    SecretKeyParamsBuilder, SignedSecretKey, SubkeyParamsBuilder,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{KeyFlags, SignatureConfig, Subpacket, SubpacketData};
use pgp::ser::Serialize as _;
use pgp::types::{Duration, KeyVersion, Mpi, Password, SignatureBytes, SigningKey, Tag};
use rand::rngs::OsRng;

use super::super::SiteKey;
use super::*;

const DATA: &[u8] = b"Origin: test\n- dashed\ntrailing \n";
const DAY: u32 = 86_400;

fn key(created: Timestamp, signing_subkey: bool) -> SignedSecretKey {
    let mut params = SecretKeyParamsBuilder::default();
    params
        .version(KeyVersion::V4)
        .key_type(KeyType::Ed25519Legacy)
        .can_certify(true)
        .can_sign(!signing_subkey)
        .can_encrypt(EncryptionCaps::None)
        .created_at(created)
        .primary_user_id("Tester <test@example.org>".to_owned());
    if signing_subkey {
        let mut sub = SubkeyParamsBuilder::default();
        sub.key_type(KeyType::Ed25519Legacy).can_sign(true).created_at(created);
        params.subkey(sub.build().expect("subkey"));
    }
    params.build().expect("params").generate(OsRng).expect("key")
}

fn ring(keys: &[&SignedSecretKey]) -> Keyring {
    let bytes: Vec<u8> =
        keys.iter().flat_map(|key| key.to_public_key().to_bytes().expect("bytes")).collect();
    Keyring::parse("test", &bytes).expect("ring")
}

fn sign(key: &impl SigningKey, hash: HashAlgorithm) -> DetachedSignature {
    DetachedSignature::sign_binary_data(OsRng, key, &Password::empty(), hash, DATA).expect("signed")
}

fn detached_by(key: &SignedSecretKey) -> Vec<u8> {
    sign(&key.primary_key, HashAlgorithm::Sha256).to_bytes().expect("bytes")
}

fn refusals(result: Result<SignedBy, Error>) -> Vec<Why> {
    match result {
        Err(Error::Untrusted { refusals, .. }) => refusals.into_iter().map(|r| r.why).collect(),
        other => panic!("not refused as untrusted: {other:?}"),
    }
}

/// Replaces the self-signature of the only user id by one with more to say.
fn restate(key: &mut SignedSecretKey, lasts: Duration) {
    let primary = &key.primary_key;
    let mut flags = KeyFlags::default();
    flags.set_sign(true);
    let typ = SignatureType::CertPositive;
    let mut config = SignatureConfig::v4(typ, primary.algorithm(), HashAlgorithm::Sha256);
    config.hashed_subpackets = [
        SubpacketData::SignatureCreationTime(primary.created_at()),
        SubpacketData::IssuerFingerprint(primary.fingerprint()),
        SubpacketData::KeyFlags(flags),
        SubpacketData::KeyExpirationTime(lasts),
    ]
    .map(|data| Subpacket::regular(data).expect("subpacket"))
    .into();
    let user = &mut key.details.users[0];
    let public = primary.public_key();
    user.signatures = vec![
        config
            .sign_certification(primary, &public, &Password::empty(), Tag::UserId, &user.id)
            .expect("certified"),
    ];
}

#[test]
fn good_signatures_by_primary_and_subkey_are_taken_in_both_encodings() {
    let (plain, with_subkey) = (key(Timestamp::now(), false), key(Timestamp::now(), true));
    let ring = ring(&[&plain, &with_subkey]);
    let by = ring.verify_detached(DATA, &detached_by(&plain)).expect("primary");
    assert_eq!(by.fingerprint, by.key);
    assert_eq!(by.user.as_deref(), Some("Tester <test@example.org>"));

    let signature = sign(&with_subkey.secret_subkeys[0].key, HashAlgorithm::Sha512);
    let armoured = signature.to_armored_bytes(ArmorOptions::default()).expect("armour");
    let by = ring.verify_detached(DATA, &armoured).expect("subkey");
    assert_ne!(by.fingerprint, by.key);
}

#[test]
fn one_good_signature_among_strange_ones_suffices() {
    let (trusted, stranger) = (key(Timestamp::now(), false), key(Timestamp::now(), false));
    let both = [detached_by(&stranger), detached_by(&trusted)].concat();
    ring(&[&trusted]).verify_detached(DATA, &both).expect("the second is trusted");
}

#[test]
fn changed_data_and_strangers_are_refused_and_named() {
    let (trusted, stranger) = (key(Timestamp::now(), false), key(Timestamp::now(), false));
    let ring = ring(&[&trusted]);
    let changed = ring.verify_detached(b"Origin: tesT\n", &detached_by(&trusted));
    assert_eq!(refusals(changed), [Why::DataChanged]);

    let strange = ring.verify_detached(DATA, &detached_by(&stranger)).expect_err("a stranger");
    let told = strange.to_string();
    assert!(told.contains(&format!("{:X}", stranger.fingerprint())), "{told}");
    assert!(told.contains(&ring.key_ids()[0]), "{told}");
}

#[test]
fn weak_hashes_are_refused() {
    let trusted = key(Timestamp::now(), false);
    let primary = &trusted.primary_key;
    // No library still signs so; the hash is looked at before the signature itself.
    let mut config =
        SignatureConfig::v4(SignatureType::Binary, primary.algorithm(), HashAlgorithm::Sha1);
    let issuer = SubpacketData::IssuerFingerprint(primary.fingerprint());
    config.hashed_subpackets = vec![Subpacket::regular(issuer).expect("subpacket")];
    let half = Mpi::from_slice(&[7; 32]);
    let weak =
        Signature::from_config(config, [0; 2], SignatureBytes::Mpis(vec![half.clone(), half]));
    let bytes = DetachedSignature::new(weak.expect("a signature")).to_bytes().expect("bytes");
    let refused = ring(&[&trusted]).verify_detached(DATA, &bytes);
    assert_eq!(refusals(refused), [Why::WeakHash("SHA1".to_owned())]);
}

#[test]
fn expired_keys_are_refused() {
    let long_ago = Timestamp::from_secs(Timestamp::now().as_secs() - 10 * DAY);
    let mut old = key(long_ago, false);
    restate(&mut old, Duration::from_secs(20 * DAY));
    ring(&[&old]).verify_detached(DATA, &detached_by(&old)).expect("still good");
    restate(&mut old, Duration::from_secs(DAY));
    let refused = ring(&[&old]).verify_detached(DATA, &detached_by(&old));
    assert_eq!(refusals(refused), [Why::KeyExpired]);
}

#[test]
fn revoked_keys_are_refused() {
    let mut revoked = key(Timestamp::now(), false);
    let primary = &revoked.primary_key;
    let typ = SignatureType::KeyRevocation;
    let mut config = SignatureConfig::v4(typ, primary.algorithm(), HashAlgorithm::Sha256);
    config.hashed_subpackets = [
        SubpacketData::SignatureCreationTime(Timestamp::now()),
        SubpacketData::IssuerFingerprint(primary.fingerprint()),
    ]
    .map(|data| Subpacket::regular(data).expect("subpacket"))
    .into();
    let revocation =
        config.sign_key(primary, &Password::empty(), &primary.public_key()).expect("revocation");
    revoked.details.revocation_signatures.push(revocation);
    let refused = ring(&[&revoked]).verify_detached(DATA, &detached_by(&revoked));
    assert_eq!(refusals(refused), [Why::KeyRevoked]);
}

#[test]
fn keys_that_may_not_sign_are_refused() {
    let with_subkey = key(Timestamp::now(), true);
    let by_primary = detached_by(&with_subkey);
    let refused = ring(&[&with_subkey]).verify_detached(DATA, &by_primary);
    assert_eq!(refusals(refused), [Why::KeyNotForSigning]);
}

#[test]
fn cleartext_returns_what_was_signed_and_nothing_else() {
    let trusted = key(Timestamp::now(), false);
    let text = "Origin: test\n- dashed\nlast";
    let signed =
        CleartextSignedMessage::sign(OsRng, text, &trusted.primary_key, &Password::empty())
            .and_then(|message| message.to_armored_string(ArmorOptions::default()))
            .expect("signed");
    let ring = ring(&[&trusted]);
    let (read, _) = ring.verify_cleartext(signed.as_bytes()).expect("good");
    assert_eq!(read, "Origin: test\n- dashed\nlast\n");

    let tampered = signed.replace("Origin: test", "Origin: evil");
    ring.verify_cleartext(tampered.as_bytes()).expect_err("tampered with");
}

#[test]
fn nothing_may_stand_beside_what_was_signed_nor_beside_a_signature() {
    let trusted = key(Timestamp::now(), false);
    let ring = ring(&[&trusted]);
    let armour = ArmorOptions::default();
    let around =
        CleartextSignedMessage::sign(OsRng, "Origin: x", &trusted.primary_key, &Password::empty())
            .and_then(|message| message.to_armored_string(armour.clone()))
            .expect("signed");
    for beside in [format!("Origin: evil\n\n{around}"), format!("{around}and more")] {
        ring.verify_cleartext(beside.as_bytes()).expect_err("something stands beside it");
    }
    let signature = sign(&trusted.primary_key, HashAlgorithm::Sha256);
    let signature = signature.to_armored_string(armour).expect("armour");
    let check = |text: String| ring.verify_detached(DATA, text.as_bytes());
    check(format!("\n{signature}\n\n")).expect("blanks say nothing");
    for beside in [format!("evil\n{signature}"), format!("{signature}and more")] {
        let refused = check(beside).expect_err("something stands beside it");
        assert!(matches!(refused, Error::Beside), "{refused:?}");
    }
    let binary = [&detached_by(&trusted), &b"and more"[..]].concat();
    ring.verify_detached(DATA, &binary).expect_err("that is no packet");
}

#[test]
fn garbage_and_emptiness_are_told_apart() {
    let ring = ring(&[&key(Timestamp::now(), false)]);
    assert!(matches!(ring.verify_detached(DATA, b""), Err(Error::ParseSignature { .. })));
    assert!(matches!(ring.verify_cleartext(b"Origin: x\n"), Err(Error::ParseSignature { .. })));
    assert!(matches!(Keyring::parse("empty", b""), Err(Error::EmptyKeyring { .. })));
    assert!(Keyring::load(&["/nonexistent/ring.gpg".into()]).is_err());
}

#[test]
fn several_armoured_blocks_in_one_file_are_all_read() {
    let keys = [key(Timestamp::now(), false), key(Timestamp::now(), true)];
    let text: String = keys
        .iter()
        .map(|one| one.to_public_key().to_armored_string(ArmorOptions::default()).expect("armour"))
        .collect();
    let ring = Keyring::parse("two", text.as_bytes()).expect("ring");
    assert_eq!(ring.key_ids().len(), 2);
}

#[test]
fn the_site_key_signs_what_its_public_half_verifies_and_keeps_its_file_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("keys/site.asc");
    let open = |path: &Path| SiteKey::open_or_create(path, "booddies test").expect("key");
    let site = open(&path);
    let mode = fs_err::metadata(&path).expect("file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(open(&path).fingerprint(), site.fingerprint());

    let ring = Keyring::parse("site", &site.public_key_binary().expect("key")).expect("ring");
    let text = "Origin: booddies\n- dashed\n";
    let signed = site.sign_cleartext(text, 0).expect("signed");
    assert_eq!(signed, site.sign_cleartext(text, 0).expect("signed again"));
    assert_eq!(ring.verify_cleartext(signed.as_bytes()).expect("good").0, text);
    let detached = site.sign_detached_armored(DATA, 0).expect("signed");
    ring.verify_detached(DATA, detached.as_bytes()).expect("good");
    let armoured = site.public_key_armored().expect("key");
    Keyring::parse("asc", armoured.as_bytes()).expect("armoured ring");
}
