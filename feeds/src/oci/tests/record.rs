//! What is remembered of images that came, and what goes once nobody asks for them.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::*;

impl Pair {
    /// Copies an image, and takes it down as one that came at that second.
    async fn feed(&self, record: &mut Record, name: &str, second: i64) -> Copied {
        let copied = self.copy(name).await.unwrap();
        let now = Timestamp::from_second(second).unwrap();
        take_down(record, &self.regi, (name, name), &copied, now).await.unwrap();
        copied
    }

    /// Removes images that are no longer listed.
    async fn prune(&self, record: &mut Record, unlisted: &[&str]) -> Vec<Doomed> {
        let unlisted: Vec<_> = unlisted.iter().map(|it| (*it).to_owned()).collect();
        let gone = doomed(&self.regi, record, &unlisted).await.unwrap();
        super::super::prune(&self.regi, record, &gone, &unlisted).await.unwrap();
        gone
    }

    /// Moves the upstream's tag to one of its images.
    fn move_tag(&self, to: &str) {
        let bytes = self.from.inside().manifests[&format!("tools/box {to}")].clone();
        self.from.manifest("tools/box", "1", std::str::from_utf8(&bytes).unwrap());
    }

    /// What regi serves of a repository.
    fn served(&self, repository: &str) -> Vec<String> {
        let inside = self.to.inside();
        let names = inside.manifests.keys().filter_map(|name| name.split_once(' '));
        names.filter(|(of, _)| *of == repository).map(|(_, name)| name.to_owned()).collect()
    }
}

#[tokio::test]
async fn what_came_is_told_and_an_unchanged_image_is_not_asked_about() {
    let (pair, mut record) = (Pair::new().await, Record::default());
    pair.feed(&mut record, "library/box", 1).await;
    let told = |record: &Record| record.images().next().map(|(_, image)| image.clone()).unwrap();
    let image = told(&record);
    assert_eq!((image.repository.as_str(), image.tag.as_str()), ("library/box", "latest"));
    assert_eq!((image.digest, image.size), (pair.index.to_string(), 100_006));
    assert_eq!(image.platforms, ["linux/amd64", "linux/arm64"]);

    drop(pair.to.requests(""));
    pair.feed(&mut record, "library/box", 2).await;
    assert_eq!(pair.to.requests("").len(), 1);
    assert_eq!(told(&record).fed.as_second(), 1);

    pair.move_tag("one");
    pair.feed(&mut record, "library/box", 3).await;
    let moved = told(&record);
    assert_eq!((moved.fed.as_second(), moved.size), (3, 100_003));
    assert_eq!(moved.previous, Some(pair.index.to_string()));
    let read: Record = serde_json::from_slice(&serde_json::to_vec(&record).unwrap()).unwrap();
    assert_eq!(read, record);
}

#[tokio::test]
async fn what_is_unlisted_goes_with_all_that_it_had() {
    let (pair, mut record) = (Pair::new().await, Record::default());
    pair.feed(&mut record, "library/box:1", 1).await;
    pair.feed(&mut record, "other/box:1", 1).await;
    pair.move_tag("one");
    pair.feed(&mut record, "library/box:1", 2).await;
    let gone = pair.prune(&mut record, &["library/box:1"]).await;
    assert_eq!(gone[0].tags.keys().collect::<Vec<_>>(), ["1", "1.previous"]);
    assert_eq!(pair.served("library/box"), Vec::<String>::new());
    assert_eq!(pair.served("other/box").len(), 4);
    assert_eq!(pair.prune(&mut record, &[]).await, []);
    assert_eq!(record.images().count(), 1);
}

#[tokio::test]
async fn what_a_listed_tag_names_no_more_goes_and_its_previous_one_stays() {
    let (pair, mut record) = (Pair::new().await, Record::default());
    for (second, moved) in [(1, "1"), (2, "one"), (3, "two")] {
        pair.move_tag(moved);
        pair.feed(&mut record, "library/box:1", second).await;
    }
    let gone = pair.prune(&mut record, &[]).await;
    assert_eq!(gone[0].manifests, BTreeSet::from([pair.index.to_string()]));
    assert_eq!(pair.served("library/box").len(), 4, "two tags and what they name");
}

#[tokio::test]
async fn what_people_pushed_stays() {
    let (pair, mut record) = (Pair::new().await, Record::default());
    for name in ["library/box:1", "library/box:2"] {
        pair.feed(&mut record, name, 1).await;
    }
    let index = pair.to.inside().manifests["library/box 1"].clone();
    let other = pair.to.inside().manifests[&format!("library/box {}", pair.index)].clone();
    // Somebody's name for the very image, an image of somebody's own, and one under a name that was fed.
    pair.to.manifest("library/box", "mine", std::str::from_utf8(&index).unwrap());
    let own = r#"{"schemaVersion":2,"manifests":[]}"#;
    pair.to.manifest("library/box", "own", own);
    pair.to.manifest("library/box", "2", own);
    pair.prune(&mut record, &["library/box:1", "library/box:2"]).await;
    let left = pair.served("library/box");
    let tags: Vec<_> = left.iter().filter(|it| !it.contains(':')).collect();
    assert_eq!(tags, ["2", "mine", "own"]);
    assert_eq!(left.len(), 3 + 4, "an index, its two images, and the own one");
    assert_eq!(pair.to.inside().manifests["library/box mine"], other);
    assert_eq!(record.images().count(), 0);
}

#[tokio::test]
async fn a_signature_goes_with_its_image() {
    let (pair, mut record) = (Pair::new().await, Record::default());
    let tag = format!("sha256-{}.sig", pair.index.0);
    pair.from.manifest("tools/box", &tag, r#"{"schemaVersion":2,"manifests":[]}"#);
    let terms = Terms { referrers: true, ..Terms::default() };
    for name in ["library/box:1", "library/box:2"] {
        let copied = pair.copy_by(&terms, name).await.unwrap();
        let now = Timestamp::UNIX_EPOCH;
        take_down(&mut record, &pair.regi, (name, name), &copied, now).await.unwrap();
    }
    pair.prune(&mut record, &["library/box:1"]).await;
    assert!(!pair.unpublished(&format!("library/box {tag}")), "its image is there");
    pair.prune(&mut record, &["library/box:2"]).await;
    assert_eq!(pair.served("library/box"), Vec::<String>::new());
}

#[test]
fn what_is_asked_for_by_name_or_by_choice_is_listed() {
    let mut record = Record::default();
    let held = |tag: &str| Held {
        repository: "a".to_owned(),
        tag: tag.to_owned(),
        platforms: Vec::new(),
        size: 0,
        manifests: BTreeSet::new(),
    };
    let copied = Copied::unchanged("sha256:0".to_owned());
    for (tag, asked) in [("1", "a:1"), ("2", "a"), ("3", "a")] {
        record.add(&format!("a:{tag}"), asked, &copied, held(tag), Timestamp::UNIX_EPOCH);
    }
    let set = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<_>>();
    let none = BTreeSet::new();
    assert_eq!(record.unlisted(&set(&["a:1"]), &set(&["a"])), Vec::<String>::new());
    record.choose("a", &set(&["a:3"]));
    assert_eq!(record.unlisted(&set(&["a:1"]), &set(&["a"])), ["a:2"]);
    assert_eq!(record.unlisted(&set(&["a:2"]), &none), ["a:1", "a:3"]);
}
