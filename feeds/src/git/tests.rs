//! Mirrors of small upstreams on this file system.

mod bundles;
mod faulty;
mod onward;
mod plain;
mod proofs;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use fs_err as fs;
use git2::{Oid, Repository, Signature};
use tempfile::TempDir;

use super::*;
use crate::Classified as _;
use crate::events::Silent;

/// An upstream and a mirror of it.
struct Pair {
    folder: TempDir,
    upstream: Repository,
}

impl Pair {
    fn new() -> Self {
        remote::set_up();
        let folder = tempfile::tempdir().unwrap();
        let upstream = Repository::init_bare(folder.path().join("upstream.git")).unwrap();
        upstream.set_head("refs/heads/trunk").unwrap();
        Self { folder, upstream }
    }

    fn bare(&self) -> PathBuf {
        self.folder.path().join("mirror.git")
    }

    fn queue(&self) -> PathBuf {
        self.folder.path().join("mirror-queue")
    }

    fn mirror(&self, divergence: Divergence) -> Result<Mirrored, Error> {
        self.mirror_as(divergence, Pin::Everything, None)
    }

    fn mirror_as(
        &self,
        divergence: Divergence,
        pin: Pin,
        verification: Option<Verification>,
    ) -> Result<Mirrored, Error> {
        let source = Source { pin, verification, ..source(self.upstream.path().to_str().unwrap()) };
        let target = Target { divergence, ..self.target() };
        mirror(&source, &target, &AtomicBool::new(false), &Silent)
    }

    fn target(&self) -> Target {
        let card =
            Card { owner: "a & (b)".to_owned(), description: "it".to_owned(), ..Card::default() };
        let (bare, queue) = (self.bare(), Some(self.queue()));
        Target { bare, owner: None, divergence: Divergence::Overwrite, card, queue }
    }

    fn names(&self) -> Vec<String> {
        self.names_and_ids().into_keys().collect()
    }

    fn names_and_ids(&self) -> refs::Refs {
        refs::read(&Repository::open_bare(self.bare()).unwrap()).unwrap()
    }
}

/// An upstream that anybody may read, all of it.
fn source(url: &str) -> Source {
    Source {
        name: "it".to_owned(),
        url: url.to_owned(),
        access: Access::default(),
        by: By::Whatever,
        pin: Pin::Everything,
        verification: None,
    }
}

/// Commits on a branch; the text makes the commit differ.
fn commit(repository: &Repository, branch: &str, text: &str) -> Oid {
    let author = Signature::now("a", "a@b").unwrap();
    let blob = repository.blob(text.as_bytes()).unwrap();
    let mut tree = repository.treebuilder(None).unwrap();
    tree.insert("file", blob, 0o100_644).unwrap();
    let tree = repository.find_tree(tree.write().unwrap()).unwrap();
    let parent = repository.find_reference(branch).ok().map(|it| it.peel_to_commit().unwrap());
    let parents: Vec<_> = parent.iter().collect();
    repository.commit(Some(branch), &author, &author, text, &tree, &parents).unwrap()
}

#[test]
fn branches_tags_and_notes_come_and_pull_requests_do_not() {
    let pair = Pair::new();
    let first = commit(&pair.upstream, "refs/heads/trunk", "one");
    let author = Signature::now("a", "a@b").unwrap();
    let object = pair.upstream.find_object(first, None).unwrap();
    pair.upstream.tag("v1", &object, &author, "one", false).unwrap();
    pair.upstream.note(&author, &author, None, first, "noted", false).unwrap();
    pair.upstream.reference("refs/pull/1/head", first, false, "").unwrap();

    let mirrored = pair.mirror(Divergence::Overwrite).unwrap();
    assert!(mirrored.changed);
    assert_eq!(mirrored.head.as_deref(), Some("refs/heads/trunk"));
    assert_eq!(pair.names(), ["refs/heads/trunk", "refs/notes/commits", "refs/tags/v1"]);
    let text = fs::read_to_string(pair.bare().join("packed-refs")).unwrap();
    assert!(text.contains(&format!("^{first}\n")), "the tag is not peeled in {text}");
    let mirror = Repository::open_bare(pair.bare()).unwrap();
    assert_eq!(mirror.head().unwrap().peel_to_commit().unwrap().id(), first);
    assert_eq!(mirror.config().unwrap().get_string("gitweb.owner").unwrap(), "a & (b)");
    assert_eq!(fs::read_to_string(pair.bare().join("description")).unwrap(), "it\n");
    assert!(!pair.mirror(Divergence::Overwrite).unwrap().changed);
}

