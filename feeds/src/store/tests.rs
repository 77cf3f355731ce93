//! Publishing and collecting, crashes included.

use std::path::Path;
use std::time::Duration;

use fs_err as fs;

use super::*;
use crate::lock::{self, LockedImage, LockedRef};

pub(super) const NO_GRACE: Duration = Duration::ZERO;

pub(super) fn opened() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store")).unwrap();
    (folder, store)
}

pub(super) fn rel(path: &str) -> RelPath {
    RelPath::new(path).unwrap()
}

pub(super) fn tree(store: &Store, path: &str, files: &[(&str, &str)]) -> Tree {
    let insert = |text: &str| store.insert_bytes(text.as_bytes()).unwrap();
    Tree {
        path: rel(path),
        upstream: "http://upstream.example/".to_owned(),
        trust: "none".to_owned(),
        recipe: None,
        evidence: BTreeMap::new(),
        files: files.iter().map(|(file, text)| (rel(file), insert(text))).collect(),
    }
}

/// Reads a file as it is served.
pub(super) fn served(store: &Store, path: &str) -> Option<String> {
    fs::read_to_string(store.published().join("current").join(path)).ok()
}

#[test]
fn publishes_by_scope_and_carries_the_rest_over() {
    let (_folder, store) = opened();
    assert!(store.current().unwrap().is_none());
    let os = tree(&store, "data/yum/os", &[("repodata/repomd.xml", "one"), ("a.rpm", "a")]);
    let extras = tree(&store, "data/yum/extras", &[("b.rpm", "b")]);
    let first = store.publish(&rel("data"), vec![os, extras], &[]).unwrap();
    assert_eq!(first.number, 1);
    let boot = tree(&store, "boot/el9", &[("vmlinuz", "kernel")]);
    store.publish(&rel("boot"), vec![boot], &[]).unwrap();
    assert_eq!(served(&store, "data/yum/os/repodata/repomd.xml").as_deref(), Some("one"));

    let os = tree(&store, "data/yum/os", &[("repodata/repomd.xml", "two")]);
    let third = store.publish(&rel("data"), vec![os], &[rel("data/yum/extras")]).unwrap();
    assert_eq!(third.number, 3);
    assert_eq!(served(&store, "data/yum/os/repodata/repomd.xml").as_deref(), Some("two"));
    assert_eq!(served(&store, "data/yum/os/a.rpm"), None, "what is not in the tree is gone");
    assert_eq!(served(&store, "data/yum/extras/b.rpm").as_deref(), Some("b"), "kept as it was");
    assert_eq!(served(&store, "boot/el9/vmlinuz").as_deref(), Some("kernel"));

    store.publish(&rel("data"), Vec::new(), &[]).unwrap();
    assert_eq!(served(&store, "data/yum/extras/b.rpm"), None);
    assert_eq!(served(&store, "boot/el9/vmlinuz").as_deref(), Some("kernel"));
    assert_eq!(store.kept().unwrap(), [1, 2, 3, 4]);
}

#[test]
fn publishes_nothing_when_nothing_changed() {
    let (_folder, store) = opened();
    let os = tree(&store, "data/yum/os", &[("a.rpm", "a")]);
    let first = store.publish(&rel("data"), vec![os.clone()], &[]).unwrap();
    let again = store.publish(&rel("data"), vec![os], &[]).unwrap();
    let kept = store.publish(&rel("data"), Vec::new(), &[rel("data/yum/os")]).unwrap();
    assert_eq!((again.number, kept.number), (first.number, first.number));
    assert_eq!(store.kept().unwrap(), [1]);
}

