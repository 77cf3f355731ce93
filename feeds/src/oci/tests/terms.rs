//! What is chosen of a repository, what is kept of an image, what accompanies it and what it must prove.

use std::path::Path;

use super::*;
use crate::oci::cosign::signing::Signer;
use crate::patterns::Patterns;

fn tags(inside: &Fake) -> Vec<String> {
    let inside = inside.inside();
    let names = inside.manifests.keys().filter_map(|name| name.split_once(' '));
    names.map(|(_, tag)| tag.to_owned()).filter(|tag| !tag.contains(':')).collect()
}

#[tokio::test]
async fn tags_are_listed_page_after_page() {
    let pair = Pair::new().await;
    for tag in ["1.0", "1.1", "1.2", "2.0", "latest"] {
        pair.from.manifest("tools/box", tag, r#"{"schemaVersion":2,"manifests":[]}"#);
    }
    drop(pair.from.requests(""));
    let choice = Choice { tags: Patterns::new(&["1.*".to_owned()]).unwrap(), ..Choice::default() };
    let tags = pair.source("tools/box").tags(&choice).await.unwrap();
    assert_eq!(tags, ["1.0", "1.1", "1.2"]);
    assert_eq!(pair.from.requests("GET /v2/tools/box/tags/list").len(), 4);
}

#[tokio::test]
async fn a_platform_alone_is_copied_and_known_again() {
    let pair = Pair::new().await;
    let platforms = vec!["linux/arm64".parse().unwrap()];
    let terms = Terms { platforms, ..Terms::default() };
    let copied = pair.copy_by(&terms, "library/box:1").await.unwrap();
    assert_eq!((copied.blobs_pushed, copied.bytes), (2, 100_003));
    assert_ne!(copied.digest, pair.index.to_string(), "an index that was cut is another one");
    let two = Digest::of(&pair.from.inside().manifests["tools/box two"]);
    assert!(pair.to.inside().manifests.contains_key(&format!("library/box {two}")));

    drop((pair.from.requests(""), pair.to.requests("")));
    let again = pair.copy_by(&terms, "library/box:1").await.unwrap();
    assert_eq!((again.digest, again.blobs_pushed), (copied.digest, 0));
    assert_eq!((pair.from.requests("").len(), pair.to.requests("PUT").len()), (1, 0));

    let terms = Terms { platforms: vec!["plan9/mips".parse().unwrap()], ..terms };
    let error = pair.copy_by(&terms, "library/box:2").await.unwrap_err();
    assert!(error.to_string().contains("plan9/mips"), "{error}");
    assert!(pair.unpublished("library/box 2"));
}

/// Lays signatures beside an image, as `cosign sign` does; tells their tag.
fn sign(fake: &Fake, signer: &Signer, image: &Digest) -> String {
    let (payload, signature) = signer.sign(image);
    let (layer, config) =
        (fake.blob("tools/box", payload.as_bytes()), fake.blob("tools/box", b"{}"));
    let text = format!(
        r#"{{"schemaVersion":2,"config":{{"digest":"{config}","size":2}},"layers":[{{"digest":"{layer}","size":{},"annotations":{{"dev.cosignproject.cosign/signature":"{signature}"}}}}]}}"#,
        payload.len()
    );
    let tag = format!("sha256-{}.sig", image.0);
    fake.manifest("tools/box", &tag, &text);
    tag
}

#[tokio::test]
async fn an_image_is_taken_only_if_a_named_key_vouches_for_it() {
    let (pair, signer) = (Pair::new().await, Signer::new());
    let terms = |signer: &Signer| Terms { keys: vec![signer.key("site.pub")], ..Terms::default() };
    let refused = async |terms: &Terms, why: &str| {
        let error = pair.copy_by(terms, "library/box:1").await.unwrap_err();
        assert_eq!(error.class(), Class::Verification);
        assert!(error.to_string().contains(why), "{error}");
        assert!(pair.to.inside().manifests.is_empty(), "something was published");
    };
    refused(&terms(&signer), "no signature lies beside it").await;
    sign(&pair.from, &signer, &pair.index);
    refused(&terms(&Signer::new()), "site.pub").await;
    let copied = pair.copy_by(&terms(&signer), "library/box:1").await.unwrap();
    assert_eq!(copied.signer.as_deref(), Some("site.pub"));

    // A tag that moves to what nobody signed does not move here.
    let one = pair.from.inside().manifests["tools/box one"].clone();
    pair.from.manifest("tools/box", "1", std::str::from_utf8(&one).unwrap());
    let error = pair.copy_by(&terms(&signer), "library/box:1").await.unwrap_err();
    assert!(matches!(error, Error::Unproved { .. }), "{error}");
    assert_eq!(Digest::of(&pair.to.inside().manifests["library/box 1"]), pair.index);
}

#[tokio::test]
async fn what_accompanies_an_image_comes_along() {
    for api in [false, true] {
        let (pair, signer) = (Pair::new().await, Signer::new());
        let signatures = sign(&pair.from, &signer, &pair.index);
        let config = pair.from.blob("tools/box", b"{}");
        let sbom = format!(
            r#"{{"schemaVersion":2,"config":{{"digest":"{config}","size":2}},"layers":[],"subject":{{"digest":"{}","size":1}}}}"#,
            pair.index
        );
        let digest = pair.from.manifest("tools/box", "hidden", &sbom);
        let index = format!(
            r#"{{"schemaVersion":2,"manifests":[{{"digest":"{digest}","size":{}}}]}}"#,
            sbom.len()
        );
        let fallback = format!("sha256-{}", pair.index.0);
        if api {
            let key = format!("tools/box {}", pair.index);
            pair.from.inside().referrers.insert(key, index.into());
        } else {
            pair.from.manifest("tools/box", &fallback, &index);
        }
        let terms = Terms { referrers: true, ..Terms::default() };
        let copied = pair.copy_by(&terms, "library/box:1").await.unwrap();
        assert_eq!(copied.companions.len(), 2);
        let mut expected = vec!["1".to_owned(), fallback, signatures];
        expected.sort();
        assert_eq!(tags(&pair.to), expected);
        assert!(pair.to.inside().manifests.contains_key(&format!("library/box {digest}")));
        let again = pair.copy_by(&terms, "library/box:1").await.unwrap();
        assert_eq!((again.blobs_pushed, again.companions.len()), (0, 2));
    }
}

/// Writes the image of a registry as an OCI layout.
fn lay(fake: &Fake, folder: &Path, index: &Digest) {
    let blobs = folder.join("blobs/sha256");
    fs_err::create_dir_all(&blobs).unwrap();
    let inside = fake.inside();
    for bytes in inside.blobs.values().chain(inside.manifests.values()) {
        fs_err::write(blobs.join(Digest::of(bytes).0.to_string()), bytes).unwrap();
    }
    let size = inside.manifests["tools/box 1"].len();
    let text = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"digest":"{index}","size":{size},"annotations":{{"org.opencontainers.image.ref.name":"1"}}}}]}}"#
    );
    fs_err::write(folder.join("index.json"), text).unwrap();
}

