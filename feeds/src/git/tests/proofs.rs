//! Pins, signatures and quarantine: what is not proven moves nothing and leaves nothing behind.

use fs_err as fs;
use git2::{ObjectType, TreeWalkMode, TreeWalkResult};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{HashAlg, LineEnding, PrivateKey};

use super::*;
use crate::trust::SiteKey;

/// Somebody who signs.
fn ada() -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[7; 32]))
}

fn by_ada(data: &str) -> String {
    ada().sign("git", HashAlg::Sha256, data.as_bytes()).unwrap().to_pem(LineEnding::LF).unwrap()
}

/// Signs what a branch has at its tip, by making its last commit anew.
fn sign_tip(repository: &Repository, branch: &str, sign: impl Fn(&str) -> String) -> Oid {
    let tip = repository.find_reference(branch).unwrap().peel_to_commit().unwrap();
    let parents: Vec<_> = tip.parents().collect();
    let parents: Vec<_> = parents.iter().collect();
    let (author, tree) = (tip.author(), tip.tree().unwrap());
    let text =
        repository.commit_create_buffer(&author, &author, "signed", &tree, &parents).unwrap();
    let text = std::str::from_utf8(&text).unwrap();
    let id = repository.commit_signed(text, sign(text).trim_end(), None).unwrap();
    repository.reference(branch, id, true, "").unwrap();
    id
}

/// Makes a signed tag called `called` under the name `name`.
fn sign_tag(pair: &Pair, name: &str, called: &str, commit: Oid, sign: impl Fn(&str) -> String) {
    let text =
        format!("object {commit}\ntype commit\ntag {called}\ntagger a <a@b> 0 +0000\n\nit\n");
    let text = format!("{text}{}", sign(&text));
    let id = pair.upstream.odb().unwrap().write(ObjectType::Tag, text.as_bytes()).unwrap();
    pair.upstream.reference(&format!("refs/tags/{name}"), id, true, "").unwrap();
}

fn trusting(pair: &Pair, signed: Signed, keys: &str) -> Verification {
    let path = pair.folder.path().join("keys");
    fs::write(&path, keys).unwrap();
    Verification { signed, keys: vec![path] }
}

fn adas(pair: &Pair, signed: Signed) -> Verification {
    let key = ada().public_key().to_openssh().unwrap();
    trusting(pair, signed, &format!("ada@example {key}\n"))
}

