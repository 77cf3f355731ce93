//! The downloader, whole surveys and whole images against upstreams that misbehave: what must come out of the downloader is told
//! by a model, and never is a wrong byte kept.

mod believed;
mod http;
mod http2;
mod metalink;
mod registries;
mod repository;
mod site;
mod surveys;
mod tree;
mod upstream;

use std::time::Duration;

use believed::believing;
use feeds::digest::{Digest, Sha256};
use feeds::events::Silent;
use feeds::store::Store;
use feeds::transfer::{Bases, Error, Options, Reason, Transfer, Want};
use feeds::{Class, Classified as _};
use proptest::prelude::*;
use upstream::{Fault, Upstream};

/// As many as a run of all tests has time for.
const CASES: u32 = 40;
const RETRIES: u32 = 3;

struct World {
    _folder: tempfile::TempDir,
    store: Store,
    transfer: Transfer,
}

fn world() -> World {
    world_with(Duration::from_mins(1))
}

fn world_with(idle_timeout: Duration) -> World {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    let options = Options {
        connections: 4,
        retries: RETRIES,
        pause: Duration::from_millis(1),
        idle_timeout,
        ..Options::default()
    };
    let transfer = Transfer::new(store.clone(), options).expect("a client");
    World { _folder: folder, store, transfer }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

fn want(mirrors: &[&Upstream], path: &str, content: &[u8]) -> Want {
    let urls: Bases = mirrors.iter().map(|mirror| mirror.base.join(path).expect("a URL")).collect();
    let size = Some(content.len() as u64);
    Want { size, sha256: Some(Sha256::of(content)), ..Want::new(urls, path) }
}

/// Whether the mirrors deliver in the end: the rules of the downloader, said a second time and without any I/O.
fn delivers(mirrors: &[Vec<Fault>]) -> bool {
    let mut left: Vec<_> = mirrors.iter().map(|faults| faults.iter().copied()).collect();
    let (mut dead, mut asked) = (vec![false; mirrors.len()], vec![false; mirrors.len()]);
    let (mut retries, mut turn, mut partial) = (RETRIES, 0, false);
    loop {
        let fault = left[turn].next().unwrap_or(Fault::None);
        let mut again = false;
        match fault {
            Fault::None | Fault::Rangeless => return true,
            Fault::Overstated if partial => return true,
            Fault::Misplaced if !partial => return true,
            Fault::Missing | Fault::Longer | Fault::Overstated | Fault::Circle => dead[turn] = true,
            Fault::Corrupt if !partial => dead[turn] = true,
            // Only its rest came from there: the bytes before it may be the wrong ones.
            Fault::Corrupt | Fault::Misplaced => (again, partial) = (true, false),
            Fault::Short | Fault::Farewell | Fault::Stall | Fault::Drip => partial = true,
            Fault::Broken | Fault::Busy | Fault::Reset => {}
        }
        asked[turn] = true;
        let count = mirrors.len();
        let order = (usize::from(!again)..=count).map(|step| (turn + step) % count);
        let open = |index: &usize| !dead[*index] && (!asked[*index] || retries > 0);
        let Some(next) = order.into_iter().find(open) else {
            return false;
        };
        retries -= u32::from(asked[next]);
        turn = next;
    }
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => Just(Fault::None),
        2 => Just(Fault::Short),
        1 => prop_oneof![
            Just(Fault::Missing),
            Just(Fault::Broken),
            Just(Fault::Busy),
            Just(Fault::Reset),
            Just(Fault::Corrupt),
            Just(Fault::Longer),
            Just(Fault::Overstated),
            Just(Fault::Rangeless),
            Just(Fault::Misplaced),
            Just(Fault::Circle),
            Just(Fault::Farewell),
        ],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Several files from one or two mirrors, each with its own faults: the model tells which arrive.
    #[test]
    fn arrives_whole_or_not_at_all(
        files in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(fault(), 0..5), 1..3), 1..5),
    ) {
        run(async {
            let world = world();
            let upstreams = [Upstream::start().await, Upstream::start().await];
            let mut wants = Vec::new();
            let mut expected = Vec::new();
            for (index, mirrors) in files.iter().enumerate() {
                let path = format!("file{index}");
                let content = path.repeat(50 + index * 1000).into_bytes();
                for (upstream, faults) in upstreams.iter().zip(mirrors) {
                    upstream.put(&path, &content, faults);
                }
                let asked: Vec<_> = upstreams.iter().take(mirrors.len()).collect();
                wants.push(want(&asked, &path, &content));
                expected.push((path, delivers(mirrors), content));
            }
            let outcome = world.transfer.fetch_all("files", wants, &Silent).await;
            let failed: Vec<String> = outcome.as_ref().err().map_or_else(Vec::new, |error| {
                error.each().iter().map(|error| match error {
                    Error::Unavailable { label, .. } => label.clone(),
                    other => panic!("{other}"),
                }).collect()
            });
            for (path, arrives, content) in expected {
                let sha256 = Sha256::of(&content);
                prop_assert_eq!(!failed.contains(&path), arrives, "{} of {:?}", path, files);
                prop_assert_eq!(world.store.holds(&sha256), arrives);
                if arrives {
                    prop_assert_eq!(world.store.read(&sha256).expect("it is there"), content);
                }
            }
            Ok(())
        })?;
    }
}

