//! Images to mirror: an index of two platforms that share a layer, one version after the other, and what may be wrong with one
//! although every digest is right.

use feeds::digest::Sha256;
use serde_json::{Value, json};

use super::upstream::Content;

/// The tag of the image.
pub(crate) const TAG: &str = "1";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

/// What is wrong with an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Nothing.
    None,
    /// A manifest is listed with more bytes than any may have.
    Oversized,
    /// A layer is listed with more bytes than it has.
    Overlong,
    /// A layer is listed that nobody has.
    Absent,
    /// What is listed as a manifest is none.
    Nonsense,
    /// An index lists an index that lists an index, and so on.
    Deep,
}

/// Makes the content of a repository that has this version.
pub(crate) fn make(version: u8, flaw: Flaw) -> Content {
    let mut content = Content::new();
    let shared = put(&mut content, vec![7; 3000]);
    let platforms = ["amd64", "arm64"].map(|architecture| {
        let config = json!({ "os": "linux", "architecture": architecture, "version": version });
        let config = put(&mut content, config.to_string().into_bytes());
        let mut own =
            put(&mut content, format!("{architecture} {version} ").repeat(400).into_bytes());
        match flaw {
            Flaw::Overlong => own["size"] = json!(own["size"].as_u64().unwrap_or_default() + 1),
            Flaw::Absent => own["digest"] = json!(digest(b"nobody has this")),
            _ => {}
        }
        let manifest = json!({
            "schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [shared, own],
        });
        let text = if flaw == Flaw::Nonsense { "[]".to_owned() } else { manifest.to_string() };
        let mut child = put(&mut content, text.into_bytes());
        child["platform"] = json!({ "os": "linux", "architecture": architecture });
        if flaw == Flaw::Oversized {
            child["size"] = json!(5 << 20);
        }
        child
    });
    let mut index = index(&json!(platforms));
    if flaw == Flaw::Deep {
        for _ in 0..5 {
            let inner = put(&mut content, index.to_string().into_bytes());
            index = self::index(&json!([inner]));
        }
    }
    let bytes = index.to_string().into_bytes();
    put(&mut content, bytes.clone());
    content.insert(TAG.to_owned(), bytes);
    content
}

/// The digest of what the tag names.
pub(crate) fn named(content: &Content) -> String {
    digest(&content[TAG])
}

fn index(listed: &Value) -> Value {
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": listed })
}

/// Adds what is named by its digest; describes it.
fn put(content: &mut Content, bytes: Vec<u8>) -> Value {
    let described = json!({ "size": bytes.len(), "digest": digest(&bytes) });
    content.insert(digest(&bytes), bytes);
    described
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", Sha256::of(bytes))
}
