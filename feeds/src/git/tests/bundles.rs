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