#[test]
fn survives_a_mirror_that_stalls() {
    run(async {
        let (world, upstream) = (world_with(Duration::from_millis(500)), Upstream::start().await);
        let content = b"kernel".repeat(1000);
        upstream.put("k", &content, &[Fault::Stall]);
        let object = world.transfer.fetch(want(&[&upstream], "k", &content), &Silent).await;
        assert_eq!(object.expect("fetched").sha256, Sha256::of(&content));
        assert_eq!(upstream.asked(), ["/k", "/k from 3000"]);
    });
}

#[test]
fn resumes_what_broke_off_over_http_2() {
    believing("resumes_what_broke_off_over_http_2", |tls| {
        run(async {
            let (world, upstream) = (world(), Upstream::start_with(Some(tls.clone())).await);
            let content = b"kernel".repeat(1000);
            upstream.put("k", &content, &[Fault::Short, Fault::Farewell, Fault::Reset]);
            let object = world.transfer.fetch(want(&[&upstream], "k", &content), &Silent).await;
            assert_eq!(object.expect("fetched").sha256, Sha256::of(&content));
            let asked = ["/k", "/k from 3000", "/k from 4500", "/k from 4500"];
            assert_eq!(upstream.asked(), asked);
        });
    });
}

#[test]
fn gives_up_a_mirror_that_drips() {
    run(async {
        let (world, upstream) = (world_with(Duration::from_millis(500)), Upstream::start().await);
        let content = b"kernel".repeat(1000);
        upstream.put("k", &content, &[Fault::Drip]);
        let object = world.transfer.fetch(want(&[&upstream], "k", &content), &Silent).await;
        assert_eq!(object.expect("fetched").sha256, Sha256::of(&content));
        // What dripped in is kept, and the rest asked for.
        let asked = upstream.asked();
        assert!(matches!(&asked[..], [_, rest] if rest.starts_with("/k from 30")), "{asked:?}");
    });
}

#[test]
fn resumes_what_an_earlier_run_left() {
    run(async {
        let (world, upstream) = (world(), Upstream::start().await);
        let content = b"initrd".repeat(1000);
        upstream.put("i", &content, &[Fault::Short; 4]);
        let want = want(&[&upstream], "i", &content);
        world.transfer.fetch(want.clone(), &Silent).await.expect_err("broken off each time");
        assert_eq!(upstream.asked().len(), 4);
        world.transfer.fetch(want.clone(), &Silent).await.expect("the rest");
        assert_eq!(upstream.asked(), ["/i from 5625"]);
        world.transfer.fetch(want, &Silent).await.expect("it is there");
        assert!(upstream.asked().is_empty(), "nothing is asked for what the store holds");
    });
}

#[test]
fn keeps_what_came_when_it_is_stopped() {
    run(async {
        let (world, upstream) = (world(), Upstream::start().await);
        let content = vec![7; 3 << 20];
        upstream.put("s", &content, &[Fault::Stall]);
        let want = want(&[&upstream], "s", &content);
        let partial = world.store.partial().join(Sha256::of(&content).to_string());
        let written = async {
            while partial.metadata().map_or(0, |found| found.len()) < 1 << 20 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            outcome = world.transfer.fetch(want.clone(), &Silent) => panic!("{outcome:?}"),
            () = written => {}
        }
        upstream.asked();
        // What was being written when it was stopped still holds the file for a moment.
        while fs_err::File::open(&partial).expect("kept").file().try_lock().is_err() {
            tokio::task::yield_now().await;
        }
        world.transfer.fetch(want, &Silent).await.expect("the rest");
        assert!(upstream.asked()[0].starts_with("/s from "), "it is resumed");
    });
}

#[test]
fn starts_over_when_the_file_has_changed() {
    run(async {
        let (world, upstream) = (world(), Upstream::start().await);
        upstream.put("x", &b"old".repeat(100), &[Fault::Short; 4]);
        let any = Want::new(vec![upstream.base.join("x").expect("a URL")], "x");
        world.transfer.fetch(any.clone(), &Silent).await.expect_err("broken off each time");
        let new = b"new".repeat(100);
        upstream.put("x", &new, &[]);
        let object = world.transfer.fetch(any, &Silent).await.expect("the new one");
        assert_eq!(object.sha256, Sha256::of(&new));
    });
}