#[test]
fn a_mirror_follows_deletions_and_rewritten_branches_and_keeps_old_tips() {
    let pair = Pair::new();
    let first = commit(&pair.upstream, "refs/heads/trunk", "one");
    let second = commit(&pair.upstream, "refs/heads/gone", "two");
    pair.mirror(Divergence::Overwrite).unwrap();
    for name in ["refs/heads/gone", "refs/heads/trunk"] {
        pair.upstream.find_reference(name).unwrap().delete().unwrap();
    }
    let other = commit(&pair.upstream, "refs/heads/trunk", "other");
    let mirrored = pair.mirror(Divergence::Overwrite).unwrap();

    let short = |id: Oid| id.to_string()[..12].to_owned();
    let day = mirrored.archived[0].split('/').nth(2).unwrap();
    assert_eq!(day.len(), "2026-11-22".len());
    let archived = [
        format!("refs/archive/{day}/heads/gone/{}", short(second)),
        format!("refs/archive/{day}/heads/trunk/{}", short(first)),
    ];
    assert_eq!(mirrored.archived, archived);
    assert_eq!(pair.names(), [&archived[..], &["refs/heads/trunk".to_owned()]].concat());
    assert!(mirrored.refs.contains(&("refs/heads/trunk".to_owned(), other.to_string())));

    commit(&pair.upstream, "refs/heads/trunk", "further");
    let mirrored = pair.mirror(Divergence::Overwrite).unwrap();
    assert_eq!((mirrored.archived, pair.names().len()), (Vec::new(), 3));
}

#[test]
fn a_repository_that_is_pushed_to_keeps_its_own_work() {
    let pair = Pair::new();
    commit(&pair.upstream, "refs/heads/trunk", "one");
    commit(&pair.upstream, "refs/heads/side", "one");
    pair.mirror(Divergence::Keep).unwrap();
    let mirror = Repository::open_bare(pair.bare()).unwrap();
    let ahead = commit(&mirror, "refs/heads/trunk", "ahead");
    let ours = commit(&mirror, "refs/heads/side", "ours");
    commit(&mirror, "refs/heads/local", "local");
    commit(&pair.upstream, "refs/heads/side", "theirs");
    let new = commit(&pair.upstream, "refs/heads/new", "new");

    let mirrored = pair.mirror(Divergence::Keep).unwrap();
    assert_eq!(mirrored.kept, ["refs/heads/side"]);
    let refs = refs::read(&Repository::open_bare(pair.bare()).unwrap()).unwrap();
    assert_eq!(refs["refs/heads/trunk"], ahead);
    assert_eq!(refs["refs/heads/side"], ours);
    assert_eq!(refs["refs/heads/new"], new);
    assert!(refs.contains_key("refs/heads/local"));
}

#[test]
fn an_upstream_that_lost_everything_empties_no_mirror() {
    let pair = Pair::new();
    commit(&pair.upstream, "refs/heads/trunk", "one");
    pair.mirror(Divergence::Overwrite).unwrap();
    pair.upstream.find_reference("refs/heads/trunk").unwrap().delete().unwrap();
    let error = pair.mirror(Divergence::Overwrite).unwrap_err();
    assert!(matches!(error, Error::Emptied { .. }));
    assert_eq!(error.class(), crate::Class::Upstream);
    assert_eq!(pair.names(), ["refs/heads/trunk"]);
}

#[test]
fn a_repository_of_somebody_else_is_left_alone() {
    let pair = Pair::new();
    commit(&pair.upstream, "refs/heads/trunk", "one");
    let theirs = Repository::init_bare(pair.bare()).unwrap();
    commit(&theirs, "refs/heads/work", "work");
    let error = pair.mirror(Divergence::Overwrite).unwrap_err();
    assert!(matches!(error, Error::Foreign { .. }));
    assert_eq!(pair.names(), ["refs/heads/work"]);

    fs::create_dir(pair.folder.path().join("plain")).unwrap();
    fs::write(pair.folder.path().join("plain/file"), "precious").unwrap();
    assert!(bare::open(&pair.folder.path().join("plain")).is_err());
}

#[test]
fn the_lock_of_a_killed_run_is_cleared_and_that_of_another_is_not() {
    let pair = Pair::new();
    commit(&pair.upstream, "refs/heads/trunk", "one");
    pair.mirror(Divergence::Overwrite).unwrap();
    let second = commit(&pair.upstream, "refs/heads/trunk", "two");
    let lock = |name: &str| pair.bare().join(name);

    fs::write(lock("packed-refs.lock"), "").unwrap();
    assert!(matches!(pair.mirror(Divergence::Overwrite), Err(Error::Busy { .. })));
    assert!(lock("packed-refs.lock").exists());
    assert!(!lock("packed-refs.booddies").exists());
    fs::remove_file(lock("packed-refs.lock")).unwrap();

    fs::write(lock("packed-refs.booddies"), "half").unwrap();
    fs::hard_link(lock("packed-refs.booddies"), lock("packed-refs.lock")).unwrap();
    let mirrored = pair.mirror(Divergence::Overwrite).unwrap();
    assert_eq!(mirrored.refs[0].1, second.to_string());
    assert!(!lock("packed-refs.lock").exists());
    assert!(!lock("packed-refs.booddies").exists());
}

