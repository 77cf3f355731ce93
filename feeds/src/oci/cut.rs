//! An index cut to the platforms that are wanted. Pure.
//!
//! regi's registry refuses an index that lists what it does not hold, so a cut index is another one, with a digest of its
//! own; the images that it lists keep theirs. It tells what it was cut from: an unchanged one is known by that.

use bytes::Bytes;
use serde_json::{Value, json};

use super::manifest::{Content, Descriptor, Digest, Manifest};
use super::platform::Platform;

/// What an index of ours was cut from, and to which platforms.
const CUT_FROM: &str = "booddies.cut-from";
const CUT_TO: &str = "booddies.cut-to";
/// What buildx writes beside an attestation: the image that it is about.
const ABOUT: &str = "vnd.docker.reference.digest";

/// Cuts an index to the wanted platforms and to what is said about them; one of which all is wanted, and an image without
/// an index, stay as they are. None where it has none of the platforms.
pub(super) fn cut(manifest: Manifest, wanted: &[Platform]) -> Option<Manifest> {
    let Content::Index(children) = &manifest.content else { return Some(manifest) };
    if wanted.is_empty() {
        return Some(manifest);
    }
    let is_wanted = |platform: &Platform| wanted.iter().any(|wanted| wanted.takes(platform));
    let kept: Vec<Digest> = children
        .iter()
        .filter(|child| child.platform.as_ref().is_some_and(is_wanted))
        .map(|child| child.digest)
        .collect();
    if kept.is_empty() {
        return None;
    }
    let about = |child: &&Descriptor| {
        child.annotations.get(ABOUT).is_some_and(|it| it.parse().is_ok_and(|it| kept.contains(&it)))
    };
    let said: Vec<Digest> = children.iter().filter(about).map(|child| child.digest).collect();
    if kept.len() + said.len() >= children.len() {
        return Some(manifest);
    }
    let mut index: Value = serde_json::from_slice(&manifest.bytes).ok()?;
    let listed = index.get_mut("manifests")?.as_array_mut()?;
    listed.retain(|child| {
        let digest = child.get("digest").and_then(Value::as_str).and_then(|it| it.parse().ok());
        digest.is_some_and(|digest: Digest| kept.contains(&digest) || said.contains(&digest))
    });
    let annotations = index.as_object_mut()?.entry("annotations").or_insert_with(|| json!({}));
    let annotations = annotations.as_object_mut()?;
    annotations.insert(CUT_FROM.to_owned(), manifest.digest.to_string().into());
    annotations.insert(CUT_TO.to_owned(), words(wanted).into());
    Manifest::read(Bytes::from(serde_json::to_vec(&index).ok()?)).ok()
}

/// Whether an index was cut from that one to these platforms.
pub(super) fn is_cut_of(manifest: &Manifest, whole: &Digest, wanted: &[Platform]) -> bool {
    let Ok(index) = serde_json::from_slice::<Value>(&manifest.bytes) else { return false };
    let says = |key: &str| index.get("annotations")?.get(key)?.as_str();
    says(CUT_FROM) == Some(&whole.to_string()) && says(CUT_TO) == Some(&words(wanted))
}

fn words(platforms: &[Platform]) -> String {
    platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> Manifest {
        let child = |name: &str, more: &str| {
            let digest = Digest::of(name.as_bytes());
            format!(r#"{{"size":1,"digest":"{digest}",{more}}}"#)
        };
        let platform = |name: &str, architecture: &str| {
            let platform =
                format!(r#""platform":{{"os":"linux","architecture":"{architecture}"}}"#);
            child(name, &platform)
        };
        let about = format!(r#""annotations":{{"{ABOUT}":"{}"}}"#, Digest::of(b"one"));
        let children =
            [platform("one", "amd64"), platform("two", "arm64"), child("said of one", &about)];
        let text = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, children.join(","));
        Manifest::read(Bytes::from(text)).unwrap()
    }

    fn platforms(names: &[&str]) -> Vec<Platform> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn children(manifest: &Manifest) -> Vec<Digest> {
        match &manifest.content {
            Content::Index(children) => children.iter().map(|child| child.digest).collect(),
            Content::Image { .. } => Vec::new(),
        }
    }

    #[test]
    fn an_index_keeps_what_is_wanted_and_what_is_said_about_it() {
        let (whole, wanted) = (index(), platforms(&["linux/amd64"]));
        let cut_one = cut(whole.clone(), &wanted).unwrap();
        assert_eq!(children(&cut_one), [Digest::of(b"one"), Digest::of(b"said of one")]);
        assert!(is_cut_of(&cut_one, &whole.digest, &wanted));
        assert!(!is_cut_of(&cut_one, &whole.digest, &platforms(&["linux/arm64"])));
        assert!(!is_cut_of(&whole, &whole.digest, &wanted));
        assert_eq!(cut(whole, &wanted).unwrap().digest, cut_one.digest);
    }

    #[test]
    fn an_index_of_which_all_is_wanted_keeps_its_digest() {
        let (whole, all) = (index(), platforms(&["linux/arm64", "linux/amd64"]));
        assert_eq!(cut(whole.clone(), &all).unwrap().digest, whole.digest);
        assert_eq!(cut(whole.clone(), &[]).unwrap().digest, whole.digest);
        assert!(cut(whole, &platforms(&["linux/arm/v7"])).is_none());
    }
}