#[test]
fn asks_again_by_one_small_answer() {
    run(async {
        let (world, upstream) = (world(), Upstream::start().await);
        let any = Want::new(vec![upstream.base.join("index").expect("a URL")], "index");
        upstream.put("index", b"one", &[]);
        let first = world.transfer.survey(any.clone(), &Silent).await.expect("surveyed");
        let again = world.transfer.survey(any.clone(), &Silent).await.expect("surveyed");
        assert_eq!((first.unchanged, again.unchanged), (false, true));
        assert_eq!(first.object, again.object);
        upstream.put("index", b"two", &[]);
        let changed = world.transfer.survey(any, &Silent).await.expect("surveyed");
        assert_eq!((changed.unchanged, changed.object.sha256), (false, Sha256::of(b"two")));
        assert_eq!(upstream.asked(), ["/index", "/index if changed", "/index if changed"]);
    });
}

#[test]
fn names_every_bad_file_and_mirror_and_no_secret() {
    run(async {
        let (world, upstream) = (world(), Upstream::start().await);
        upstream.put("good", b"good", &[]);
        upstream.put("bad", b"bad", &[Fault::Corrupt]);
        let mut bad = want(&[&upstream], "bad", b"bad");
        let mut url = bad.bases[0].clone();
        url.set_password(Some("secret")).expect("a host");
        bad.bases = [url].into();
        let gone = want(&[&upstream], "gone", b"gone");
        let good = want(&[&upstream], "good", b"good");
        let wants = vec![bad, gone, good.clone()];
        let error = world.transfer.fetch_all("os", wants, &Silent).await.expect_err("two fail");
        let told = error.to_string();
        assert!(told.starts_with("2 of 3 files of `os` failed:"), "{told}");
        assert!(told.contains("/gone: it answered 404") && told.contains("/bad: its file has"));
        assert!(!told.contains("secret"), "{told}");
        assert_eq!(error.class(), Class::Verification);
        assert!(world.store.holds(&good.sha256.expect("given")), "one bad file stops no other");
    });
}

#[test]
fn fetches_equal_files_once_and_finds_them_by_any_digest() {
    run(async {
        let (world, upstream) = (world(), Upstream::start().await);
        upstream.put("a", b"abc", &[]);
        upstream.put("b", b"abc", &[]);
        let sha1 = Digest::parse("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d");
        let by_sha1 =
            |path: &str| Want { sha256: None, other: sha1, ..want(&[&upstream], path, b"abc") };
        let wants = vec![by_sha1("a"), by_sha1("b")];
        let objects = world.transfer.fetch_all("t", wants, &Silent).await.expect("fetched");
        assert_eq!(objects[0], objects[1]);
        world.transfer.fetch(by_sha1("b"), &Silent).await.expect("known");
        assert_eq!(upstream.asked(), ["/a"]);
    });
}

#[test]
fn refuses_more_than_the_limit() {
    run(async {
        let (world, upstream) = (world(), Upstream::start().await);
        upstream.put("index", &[0; 1000], &[]);
        let urls = vec![upstream.base.join("index").expect("a URL")];
        let limited = Want { limit: 999, ..Want::new(urls, "index") };
        let error = world.transfer.survey(limited, &Silent).await.expect_err("too long");
        let Error::Unavailable { failures, .. } = &error else { panic!("{error}") };
        assert!(matches!(failures[0].reason, Reason::TooLong { limit: 999 }));
    });
}

#[test]
fn reads_media_carried_in() {
    run(async {
        let world = world();
        let media = tempfile::tempdir().expect("a folder");
        fs_err::write(media.path().join("f"), b"carried").expect("written");
        let url = url::Url::from_file_path(media.path().join("f")).expect("absolute");
        let sha256 = Some(Sha256::of(b"carried"));
        let want = Want { sha256, ..Want::new(vec![url.clone()], "f") };
        assert_eq!(world.transfer.fetch(want.clone(), &Silent).await.expect("read").size, 7);
        let other = Want { sha256: Some(Sha256::of(b"other")), ..want };
        let error = world.transfer.fetch(other, &Silent).await.expect_err("another file");
        assert_eq!(error.class(), Class::Verification);
    });
}

/// How many whole surveys and copies are tried.
fn cases() -> u32 {
    let told = std::env::var("FEEDS_FAULT_CASES").ok();
    told.map_or(CASES, |told| told.parse().expect("FEEDS_FAULT_CASES is a number"))
}