#[test]
fn records_refs_and_images_beside_the_trees() {
    let (_folder, store) = opened();
    let os = tree(&store, "data/yum/os", &[("a.rpm", "a")]);
    store.publish(&rel("data"), vec![os], &[]).unwrap();
    let git_ref = |repository: &str, commit: &str| LockedRef {
        repository: repository.to_owned(),
        name: "refs/heads/main".to_owned(),
        commit: commit.to_owned(),
    };
    store.publish_refs(vec![git_ref("one", "1"), git_ref("two", "1")], &[]).unwrap();
    let last = store.publish_refs(vec![git_ref("two", "2")], &["one".to_owned()]).unwrap();
    assert_eq!(last.lock.refs, [git_ref("one", "1"), git_ref("two", "2")]);
    let image = LockedImage { name: "a:1".to_owned(), digest: "sha256:0".to_owned() };
    let page = tree(&store, "data/pages/regi", &[("index.html", "a:1")]);
    let last = store.publish_images(vec![image.clone()], vec![page.clone()]).unwrap();
    assert_eq!((last.lock.images.len(), last.lock.refs.len(), last.lock.trees.len()), (1, 2, 2));
    let same = store.publish_images(vec![image], vec![page]).unwrap();
    assert_eq!(same.number, last.number);
    assert_eq!(store.current().unwrap().unwrap().lock, last.lock);
    // What differs in references alone costs no other generation its place.
    let collected = store.collect(2, NO_GRACE).unwrap();
    assert_eq!((collected.generations, store.kept().unwrap()), (vec![1, 2], vec![3, 4]));
}

#[test]
fn gives_the_same_lock_for_the_same_state() {
    let locked = |names: [&str; 2]| {
        let (_folder, store) = opened();
        let trees = names.map(|name| tree(&store, &format!("data/yum/{name}"), &[(name, name)]));
        let path = store.publish(&rel("data"), trees.to_vec(), &[]).unwrap().path;
        fs::read(path.join(lock::FILE_NAME)).unwrap()
    };
    assert_eq!(locked(["a", "b"]), locked(["b", "a"]));
}

#[test]
fn refuses_what_cannot_stand_together() {
    let (_folder, store) = opened();
    let publish = |scope: &str, trees| store.publish(&rel(scope), trees, &[]).unwrap_err();
    let os = tree(&store, "data/yum/os", &[("a", "a"), ("a-b", "b"), ("a/b", "b")]);
    assert!(
        matches!(publish("data", vec![os]), Error::FileAndFolder { file, .. } if file == rel("a"))
    );
    let outer = tree(&store, "data/yum", &[]);
    let between = tree(&store, "data/yum-old", &[]);
    let inner = tree(&store, "data/yum/os", &[]);
    assert!(matches!(publish("data", vec![outer, between, inner.clone()]), Error::Overlap { .. }));
    assert!(matches!(publish("boot", vec![inner.clone()]), Error::OutOfScope { .. }));
    let object = Object { sha256: Sha256::of(b"never fetched"), size: 1 };
    let lacking = Tree { files: BTreeMap::from([(rel("a"), object)]), ..inner };
    assert!(matches!(publish("data", vec![lacking]), Error::Missing { .. }));
    assert!(store.current().unwrap().is_none(), "nothing was published");
    let os = tree(&store, "data/yum/os", &[("a.rpm", "a")]);
    assert!(store.publish(&rel("data"), vec![os], &[]).is_ok(), "and nothing is in the way");
}

/// What each step of publishing leaves behind when the run dies right after it.
#[test]
fn survives_a_crash_between_any_two_steps() {
    let crashes: [fn(&Store); 5] = [
        |store| fs::create_dir(half_built(store)).unwrap(),
        |store| {
            fs::create_dir_all(half_built(store).join("data/yum/os")).unwrap();
            fs::write(half_built(store).join("data/yum/os/a.rpm"), "half").unwrap();
        },
        |store| {
            fs::create_dir(half_built(store)).unwrap();
            fs::write(half_built(store).join(lock::FILE_NAME), "{\"generation\": 2, \"tr").unwrap();
        },
        |store| {
            // Whole and named, but never switched to.
            let current = store.current().unwrap().unwrap();
            copy(&current.path, &store.generation_path(2));
            let lock = lock::Lock { generation: 2, ..current.lock };
            fs::write(store.generation_path(2).join(lock::FILE_NAME), lock.to_bytes().unwrap())
                .unwrap();
        },
        |store| {
            let link = store.published().join(".unfinished-current");
            fs_err::os::unix::fs::symlink("generations/2", link).unwrap();
        },
    ];
    for (step, crash) in crashes.into_iter().enumerate() {
        let (_folder, store) = opened();
        let os = tree(&store, "data/yum/os", &[("a.rpm", "old")]);
        store.publish(&rel("data"), vec![os], &[]).unwrap();
        crash(&store);
        assert_eq!(served(&store, "data/yum/os/a.rpm").as_deref(), Some("old"), "step {step}");
        let os = tree(&store, "data/yum/os", &[("a.rpm", "new")]);
        let next = store.publish(&rel("data"), vec![os], &[]).unwrap();
        assert_eq!(served(&store, "data/yum/os/a.rpm").as_deref(), Some("new"), "step {step}");
        assert_eq!(store.current().unwrap().unwrap().number, next.number);
        let left = fs::read_dir(store.generations()).unwrap().count();
        assert_eq!(left, store.kept().unwrap().len(), "step {step} leaves nothing half-built");
    }
}

