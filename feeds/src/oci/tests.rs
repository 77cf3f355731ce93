//! Copies between registries in memory, with the faults that real ones have.

mod fake;
mod record;
mod terms;

use std::path::Path;
use std::sync::Arc;

use fake::Fake;

use super::manifest::Digest;
use super::*;
use crate::events::Silent;
use crate::{Class, Classified as _};

const LAYER: &[u8] = &[7; 100_000];

/// Two registries; the first has an index of two images that share a layer.
struct Pair {
    from: Fake,
    to: Fake,
    regi: Arc<Registry>,
    index: Digest,
}

impl Pair {
    async fn new() -> Self {
        let (from, to) = (Fake::start().await, Fake::start().await);
        let layer = from.blob("tools/box", LAYER);
        let children: Vec<String> = [("one", "amd64"), ("two", "arm64")]
            .map(|(name, architecture)| {
                let config = from.blob("tools/box", name.as_bytes());
                // Spaces on purpose: whoever writes it anew changes the digest.
                let text = format!(
                    r#"{{ "schemaVersion": 2, "config": {{"digest": "{config}", "size": 3}}, "layers": [ {{"digest": "{layer}", "size": {}}} ] }}"#,
                    LAYER.len()
                );
                let digest = from.manifest("tools/box", name, &text);
                format!(
                    r#"{{"digest":"{digest}","size":{},"platform":{{"os":"linux","architecture":"{architecture}"}}}}"#,
                    text.len()
                )
            })
            .into();
        let text = format!(r#"{{ "schemaVersion": 2, "manifests": [{}] }}"#, children.join(" , "));
        let index = from.manifest("tools/box", "1", &text);
        let regi = to.registry();
        Self { from, to, regi, index }
    }

    async fn copy(&self, name: &str) -> Result<Copied, Error> {
        self.copy_by(&Terms::default(), name).await
    }

    async fn copy_by(&self, terms: &Terms, name: &str) -> Result<Copied, Error> {
        copy(&self.source("tools/box:1"), terms, &self.regi, name, &Silent).await
    }

    fn source(&self, name: &str) -> Source {
        let from = self.from.registry();
        Source::registry(&from, &format!("{}/{name}", from.host())).unwrap()
    }

    /// Whether the registry serves nothing under the tag.
    fn unpublished(&self, name: &str) -> bool {
        !self.to.inside().manifests.contains_key(name)
    }
}

#[tokio::test]
async fn an_index_arrives_whole_and_byte_for_byte() {
    let pair = Pair::new().await;
    let copied = pair.copy("library/box:1").await.unwrap();
    assert_eq!(copied.digest, pair.index.to_string());
    assert_eq!((copied.blobs_pushed, copied.bytes), (3, 100_006));
    let bytes = |fake: &Fake, name: &str| fake.inside().manifests[name].clone();
    assert_eq!(bytes(&pair.to, "library/box 1"), bytes(&pair.from, "tools/box 1"));
    assert_eq!(pair.to.inside().manifests.len(), 4);
    let puts = pair.to.requests("PUT");
    assert!(puts.last().unwrap().ends_with("/manifests/1"), "the tag is not last in {puts:?}");
}

#[tokio::test]
async fn an_unchanged_image_costs_one_request_on_each_side_and_a_pinned_one_none() {
    let pair = Pair::new().await;
    pair.copy("library/box:1").await.unwrap();
    drop((pair.from.requests(""), pair.to.requests("")));
    assert_eq!(pair.copy("library/box:1").await.unwrap().blobs_pushed, 0);
    let asked = |fake: &Fake| fake.requests("").len();
    assert_eq!((asked(&pair.from), asked(&pair.to)), (1, 1));
    let pinned = pair.source(&format!("tools/box@{}", pair.index));
    copy(&pinned, &Terms::default(), &pair.regi, "library/box:1", &Silent).await.unwrap();
    assert_eq!((asked(&pair.from), asked(&pair.to)), (0, 1));
}

#[tokio::test]
async fn a_moved_tag_is_followed_and_what_it_named_before_is_kept() {
    let pair = Pair::new().await;
    pair.copy("library/box:1").await.unwrap();
    let one = pair.from.inside().manifests["tools/box one"].clone();
    pair.from.manifest("tools/box", "1", std::str::from_utf8(&one).unwrap());
    let copied = pair.copy("library/box:1").await.unwrap();
    assert_eq!(copied.digest, Digest::of(&one).to_string());
    let inside = pair.to.inside();
    assert_eq!(inside.manifests["library/box 1"], one);
    assert_eq!(Digest::of(&inside.manifests["library/box 1.previous"]), pair.index);
}

#[tokio::test]
async fn a_sister_repository_gives_its_blobs() {
    let pair = Pair::new().await;
    pair.copy("library/box:1").await.unwrap();
    let copied = pair.copy("other/box:1").await.unwrap();
    assert_eq!((copied.blobs_pushed, copied.bytes), (0, 0));
    assert_eq!(copied.digest, pair.index.to_string());
}

#[tokio::test]
async fn failures_that_pass_are_outlasted() {
    let pair = Pair::new().await;
    pair.from.inside().fail = 2;
    pair.to.inside().fail = 2;
    pair.copy("library/box:1").await.unwrap();
}

#[tokio::test]
async fn a_registry_that_only_answers_500_is_named() {
    let pair = Pair::new().await;
    pair.from.inside().fail = 1000;
    let error = pair.copy("library/box:1").await.unwrap_err();
    assert_eq!(error.class(), Class::Upstream);
    assert!(error.to_string().contains(&pair.from.endpoint().host), "{error}");
    assert!(pair.unpublished("library/box 1"));

    pair.from.inside().fail = 0;
    pair.to.inside().fail = 1000;
    let error = pair.copy("library/box:1").await.unwrap_err();
    assert!(error.to_string().contains(&pair.to.endpoint().host), "{error}");
}

#[tokio::test]
async fn a_blob_that_breaks_off_is_resumed() {
    for ranges in [true, false] {
        let pair = Pair::new().await;
        pair.from.inside().cut = 2;
        pair.from.inside().ranges = ranges;
        let copied = pair.copy("library/box:1").await.unwrap();
        assert_eq!(copied.digest, pair.index.to_string());
        assert_eq!(pair.to.inside().blobs[&format!("library/box {}", Digest::of(LAYER))], LAYER);
    }
}

#[tokio::test]
async fn a_blob_that_is_something_else_is_never_published() {
    let pair = Pair::new().await;
    pair.from.inside().corrupt = true;
    let error = pair.copy("library/box:1").await.unwrap_err();
    assert!(matches!(error, Error::Altered { .. }), "{error}");
    assert_eq!(error.class(), Class::Verification);
    assert!(pair.unpublished("library/box 1"));
    assert!(pair.to.inside().blobs.is_empty());
}

#[tokio::test]
async fn a_manifest_that_is_something_else_is_refused() {
    let pair = Pair::new().await;
    let key = {
        let inside = pair.from.inside();
        let one = &inside.manifests["tools/box one"];
        format!("tools/box {}", Digest::of(one))
    };
    let other = pair.from.inside().manifests["tools/box two"].clone();
    pair.from.inside().manifests.insert(key, other);
    let error = pair.copy("library/box:1").await.unwrap_err();
    assert_eq!(error.class(), Class::Verification, "{error}");
    assert!(pair.unpublished("library/box 1"));
}

#[tokio::test]
async fn a_manifest_too_large_is_refused_before_it_is_read() {
    let pair = Pair::new().await;
    let text = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"digest":"{}","size":99999999999}}]}}"#,
        pair.index
    );
    pair.from.manifest("tools/box", "1", &text);
    let error = pair.copy("library/box:1").await.unwrap_err();
    assert!(matches!(error, Error::Oversized { .. }), "{error}");
    assert_eq!(error.class(), Class::Upstream);
}

