//! The stream metadata of Fedora `CoreOS`: a list of checksums in JSON, whose files have names of their own and may lie anywhere.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use crate::digest::Sha256;

/// `architectures.<arch>.artifacts.<platform>.formats.<format>.<part>`, as `coreos-installer` reads it; the rest is passed over.
#[derive(Deserialize)]
struct Stream {
    architectures: BTreeMap<String, Architecture>,
}

#[derive(Deserialize)]
struct Architecture {
    #[serde(default)]
    artifacts: BTreeMap<String, Platform>,
}

#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    formats: BTreeMap<String, BTreeMap<String, Part>>,
}

#[derive(Deserialize)]
struct Part {
    location: String,
    sha256: String,
}

/// Where an artifact lies, and what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Artifact {
    pub(super) url: Url,
    pub(super) sha256: Sha256,
}

/// Tells whether a list is written in JSON.
pub(super) fn is_stream(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// Reads the artifacts by `<arch>/<platform>/<format>/<part>`, such as `x86_64/metal/pxe/kernel`: names that stay when
/// versions change.
pub(super) fn artifacts(text: &str) -> Result<BTreeMap<String, Artifact>, serde_json::Error> {
    use serde::de::Error as _;
    let stream: Stream = serde_json::from_str(text)?;
    let mut found = BTreeMap::new();
    for (arch, architecture) in stream.architectures {
        for (platform, Platform { formats }) in architecture.artifacts {
            for (format, parts) in formats {
                for (part, Part { location, sha256 }) in parts {
                    let name = format!("{arch}/{platform}/{format}/{part}");
                    let wrong = |what: &str| {
                        serde_json::Error::custom(format!("the {what} of `{name}` makes no sense"))
                    };
                    let url = location.parse::<Url>().ok();
                    let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
                    let url = url.ok_or_else(|| wrong("location"))?;
                    let sha256 = sha256.parse().map_err(|_| wrong("sha256"))?;
                    found.insert(name, Artifact { url, sha256 });
                }
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_are_known_by_what_they_are_for() {
        let text = r#"{"stream": "stable", "metadata": {"last-modified": "2026-11-02T00:00:00Z"},
            "architectures": {"x86_64": {"images": {}, "artifacts": {"metal": {"release": "43.1", "formats": {
                "pxe": {"kernel": {"location": "http://h.example/43.1/live-kernel", "signature": "http://h.example/sig",
                    "sha256": "SUM"}}}}}}}}"#;
        let whole = text.replace("SUM", &Sha256::of(b"kernel").to_string());
        let found = artifacts(&whole).expect("a stream");
        let kernel = &found["x86_64/metal/pxe/kernel"];
        assert_eq!(kernel.url.as_str(), "http://h.example/43.1/live-kernel");
        assert_eq!(kernel.sha256, Sha256::of(b"kernel"));
        assert!(is_stream(text) && !is_stream("aa  linux\n"));
        let error = artifacts(text).expect_err("no digest");
        assert!(error.to_string().contains("sha256 of `x86_64/metal/pxe/kernel`"), "{error}");
        let local = whole.replace("http://h.example/43.1", "file:///etc");
        assert!(artifacts(&local).is_err(), "a stream names no file of this host");
    }
}
