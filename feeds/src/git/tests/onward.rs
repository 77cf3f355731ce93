//! What a feed moves is queued for the outer forges, once it has moved and no matter when a run ends.

use super::*;

const TO: &str = "https://ada:secret@forge.example/art/shelf.git";

fn feed(pair: &Pair, to: Option<&str>) -> Result<Mirrored, Error> {
    let source =
        Source { name: "art/shelf".into(), ..source(pair.upstream.path().to_str().unwrap()) };
    let mut target = pair.target();
    target.card.push_mirror = to.map(str::to_owned);
    mirror(&source, &target, &AtomicBool::new(false), &Silent)
}

#[test]
fn what_moved_is_queued_and_what_did_not_is_not() {
    let pair = Pair::new();
    let note = pair.queue().join("art%shelf.fed");
    commit(&pair.upstream, "refs/heads/trunk", "one");
    feed(&pair, None).unwrap();
    assert!(!pair.queue().exists());
    // The forge is new: it has nothing yet.
    assert!(!feed(&pair, Some(TO)).unwrap().changed);
    let text = fs::read_to_string(&note).unwrap();
    let begins = "repository=art/shelf\ntarget=https://forge.example/art/shelf.git\nsince=";
    assert!(text.starts_with(begins) && !text.contains("secret"), "{text}");

    fs::remove_file(&note).unwrap();
    assert!(!feed(&pair, Some(TO)).unwrap().changed);
    assert_eq!(fs::read_dir(pair.queue()).unwrap().count(), 0);
    commit(&pair.upstream, "refs/heads/trunk", "two");
    assert!(feed(&pair, Some(TO)).unwrap().changed);
    fs::remove_file(&note).unwrap();

    // A run that moved the references and was killed then.
    fs::write(pair.queue().join("art%shelf.moving"), "repository=art/shelf\n").unwrap();
    assert!(!feed(&pair, Some(TO)).unwrap().changed);
    assert!(note.exists() && !pair.queue().join("art%shelf.moving").exists());
}

#[test]
fn what_cannot_move_yet_is_not_queued_yet() {
    let pair = Pair::new();
    commit(&pair.upstream, "refs/heads/trunk", "one");
    feed(&pair, Some(TO)).unwrap();
    fs::remove_file(pair.queue().join("art%shelf.fed")).unwrap();
    commit(&pair.upstream, "refs/heads/trunk", "two");
    let lock = pair.bare().join("packed-refs.lock");
    fs::write(&lock, "").unwrap();
    assert!(matches!(feed(&pair, Some(TO)), Err(Error::Busy { .. })));
    assert!(!pair.queue().join("art%shelf.fed").exists());
    fs::remove_file(lock).unwrap();
    assert!(feed(&pair, Some(TO)).unwrap().changed);
    assert!(pair.queue().join("art%shelf.fed").exists());
}
