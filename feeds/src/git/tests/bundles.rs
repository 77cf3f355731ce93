//! Bundles carried to a repository that has nothing but git: each brings exactly the state it was made of.

use std::process::Command;

use super::*;

fn git(folder: &Path, arguments: &[&str]) -> String {
    let done = Command::new("git").arg("-C").arg(folder).args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn bundles_bring_each_state_and_only_what_is_new() {
    let pair = Pair::new();
    let (stick, far) = (pair.folder.path().join("stick"), pair.folder.path().join("far"));
    fs::create_dir(&far).unwrap();
    git(&far, &["init", "-q", "--bare"]);
    let next = || bundle(pair.upstream.path(), &stick, false).unwrap();
    let carry = |bundled: &Bundled| {
        let file = bundled.file.as_ref().unwrap().to_str().unwrap();
        git(&far, &["bundle", "verify", "-q", file]);
        git(&far, &["fetch", "-q", "--prune", file, "+refs/*:refs/*"]);
        git(&far, &["fsck", "--full", "--no-dangling"]);
        let there = refs::read(&Repository::open_bare(&far).unwrap()).unwrap();
        assert_eq!(there, refs::read(&pair.upstream).unwrap());
    };
    let first = commit(&pair.upstream, "refs/heads/trunk", "one");
    let author = Signature::now("a", "a@b").unwrap();
    let object = pair.upstream.find_object(first, None).unwrap();
    pair.upstream.tag("v1", &object, &author, "one", false).unwrap();
    let whole = next();
    assert!(whole.file.as_ref().unwrap().ends_with("0001.bundle"));
    assert_eq!((whole.refs, whole.objects), (2, 4));
    carry(&whole);
    assert_eq!(next().file, None);

    commit(&pair.upstream, "refs/heads/trunk", "two");
    assert_eq!(bundle(pair.upstream.path(), &stick, true).unwrap().objects, 3);
    let more = next();
    assert_eq!(more.objects, 3);
    carry(&more);

    // A new name for what is there, a name that goes, and a branch that goes back: no object, another state.
    pair.upstream.reference("refs/heads/old", first, true, "").unwrap();
    pair.upstream.reference("refs/heads/trunk", first, true, "").unwrap();
    pair.upstream.find_reference("refs/tags/v1").unwrap().delete().unwrap();
    let names = next();
    assert_eq!(names.objects, 0);
    carry(&names);
    assert!(names.file.unwrap().ends_with("0003.bundle"));

    fs::write(stick.join("tips"), "nonsense").unwrap();
    assert!(matches!(bundle(pair.upstream.path(), &stick, false), Err(Error::Bundle { .. })));
}

/// Where the next bundle of the upstream goes, and a mirror of what the folder holds.
fn carried(pair: &Pair) -> (PathBuf, Result<Mirrored, Error>) {
    let stick = pair.folder.path().join("stick");
    let bundled = bundle(pair.upstream.path(), &stick, false).unwrap();
    let source = source(stick.to_str().unwrap());
    let mirrored = mirror(&source, &pair.target(), &AtomicBool::new(false), &Silent);
    (bundled.file.unwrap_or(stick), mirrored)
}

#[test]
fn a_folder_of_bundles_is_an_upstream() {
    let pair = Pair::new();
    commit(&pair.upstream, "refs/heads/trunk", "one");
    let mirrored = carried(&pair).1.unwrap();
    assert_eq!((mirrored.head.as_deref(), mirrored.changed), (Some("refs/heads/trunk"), true));
    assert!(!carried(&pair).1.unwrap().changed);

    // Two more before anybody looks, and one that only names.
    let first = commit(&pair.upstream, "refs/heads/trunk", "two");
    bundle(pair.upstream.path(), &pair.folder.path().join("stick"), false).unwrap();
    commit(&pair.upstream, "refs/heads/side", "three");
    assert_eq!(carried(&pair).1.unwrap().refs.len(), 2);
    pair.upstream.reference("refs/tags/v1", first, true, "").unwrap();
    carried(&pair).1.unwrap();
    assert_eq!(pair.names_and_ids(), refs::read(&pair.upstream).unwrap());
    git(&pair.bare(), &["fsck", "--full", "--no-dangling"]);
}

#[test]
fn a_bundle_that_lacks_something_moves_nothing() {
    let pair = Pair::new();
    let first = commit(&pair.upstream, "refs/heads/trunk", "one");
    let whole = carried(&pair).0;
    commit(&pair.upstream, "refs/heads/trunk", "two");
    bundle(pair.upstream.path(), &pair.folder.path().join("stick"), false).unwrap();

    let elsewhere = Target { bare: pair.folder.path().join("elsewhere.git"), ..pair.target() };
    let second = whole.with_file_name("0002.bundle");
    let source = source(second.to_str().unwrap());
    let attempt = |target: &Target| mirror(&source, target, &AtomicBool::new(false), &Silent);
    let error = attempt(&elsewhere).unwrap_err();
    assert!(error.to_string().contains(&format!("0002.bundle builds on {first}")), "{error}");

    let bytes = fs::read(&second).unwrap();
    for broken in [&bytes[..bytes.len() - 30], &bytes[..40], b"nonsense\n"] {
        fs::write(&second, broken).unwrap();
        assert!(matches!(attempt(&pair.target()), Err(Error::Unbundle { .. })));
        assert_eq!(pair.names_and_ids()["refs/heads/trunk"], first);
    }
    fs::write(&second, &bytes).unwrap();
    assert!(attempt(&pair.target()).unwrap().changed);
}

#[test]
fn a_bundle_of_gits_own_is_taken() {
    let pair = Pair::new();
    let first = commit(&pair.upstream, "refs/heads/trunk", &"words ".repeat(2000));
    pair.mirror(Divergence::Overwrite).unwrap();
    commit(&pair.upstream, "refs/heads/trunk", &format!("{}more", "words ".repeat(2000)));
    let file = pair.folder.path().join("more.bundle");
    let range = format!("{first}..refs/heads/trunk");
    git(pair.upstream.path(), &["bundle", "create", "-q", file.to_str().unwrap(), &range]);
    let url = format!("file://{}", file.display());
    let mirrored = mirror(&source(&url), &pair.target(), &AtomicBool::new(false), &Silent);
    assert_eq!(mirrored.unwrap().refs.len(), 1);
    assert_eq!(pair.names_and_ids(), refs::read(&pair.upstream).unwrap());
}

#[test]
fn old_tips_come_along_under_the_names_that_the_sender_gave_them() {
    let pair = Pair::new();
    let old = commit(&pair.upstream, "refs/heads/trunk", "one");
    carried(&pair).1.unwrap();
    // The sender mirrors too: its upstream rewrote a branch twice between two sticks.
    let between = {
        pair.upstream.find_reference("refs/heads/trunk").unwrap().delete().unwrap();
        commit(&pair.upstream, "refs/heads/trunk", "between")
    };
    pair.upstream.find_reference("refs/heads/trunk").unwrap().delete().unwrap();
    let new = commit(&pair.upstream, "refs/heads/trunk", "new");
    for (name, id) in [
        ("refs/archive/2026-01-02/heads/trunk/1", old),
        ("refs/archive/2026-01-03/heads/trunk/2", between),
    ] {
        pair.upstream.reference(name, id, false, "").unwrap();
    }
    let mirrored = carried(&pair).1.unwrap();
    assert_eq!(mirrored.archived, [] as [&str; 0]);
    assert_eq!(pair.names_and_ids(), refs::read(&pair.upstream).unwrap());

    // What is archived here stays what it is, whatever a bundle makes of the name.
    pair.upstream.reference("refs/archive/2026-01-02/heads/trunk/1", new, true, "").unwrap();
    pair.upstream
        .find_reference("refs/archive/2026-01-03/heads/trunk/2")
        .unwrap()
        .delete()
        .unwrap();
    for divergence in [Divergence::Overwrite, Divergence::Keep] {
        let bundles = pair.folder.path().join("stick");
        bundle(pair.upstream.path(), &bundles, false).unwrap();
        let source = source(bundles.to_str().unwrap());
        let target = Target { divergence, ..pair.target() };
        assert!(!mirror(&source, &target, &AtomicBool::new(false), &Silent).unwrap().changed);
    }
    let names = pair.names_and_ids();
    assert_eq!(names["refs/archive/2026-01-02/heads/trunk/1"], old);
    assert_eq!(names["refs/archive/2026-01-03/heads/trunk/2"], between);
}