/// Asserts that a run was refused for this reference and that nothing of it is in the mirror.
fn refused(pair: &Pair, result: Result<Mirrored, Error>, reference: &str, object: Oid) -> Refused {
    assert!(!pair.bare().join("booddies-incoming").exists());
    assert!(!Repository::open_bare(pair.bare()).unwrap().odb().unwrap().exists(object));
    match result {
        Err(Error::Unproven { name, source, .. }) => {
            assert_eq!(name, reference);
            *source
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_branch_moves_only_to_a_commit_that_a_named_key_signed() {
    let pair = Pair::new();
    commit(&pair.upstream, "refs/heads/trunk", "one");
    let signed = sign_tip(&pair.upstream, "refs/heads/trunk", by_ada);
    let mirror = || {
        pair.mirror_as(Divergence::Overwrite, Pin::Everything, Some(adas(&pair, Signed::Commits)))
    };
    let mirrored = mirror().unwrap();
    assert_eq!(mirrored.refs, [("refs/heads/trunk".to_owned(), signed.to_string())]);
    assert_eq!(mirrored.signed_by.into_iter().collect::<Vec<_>>(), ["ada@example"]);

    let unsigned = commit(&pair.upstream, "refs/heads/trunk", "two");
    let why = refused(&pair, mirror(), "refs/heads/trunk", unsigned);
    assert!(matches!(why, Refused::Unsigned));
    let stranger = |data: &str| {
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&[8; 32]));
        let signature = key.sign("git", HashAlg::Sha256, data.as_bytes()).unwrap();
        signature.to_pem(LineEnding::LF).unwrap()
    };
    let forged = sign_tip(&pair.upstream, "refs/heads/trunk", stranger);
    let why = refused(&pair, mirror(), "refs/heads/trunk", forged);
    assert!(matches!(why, Refused::Stranger { .. }));
    assert_eq!(pair.names(), ["refs/heads/trunk"]);

    sign_tip(&pair.upstream, "refs/heads/trunk", by_ada);
    assert!(mirror().unwrap().changed);
}

#[test]
fn what_is_here_already_must_prove_itself_when_the_keys_change() {
    let pair = Pair::new();
    let tip = commit(&pair.upstream, "refs/heads/trunk", "one");
    pair.mirror(Divergence::Overwrite).unwrap();
    let strict = Some(adas(&pair, Signed::Commits));
    match pair.mirror_as(Divergence::Overwrite, Pin::Everything, strict) {
        Err(Error::Unproven { name, object, .. }) => {
            assert_eq!((name.as_str(), object), ("refs/heads/trunk", tip.to_string()));
        }
        other => panic!("not refused: {other:?}"),
    }
    let pin = Pin::Tag("absent".to_owned());
    let absent = pair.mirror_as(Divergence::Overwrite, pin, None);
    assert!(matches!(absent, Err(Error::Pin { .. })));
}

#[test]
fn openpgp_signatures_count_too() {
    let pair = Pair::new();
    let path = pair.folder.path().join("site-key");
    let key = SiteKey::open_or_create(&path, "Site <site@example>").unwrap();
    let made = u64::try_from(jiff::Timestamp::now().as_second()).unwrap();
    let sign = |data: &str| key.sign_detached_armored(data.as_bytes(), made).unwrap();
    let first = commit(&pair.upstream, "refs/heads/trunk", "one");
    sign_tip(&pair.upstream, "refs/heads/trunk", sign);
    sign_tag(&pair, "v1", "v1", first, sign);
    let keys = key.public_key_armored().unwrap();
    let trusted = trusting(&pair, Signed::Commits, &keys);
    let mirrored = pair.mirror_as(Divergence::Overwrite, Pin::Everything, Some(trusted)).unwrap();
    assert_eq!(mirrored.refs.len(), 2);
    assert_eq!(mirrored.signed_by.into_iter().collect::<Vec<_>>(), ["Site <site@example>"]);
}

#[test]
fn branches_go_as_far_as_signed_tags() {
    let pair = Pair::new();
    let first = commit(&pair.upstream, "refs/heads/trunk", "one");
    commit(&pair.upstream, "refs/heads/side", "elsewhere");
    sign_tag(&pair, "v1", "v1", first, by_ada);
    let ahead = commit(&pair.upstream, "refs/heads/trunk", "two");
    let mirror =
        || pair.mirror_as(Divergence::Overwrite, Pin::Everything, Some(adas(&pair, Signed::Tags)));
    let mirrored = mirror().unwrap();
    assert_eq!(mirrored.behind, ["refs/heads/side", "refs/heads/trunk"]);
    assert_eq!(pair.names(), ["refs/heads/trunk", "refs/tags/v1"]);
    assert_eq!(mirrored.refs[0].1, first.to_string());

    sign_tag(&pair, "v2", "v2", ahead, by_ada);
    let mirrored = mirror().unwrap();
    assert_eq!(mirrored.refs[0].1, ahead.to_string());
    assert_eq!(mirrored.behind, ["refs/heads/side"]);

    // An old release, rightly signed, under the name of a new one.
    let newest = commit(&pair.upstream, "refs/heads/trunk", "three");
    sign_tag(&pair, "v3", "v1", newest, by_ada);
    let why = refused(&pair, mirror(), "refs/tags/v3", newest);
    assert_eq!(why.to_string(), "it is the tag v1");
    pair.upstream.reference("refs/tags/v3", newest, true, "").unwrap();
    assert!(matches!(refused(&pair, mirror(), "refs/tags/v3", newest), Refused::Unsigned));
}

#[test]
fn a_pin_mirrors_one_reference() {
    let pair = Pair::new();
    let first = commit(&pair.upstream, "refs/heads/trunk", "one");
    commit(&pair.upstream, "refs/heads/trunk", "two");
    let side = commit(&pair.upstream, "refs/heads/side", "elsewhere");
    pair.upstream.reference("refs/tags/v1", first, true, "").unwrap();
    let mirror = |pin| pair.mirror_as(Divergence::Overwrite, pin, None);

    let mirrored = mirror(Pin::Tag("v1".to_owned())).unwrap();
    assert_eq!(mirrored.refs, [("refs/tags/v1".to_owned(), first.to_string())]);
    let commit = |id: Oid| Pin::Commit { id: id.to_string(), branch: None };
    let mirrored = mirror(commit(first)).unwrap();
    assert_eq!(mirrored.head.as_deref(), Some("refs/heads/trunk"));
    assert!(mirrored.refs.contains(&("refs/heads/trunk".to_owned(), first.to_string())));

    let before = pair.names();
    assert!(matches!(mirror(commit(side)), Err(Error::NotInHistory { .. })));
    let absent = mirror(Pin::Branch("absent".to_owned())).unwrap_err();
    assert!(absent.to_string().ends_with("has no refs/heads/absent, which is pinned"));
    assert_eq!(pair.names(), before);
}

#[test]
fn an_upstream_that_leaves_objects_out_moves_nothing() {
    let pair = Pair::new();
    commit(&pair.upstream, "refs/heads/trunk", "one");
    pair.mirror(Divergence::Overwrite).unwrap();
    let before = pair.mirror(Divergence::Overwrite).unwrap().refs;

    // A commit with a file arrives, and the file does not.
    let tip = commit(&pair.upstream, "refs/heads/trunk", "two");
    let incoming = incoming::Incoming::open(&pair.bare()).unwrap();
    let pack = incoming.repository.odb().unwrap();
    let upstream = pair.upstream.odb().unwrap();
    let tree = pair.upstream.find_commit(tip).unwrap().tree().unwrap();
    for id in [tip, tree.id()] {
        let object = upstream.read(id).unwrap();
        pack.write(object.kind(), object.data()).unwrap();
    }
    let mut file = None;
    tree.walk(TreeWalkMode::PreOrder, |_, entry| {
        file = Some(entry.id().to_string());
        TreeWalkResult::Ok
    })
    .unwrap();
    let Err(Error::Incomplete { object, needs, .. }) = incoming.check_whole("u") else {
        panic!("what is not whole is taken for whole");
    };
    assert_eq!((object, Some(needs)), (tree.id().to_string(), file));
    pack.write(ObjectType::Blob, b"two").unwrap();
    incoming.check_whole("u").unwrap();
    drop(pack);
    drop(incoming);
    assert_eq!(
        refs::read(&Repository::open_bare(pair.bare()).unwrap()).unwrap().len(),
        before.len()
    );
}