fn half_built(store: &Store) -> PathBuf {
    store.generations().join(".unfinished-2")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn holds_off_a_second_run() {
    let (_folder, store) = opened();
    let guard = store.guard().unwrap();
    assert!(matches!(store.publish(&rel("data"), Vec::new(), &[]), Err(Error::Busy { .. })));
    assert!(matches!(store.collect(1, NO_GRACE), Err(Error::Busy { .. })));
    drop(guard);
    assert!(store.collect(1, NO_GRACE).is_ok());
}

#[test]
fn collects_only_what_nothing_names() {
    let (_folder, store) = opened();
    for text in ["one", "two", "three"] {
        let mut os = tree(&store, "data/yum/os", &[("a.rpm", text), ("same.rpm", "same")]);
        let index = store.insert_bytes(format!("index of {text}").as_bytes()).unwrap();
        os.evidence.insert("http://upstream.example/index".to_owned(), index);
        store.publish(&rel("data"), vec![os], &[]).unwrap();
    }
    let stray = store.insert_bytes(b"stray").unwrap();
    fs::write(store.partial().join("half"), "half").unwrap();
    assert_eq!(store.collect(3, Duration::from_hours(1)).unwrap(), Collected::default());
    let foreseen = store.collectable(2, NO_GRACE).unwrap();
    let collected = store.collect(2, NO_GRACE).unwrap();
    assert_eq!(collected, foreseen);
    let expected = Collected { generations: vec![1], trees: 1, objects: 3, bytes: 3 + 12 + 5 };
    assert_eq!(collected, expected);
    assert!(!store.holds(&stray.sha256));
    assert!(store.holds(&Sha256::of(b"same")) && store.holds(&Sha256::of(b"index of two")));
    assert!(store.partial().join("half").exists());
    assert_eq!(store.collect(2, NO_GRACE).unwrap(), Collected::default());
}

#[test]
fn switches_back_and_never_collects_what_is_served() {
    let (_folder, store) = opened();
    for text in ["one", "two", "three"] {
        let os = tree(&store, "data/yum/os", &[("a.rpm", text)]);
        store.publish(&rel("data"), vec![os], &[]).unwrap();
    }
    store.switch_back(1).unwrap();
    assert_eq!(served(&store, "data/yum/os/a.rpm").as_deref(), Some("one"));
    assert!(matches!(store.switch_back(9), Err(Error::NoSuchGeneration { number: 9 })));
    store.collect(1, NO_GRACE).unwrap();
    assert_eq!(store.kept().unwrap(), [1, 3]);
    assert_eq!(served(&store, "data/yum/os/a.rpm").as_deref(), Some("one"));
    let boot = tree(&store, "boot/x", &[("vmlinuz", "k")]);
    assert_eq!(store.publish(&rel("boot"), vec![boot], &[]).unwrap().number, 4);
    assert_eq!(served(&store, "data/yum/os/a.rpm").as_deref(), Some("one"));
}

#[test]
fn equal_trees_are_one_folder_of_links_to_objects() {
    use std::os::unix::fs::MetadataExt as _;
    let (_folder, store) = opened();
    let files = [("repodata/repomd.xml", "one"), ("Packages/a.rpm", "a"), ("b.rpm", "a")];
    let os = tree(&store, "data/yum/os", &files);
    let boot = tree(&store, "boot/x", &[("vmlinuz", "k")]);
    store.publish(&rel("data"), vec![os.clone()], &[]).unwrap();
    store.publish(&rel("boot"), vec![boot], &[]).unwrap();
    let trees = || fs::read_dir(store.trees()).unwrap().count();
    assert_eq!(trees(), 2, "the unchanged tree is shared");
    let link = |number| store.generation_path(number).join("data/yum/os");
    assert_eq!(fs::read_link(link(1)).unwrap(), fs::read_link(link(2)).unwrap());
    let inode = |path: PathBuf| fs::metadata(path).unwrap().ino();
    let object = inode(store.path(&Sha256::of(b"a")));
    assert_eq!(inode(link(2).join("Packages/a.rpm")), object);
    assert_eq!(inode(link(1).join("b.rpm")), object);
    // The same under another name is the same folder; one file more is another.
    let twin = Tree { path: rel("data/yum/twin"), ..os.clone() };
    assert_eq!(twin.id(), os.id());
    let mut more = os;
    more.files.insert(rel("c.rpm"), store.insert_bytes(b"c").unwrap());
    assert_ne!(twin.id(), more.id());
    store.publish(&rel("data"), vec![twin, more], &[]).unwrap();
    assert_eq!(trees(), 3);
    store.collect(1, NO_GRACE).unwrap();
    assert_eq!(trees(), 3, "each is still served");
    store.publish(&rel("data"), Vec::new(), &[]).unwrap();
    store.collect(1, NO_GRACE).unwrap();
    assert_eq!(trees(), 1);
    assert_eq!(served(&store, "boot/x/vmlinuz").as_deref(), Some("k"));
}

#[test]
fn an_early_store_that_holds_trees_in_generations_goes_on() {
    let (_folder, store) = opened();
    let os = tree(&store, "data/yum/os", &[("a.rpm", "old"), ("same.rpm", "same")]);
    store.publish(&rel("data"), vec![os], &[]).unwrap();
    // As it was laid out before: the folder itself, and neither `trees` nor `recent`.
    let place = store.generation_path(1).join("data/yum/os");
    let real = store.trees().join(fs::read_link(&place).unwrap().file_name().unwrap());
    fs::remove_file(&place).unwrap();
    fs::rename(real, &place).unwrap();
    fs::remove_dir(store.trees()).unwrap();
    fs::remove_dir_all(store.published().join("recent")).unwrap();

    let store = Store::open(store.root()).unwrap();
    assert_eq!(served(&store, "data/yum/os/a.rpm").as_deref(), Some("old"));
    let boot = tree(&store, "boot/x", &[("vmlinuz", "k")]);
    store.publish(&rel("boot"), vec![boot], &[]).unwrap();
    assert_eq!(served(&store, "data/yum/os/same.rpm").as_deref(), Some("same"), "carried over");
    assert_eq!(store.collect(2, NO_GRACE).unwrap(), Collected::default());
    store.switch_back(1).unwrap();
    assert_eq!(served(&store, "data/yum/os/a.rpm").as_deref(), Some("old"));
    store.switch_back(2).unwrap();
    assert_eq!(store.collect(1, NO_GRACE).unwrap().generations, [1]);
    assert_eq!(served(&store, "data/yum/os/a.rpm").as_deref(), Some("old"));
}

#[test]
fn the_kept_generations_are_at_hand_newest_first() {
    let (_folder, store) = opened();
    let recent = || -> Vec<_> {
        let at = |place: usize| store.published().join("recent").join(place.to_string());
        let read = |place| fs::read_to_string(at(place).join("data/yum/os/a.rpm")).ok();
        (1..=9).map_while(read).collect()
    };
    for text in ["one", "two", "three"] {
        let os = tree(&store, "data/yum/os", &[("a.rpm", text)]);
        store.publish(&rel("data"), vec![os], &[]).unwrap();
    }
    assert_eq!(recent(), ["two", "one"]);
    store.switch_back(2).unwrap();
    assert_eq!(recent(), ["three", "one"], "who began in the newest finds its files, too");
    store.collect(2, NO_GRACE).unwrap();
    assert_eq!(recent(), ["three"]);
}
