//! Publishes a tree of very many links in a store, and tells what that took.
//!
//! `publish_links STORE COUNT`, where STORE is a folder that is not there yet.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use feeds::digest::Sha256;
use feeds::store::{Object, RelPath, Store, Tree};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("usage: publish_links STORE COUNT".into());
    };
    let store = Store::open(folder)?;
    let mut files = BTreeMap::new();
    for number in 0..count.parse::<u32>()? {
        let bytes = format!("package {number}");
        let object = Object { sha256: Sha256::of(bytes.as_bytes()), size: bytes.len() as u64 };
        let path = store.path(&object.sha256);
        // Not by the store: that would wait for each to reach the disk.
        path.parent().map_or(Ok(()), fs_err::create_dir_all)?;
        fs_err::write(path, bytes)?;
        files.insert(RelPath::new(format!("Packages/{}/{number}.rpm", number % 36))?, object);
    }
    let tree = Tree {
        path: RelPath::new("data/yum/many")?,
        upstream: String::new(),
        trust: "none".to_owned(),
        recipe: None,
        evidence: BTreeMap::new(),
        files,
    };
    let scope = RelPath::new("data")?;
    // What was fetched is on disk long before it is published.
    rustix::fs::sync();
    told("published", || store.publish(&scope, vec![tree], &[]).map(drop))?;
    told("read again", || store.current().map(drop))?;
    told("collected", || store.collect(1, Duration::ZERO).map(drop))?;
    Ok(())
}

fn told<E>(what: &str, work: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
    let begun = Instant::now();
    work()?;
    println!("{what}: {:.3} s", begun.elapsed().as_secs_f64());
    Ok(())
}
