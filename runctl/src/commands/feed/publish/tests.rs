//! What leans on a repository is published with it or not at all.

use std::collections::BTreeMap;
use std::path::Path;

use feeds::digest::Sha256;
use feeds::events::Silent;
use feeds::transfer::{Options, Want};
use url::Url;

use super::super::texts::{file_path, tree_path};
use super::*;

struct World {
    folder: tempfile::TempDir,
    transfer: Transfer,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path().join("store")).expect("a store");
        let transfer = Transfer::new(store, Options::default()).expect("a client");
        Self { folder, transfer }
    }

    /// A repository of one file, which its upstream has or has not.
    fn surveyed(&self, name: &str, leans_on: &[&str], is_there: bool) -> Surveyed {
        let file = self.folder.path().join(name);
        if is_there {
            fs_err::write(&file, name).expect("written");
        }
        let tree = tree_path("data/yum", name).expect("a path");
        let want = want(&file, Sha256::of(name.as_bytes()));
        let plan = Plan {
            tree: tree.clone(),
            upstream: String::new(),
            trust: "none".to_owned(),
            signed_by: None,
            recipe: None,
            evidence: BTreeMap::new(),
            get: BTreeMap::from([(file_path("one.rpm").expect("a path"), want)]),
            have: BTreeMap::new(),
        };
        let called = |name: &&str| format!("yum {name}");
        let leans_on = leans_on.iter().map(called).collect();
        Surveyed { name: called(&name), tree, leans_on, plan: Ok(plan) }
    }

    /// Fetches all; tells which trees came, and why the others did not.
    fn fetch(&self, surveyed: Vec<Surveyed>) -> (Vec<String>, Vec<(String, String)>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let work = fetch(surveyed, &self.transfer, &Silent);
        let Fetched { items, trees, keep } = runtime.expect("a runtime").block_on(work);
        let failed = items.into_iter().filter_map(|item| {
            let failure = item.outcome.err()?;
            Some((item.name, failure.to_string()))
        });
        let failed: Vec<_> = failed.collect();
        let kept = failed.iter().map(|(name, _)| name.replace("yum ", "data/yum/"));
        assert!(keep.iter().map(ToString::to_string).eq(kept), "{keep:?}");
        (trees.iter().map(|tree| tree.path.to_string()).collect(), failed)
    }
}

fn want(file: &Path, sha256: Sha256) -> Want {
    let url = Url::from_file_path(file).expect("an absolute path");
    Want { sha256: Some(sha256), ..Want::new(vec![url], "one.rpm") }
}

#[test]
fn what_leans_on_a_repository_that_did_not_come_is_held_back_with_it() {
    let world = World::new();
    let (came, failed) = world.fetch(vec![
        world.surveyed("base", &[], false),
        world.surveyed("beside", &[], true),
        world.surveyed("part", &["beside", "base"], true),
        world.surveyed("further", &["part"], true),
    ]);
    assert_eq!(came, ["data/yum/beside"]);
    let names: Vec<_> = failed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["yum base", "yum part", "yum further"]);
    assert!(failed[1].1.contains("leans on `yum base`"), "{failed:?}");
    assert!(failed[2].1.contains("leans on `yum part`"), "{failed:?}");
}

#[test]
fn what_leans_on_a_repository_that_came_is_published() {
    let world = World::new();
    let (came, failed) = world
        .fetch(vec![world.surveyed("base", &[], true), world.surveyed("part", &["base"], true)]);
    assert_eq!((came.len(), failed), (2, Vec::new()));
}