#[tokio::test]
async fn a_manifest_longer_than_any_is_not_read_to_its_end() {
    let pair = Pair::new().await;
    let text = format!(r#"{{"schemaVersion":2,"x":"{}"}}"#, "x".repeat(5 << 20));
    pair.from.manifest("tools/box", "1", &text);
    let error = pair.copy("library/box:1").await.unwrap_err();
    assert!(matches!(error, Error::Oversized { .. }), "{error}");
}

#[tokio::test]
async fn what_many_images_share_goes_over_the_wire_once() {
    let pair = Pair::new().await;
    let names: Vec<_> = (0..8).map(|number| format!("many/box{number}:1")).collect();
    let work = names.iter().map(|name| pair.copy(name));
    let copied = futures_util::future::try_join_all(work).await.unwrap();
    assert_eq!(copied.iter().map(|one| one.blobs_pushed).sum::<usize>(), 3);
    assert_eq!(pair.from.requests("GET /v2/tools/box/blobs/").len(), 3);
    assert!(names.iter().all(|name| !pair.unpublished(&name.replace(':', " "))));
}

#[tokio::test]
async fn a_registry_that_wants_to_be_left_alone_is_left_alone() {
    let pair = Pair::new().await;
    let until = std::time::Instant::now() + std::time::Duration::from_secs(1);
    pair.from.inside().closed = Some((until, 1));
    // Without a pause of its own three attempts would be over at once.
    pair.copy("library/box:1").await.unwrap();

    let never = until + std::time::Duration::from_hours(1);
    pair.from.inside().closed = Some((never, 3600));
    let error = pair.copy("library/box:2").await.unwrap_err();
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert!(why.contains("3600"), "{why}");
}

#[tokio::test]
async fn a_page_for_people_is_told_as_one() {
    let pair = Pair::new().await;
    pair.from.inside().page = true;
    let error = pair.copy("library/box:1").await.unwrap_err();
    assert!(matches!(error, Error::Read { source: Fault::Page, .. }), "{error}");
    assert!(error.to_string().contains(&pair.from.endpoint().host), "{error}");
    assert!(error.hint().unwrap().contains("browser"));
}

#[tokio::test]
async fn a_token_is_bought_once_and_shown_to_nobody_else() {
    for scoped in [false, true] {
        let (pair, other) = (Pair::new().await, Fake::start().await);
        for (key, blob) in &pair.from.inside().blobs {
            other.inside().blobs.insert(key.clone(), blob.clone());
        }
        pair.from.inside().elsewhere = Some(format!("http://{}", other.endpoint().host));
        pair.from.inside().guarded = Some(scoped);
        pair.to.inside().guarded = Some(scoped);
        let login = Login { user: "somebody".to_owned(), password: "secret".to_owned() };
        let connect = |fake: &Fake| {
            let endpoint = Endpoint { login: Some(login.clone()), ..fake.endpoint() };
            Arc::new(Registry::connect(&endpoint).unwrap())
        };
        let (from, to) = (connect(&pair.from), connect(&pair.to));
        let source = Source::registry(&from, &format!("{}/tools/box:1", from.host())).unwrap();
        copy(&source, &Terms::default(), &to, "library/box:1", &Silent).await.unwrap();
        assert_eq!(pair.from.requests("GET /token").len(), 1);
        assert_eq!(other.inside().shown, Vec::<String>::new());
        // Reading and writing are two scopes, where there are any.
        assert_eq!(pair.to.requests("GET /token").len(), 1 + usize::from(scoped));
    }
}

#[tokio::test]
async fn a_redirect_that_leads_in_circles_ends() {
    let pair = Pair::new().await;
    let host = pair.from.endpoint().host;
    pair.from.inside().elsewhere = Some(format!("http://{host}"));
    let error = pair.copy("library/box:1").await.unwrap_err();
    assert!(error.to_string().contains(&host), "{error}");
    assert_eq!(error.class(), Class::Upstream);
    assert!(pair.unpublished("library/box 1"));
}

#[tokio::test]
async fn an_image_that_is_not_there_is_told_so() {
    let pair = Pair::new().await;
    let (source, terms) = (pair.source("tools/none:1"), Terms::default());
    let error = copy(&source, &terms, &pair.regi, "a:1", &Silent).await.unwrap_err();
    assert_eq!(error.class(), Class::Upstream);
    assert!(error.hint().unwrap().contains("exist"));
}

#[tokio::test]
async fn an_image_saved_by_the_engine_is_pushed_once() {
    let to = Fake::start().await;
    let scratch = tempfile::tempdir().unwrap();
    let regi = to.registry();
    let saved = save(&[b"base", b"top"]);
    let archive = take(&saved, scratch.path()).await.unwrap();
    let first = push_archive(&archive, &regi, "suite/data:1", &Silent).await.unwrap();
    assert_eq!(first.blobs_pushed, 3);
    let again = push_archive(&archive, &regi, "suite/data:1", &Silent).await.unwrap();
    assert_eq!(again, Copied::unchanged(first.digest.clone()));
    let id = Digest::of(archive.config()).to_string();
    assert_eq!(holds(&regi, "suite/data:1", &id).await.unwrap(), Some(first.digest));
    assert_eq!(holds(&regi, "suite/none:1", &id).await.unwrap(), None);
}

#[tokio::test]
async fn the_next_image_pushes_only_its_own_layers() {
    let to = Fake::start().await;
    let scratch = tempfile::tempdir().unwrap();
    let connect = || to.registry();
    let regi = connect();
    let taken = async |layers: &[&[u8]]| take(&save(layers), scratch.path()).await.unwrap();
    let one = taken(&[b"base", b"top"]).await;
    push_archive(&one, &regi, "suite/data:1", &Silent).await.unwrap();
    let two = taken(&[b"base", b"other"]).await;
    let sister = push_archive(&two, &regi, "suite/boot:1", &Silent).await.unwrap();
    assert_eq!(sister.blobs_pushed, 2, "the base was not mounted");
    // A later run remembers nothing but asks what the tag names.
    let three = taken(&[b"base", b"third"]).await;
    let later = push_archive(&three, &connect(), "suite/data:1", &Silent).await.unwrap();
    assert_eq!(later.blobs_pushed, 2, "the base was pushed again");
}

#[tokio::test]
async fn a_broken_archive_is_told_so() {
    let scratch = tempfile::tempdir().unwrap();
    let taken = async |tar: Vec<u8>| take(&tar, scratch.path()).await.err().unwrap();
    assert!(matches!(taken(pack(&[("a", b"b")])).await, Error::Incomplete(_)));
    let mut half = save(&[LAYER]);
    half.truncate(half.len() / 2);
    assert!(matches!(taken(half).await, Error::Incomplete(_)));
    assert_eq!(fs_err::read_dir(scratch.path()).unwrap().count(), 0, "something was left behind");
}

#[tokio::test]
async fn a_layer_that_is_something_else_is_not_pushed() {
    let to = Fake::start().await;
    let scratch = tempfile::tempdir().unwrap();
    let regi = to.registry();
    let mut saved = save(&[LAYER]);
    let at = saved.windows(100).position(|it| it == &LAYER[..100]).unwrap();
    saved[at] ^= 1;
    let archive = take(&saved, scratch.path()).await.unwrap();
    let error = push_archive(&archive, &regi, "suite/data:1", &Silent).await.unwrap_err();
    assert!(matches!(error, Error::Incomplete(_)), "{error}");
    assert!(to.inside().manifests.is_empty());
}

async fn take(tar: &[u8], scratch: &Path) -> Result<Archive, Error> {
    let saved = scratch.join("saved.tar");
    fs_err::write(&saved, tar).unwrap();
    Archive::take(&saved).await
}

/// Makes what `docker save` writes, with layers by links as it does for repeated ones.
fn save(layers: &[&[u8]]) -> Vec<u8> {
    let diff_ids: Vec<_> = layers.iter().map(|it| format!("\"{}\"", Digest::of(it))).collect();
    let config = format!(r#"{{"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#, diff_ids.join(","));
    let names: Vec<_> = (0..layers.len()).map(|it| format!("{it}/layer.tar")).collect();
    let listed: Vec<_> = names.iter().map(|it| format!("\"{it}\"")).collect();
    let table = format!(r#"[{{"Config":"c.json","Layers":[{}]}}]"#, listed.join(","));
    let mut files: Vec<(&str, &[u8])> =
        names.iter().map(String::as_str).zip(layers.iter().copied()).collect();
    files.extend([("c.json", config.as_bytes()), ("manifest.json", table.as_bytes())]);
    pack(&files)
}

fn pack(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, data) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        // The layer itself under another name, and a link where it is looked for.
        if name.ends_with("layer.tar") {
            let path = Path::new("real").join(name);
            tar.append_data(&mut header.clone(), &path, *data).unwrap();
            header.set_size(0);
            header.set_entry_type(tar::EntryType::Symlink);
            tar.append_link(&mut header, name, Path::new("..").join(path)).unwrap();
        } else {
            tar.append_data(&mut header, name, *data).unwrap();
        }
    }
    tar.into_inner().unwrap()
}
