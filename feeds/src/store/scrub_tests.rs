//! Scrubbing and mending: found, blamed, out of service, and back once the bytes are.

use std::io::Write as _;

use fs_err as fs;

use super::tests::{NO_GRACE, opened, rel, served, tree};
use super::*;
use crate::events::Silent;

/// Turns a bit of an object, as a disk does: all its links change with it.
fn rot(store: &Store, text: &str) -> Sha256 {
    let sha256 = Sha256::of(text.as_bytes());
    let mut file = fs::OpenOptions::new().write(true).open(store.path(&sha256)).unwrap();
    file.write_all(&[text.as_bytes()[0] ^ 1]).unwrap();
    sha256
}

#[test]
fn a_corrupt_object_is_named_and_taken_out_of_service_until_it_is_there_again() {
    let (_folder, store) = opened();
    let os = tree(&store, "data/yum/os", &[("a.rpm", "rotten"), ("b.rpm", "sound")]);
    let twin = tree(&store, "data/yum/twin", &[("deep/a.rpm", "rotten")]);
    store.publish(&rel("data"), vec![os.clone(), twin], &[]).unwrap();
    assert!(store.scrub(true, &Silent).unwrap().corrupt.is_empty());
    let sha256 = rot(&store, "rotten");

    let seen = store.scrub(false, &Silent).unwrap();
    assert_eq!((seen.objects, seen.corrupt.len()), (2, 1));
    assert!(store.holds(&sha256) && store.is_whole(&os), "looking touches nothing");

    assert!(store.scrub(true, &Silent).unwrap().corrupt.contains(&sha256));
    let damage = store.mend().unwrap();
    let uses: Vec<_> =
        damage[0].uses.iter().map(|used| format!("{} {}", used.tree, used.file)).collect();
    assert_eq!(uses, ["data/yum/os a.rpm", "data/yum/twin deep/a.rpm"]);
    assert!(!damage[0].mended && !store.is_whole(&os));
    assert_eq!(served(&store, "data/yum/os/a.rpm"), None, "wrong bytes are served by nobody");
    assert_eq!(served(&store, "data/yum/os/b.rpm").as_deref(), Some("sound"));

    // As a feed does: it fetches what the store does not hold, and publishes the same again.
    store.insert_bytes(b"rotten").unwrap();
    store.publish(&rel("boot"), Vec::new(), &[]).unwrap();
    assert_eq!(served(&store, "data/yum/os/a.rpm").as_deref(), Some("rotten"));
    assert_eq!(served(&store, "data/yum/twin/deep/a.rpm").as_deref(), Some("rotten"));
    assert!(store.is_whole(&os) && store.mend().unwrap().is_empty());
    assert_eq!(fs::read_dir(store.trees()).unwrap().count(), 2, "nothing is left behind");
}

#[test]
fn a_good_copy_in_a_tree_repairs_its_object() {
    let (_folder, store) = opened();
    let os = tree(&store, "data/yum/os", &[("a.rpm", "rotten"), ("b.rpm", "rotten")]);
    store.publish(&rel("data"), vec![os], &[]).unwrap();
    let copied = store.published().join("current/data/yum/os/b.rpm");
    fs::remove_file(&copied).unwrap();
    fs::write(&copied, "rotten").unwrap();
    let sha256 = rot(&store, "rotten");
    store.scrub(true, &Silent).unwrap();
    assert!(store.mend().unwrap()[0].mended);
    assert_eq!(store.read(&sha256).unwrap(), b"rotten");
    assert_eq!(served(&store, "data/yum/os/a.rpm").as_deref(), Some("rotten"));
}

#[test]
fn what_nobody_uses_is_dropped() {
    let (_folder, store) = opened();
    let sha256 = store.insert_bytes(b"stray").unwrap().sha256;
    rot(&store, "stray");
    store.scrub(true, &Silent).unwrap();
    let damage = store.mend().unwrap();
    assert!(damage[0].mended && damage[0].uses.is_empty() && !store.holds(&sha256));
    assert_eq!(store.collect(1, NO_GRACE).unwrap(), Collected::default());
}

#[test]
fn an_interrupted_scrub_goes_on_where_it_stopped() {
    let (_folder, store) = opened();
    let mut all: Vec<_> =
        (0..10).map(|n| store.insert_bytes(format!("{n}").as_bytes()).unwrap().sha256).collect();
    all.sort_unstable();
    fs::write(store.root().join("scrubbed-up-to"), format!("{}\n", all[6])).unwrap();
    let scrubbed = store.scrub(true, &Silent).unwrap();
    assert_eq!((scrubbed.skipped, scrubbed.objects), (7, 3));
    assert_eq!(store.scrub(true, &Silent).unwrap().objects, 10, "then it begins anew");
}