#[tokio::test]
async fn a_layout_is_pushed_as_it_lies_and_a_damaged_one_is_named() {
    let (pair, folder) = (Pair::new().await, tempfile::tempdir().unwrap());
    lay(&pair.from, folder.path(), &pair.index);
    let source = Source::layout(folder.path().to_owned(), None);
    let take = async |name: &str| copy(&source, &Terms::default(), &pair.regi, name, &Silent).await;
    let copied = take("library/box:1").await.unwrap();
    assert_eq!((copied.digest, copied.blobs_pushed), (pair.index.to_string(), 3));
    assert_eq!(take("library/box:1").await.unwrap().blobs_pushed, 0);
    assert_eq!(source.tags(&Choice::default()).await.unwrap(), ["1"]);

    let layer = folder.path().join("blobs/sha256").join(Digest::of(LAYER).0.to_string());
    fs_err::write(layer, vec![8; LAYER.len()]).unwrap();
    let to = Fake::start().await;
    let error = copy(&source, &Terms::default(), &to.registry(), "a:1", &Silent).await.unwrap_err();
    assert!(matches!(error, Error::Altered { .. }), "{error}");
    assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
    assert!(to.inside().manifests.is_empty());
}

#[tokio::test]
async fn an_archive_of_the_operators_stays_where_it_is() {
    let (to, folder) = (Fake::start().await, tempfile::tempdir().unwrap());
    let saved = folder.path().join("mine.tar");
    fs_err::write(&saved, save(&[b"base", b"top"])).unwrap();
    let archive = Archive::beside(&saved, folder.path()).await.unwrap();
    push_archive(&archive, &to.registry(), "suite/data:1", &Silent).await.unwrap();
    drop(archive);
    assert!(saved.exists());
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
}