#[test]
fn a_loose_reference_does_not_hide_the_new_state() {
    let pair = Pair::new();
    let first = commit(&pair.upstream, "refs/heads/trunk", "one");
    pair.mirror(Divergence::Overwrite).unwrap();
    let loose = pair.bare().join("refs/heads/trunk");
    fs::create_dir_all(loose.parent().unwrap()).unwrap();
    fs::write(&loose, format!("{first}\n")).unwrap();
    let second = commit(&pair.upstream, "refs/heads/trunk", "two");
    pair.mirror(Divergence::Overwrite).unwrap();
    let refs = refs::read(&Repository::open_bare(pair.bare()).unwrap()).unwrap();
    assert_eq!(refs["refs/heads/trunk"], second);
    assert!(!loose.exists());
}

#[test]
fn packs_of_a_killed_run_are_swept() {
    let pair = Pair::new();
    commit(&pair.upstream, "refs/heads/trunk", "one");
    pair.mirror(Divergence::Overwrite).unwrap();
    let stray = pair.bare().join("objects/pack/pack_git2_ab12cd");
    fs::write(&stray, "half").unwrap();
    pair.mirror(Divergence::Overwrite).unwrap();
    assert!(!stray.exists());
}

#[test]
fn an_upstream_that_has_nothing_new_makes_no_quarantine() {
    let pair = Pair::new();
    commit(&pair.upstream, "refs/heads/trunk", "one");
    pair.mirror(Divergence::Overwrite).unwrap();
    fs::create_dir(pair.bare().join("booddies-incoming")).unwrap();
    pair.mirror(Divergence::Overwrite).unwrap();
    assert!(!pair.bare().join("booddies-incoming").exists());

    // Whatever is made in a folder or goes from it changes the folder's time.
    let old = std::time::SystemTime::UNIX_EPOCH;
    fs::File::open(pair.bare()).unwrap().file().set_modified(old).unwrap();
    assert!(!pair.mirror(Divergence::Overwrite).unwrap().changed);
    assert_eq!(fs::metadata(pair.bare()).unwrap().modified().unwrap(), old);
    // A name for what is here already moves without one, too.
    let tip = pair.upstream.refname_to_id("refs/heads/trunk").unwrap();
    pair.upstream.reference("refs/heads/again", tip, true, "").unwrap();
    assert!(pair.mirror(Divergence::Overwrite).unwrap().changed);
    assert_eq!(pair.names(), ["refs/heads/again", "refs/heads/trunk"]);
}

#[test]
fn an_upstream_that_is_not_there_makes_nothing_up() {
    let pair = Pair::new();
    let attempt = |url: &str| {
        mirror(&source(url), &pair.target(), &AtomicBool::new(false), &Silent).unwrap_err()
    };
    let error = attempt("/nowhere/at/all");
    assert!(matches!(error, Error::Absent { .. }));
    assert_eq!(error.class(), crate::Class::Configuration);
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = attempt(&format!("git://127.0.0.1:{port}/it"));
    assert!(matches!(error, Error::Connect { .. }));
    assert_eq!(error.class(), crate::Class::Upstream);
}

#[tokio::test]
async fn many_mirrors_answer_in_order() {
    let pair = Pair::new();
    commit(&pair.upstream, "refs/heads/trunk", "one");
    let job = |name: &str, url: &Path| {
        let source = Source { name: name.to_owned(), ..source(url.to_str().unwrap()) };
        let bare = pair.folder.path().join(format!("{name}.git"));
        (source, Target { bare, ..pair.target() })
    };
    let there = pair.upstream.path();
    let jobs = vec![job("a", there), job("b", Path::new("/nowhere")), job("c", there)];
    let results = mirror_all(jobs, 2, &Silent).await;
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn the_tip_is_read_by_ending() {
    let pair = Pair::new();
    assert_eq!(texts(pair.upstream.path(), "e").unwrap(), []);
    commit(&pair.upstream, "refs/heads/trunk", "hello");
    assert_eq!(texts(pair.upstream.path(), "e").unwrap(), [("file".into(), "hello".into())]);
    assert_eq!(texts(pair.upstream.path(), ".ipxe").unwrap(), []);
}
