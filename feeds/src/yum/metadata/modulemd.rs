//! `modules.yaml`: which packages belong to which stream of which module, and which stream is the one by default.

use std::collections::HashSet;

use super::yaml::Value;

/// One document of module metadata.
#[derive(Debug)]
pub(in crate::yum) struct Document<'a> {
    /// The document as it is written, without the line that begins it.
    text: &'a str,
    pub(in crate::yum) says: Says,
}

/// What a document says.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::yum) enum Says {
    /// A stream in one of its versions, with its packages as `name-epoch:version-release.arch`.
    Stream { module: String, stream: String, context: String, artifacts: Vec<String> },
    /// The stream of a module that is enabled unless the machine says otherwise.
    Default { module: String, stream: Option<String> },
    /// Something else about a module: obsoletes, translations.
    Other { module: String },
    /// Nothing that is understood.
    Unknown,
}

/// Reads all documents.
pub(in crate::yum) fn documents(text: &str) -> Vec<Document<'_>> {
    split(text).map(|text| Document { text, says: read(text).unwrap_or(Says::Unknown) }).collect()
}

/// Keeps the streams that still have a package, and what is said about their modules.
pub(in crate::yum) fn cut(text: &str, has: impl Fn(&str) -> bool) -> String {
    let all = documents(text);
    let still = |document: &Document<'_>| match &document.says {
        Says::Stream { artifacts, .. } => artifacts.iter().any(|artifact| has(artifact)),
        _ => false,
    };
    let modules: HashSet<_> = all
        .iter()
        .filter(|document| still(document))
        .filter_map(|document| match &document.says {
            Says::Stream { module, .. } => Some(module.as_str()),
            _ => None,
        })
        .collect();
    let mut kept = String::new();
    for document in &all {
        let keep = match &document.says {
            Says::Stream { .. } => still(document),
            Says::Default { module, .. } | Says::Other { module } => {
                modules.contains(module.as_str())
            }
            Says::Unknown => false,
        };
        if keep {
            kept.extend(["---\n", document.text]);
        }
    }
    if !kept.is_empty() {
        kept.push_str("...\n");
    }
    kept
}

/// Splits at the markers, which stand at the beginning of a line and cannot stand there within a document.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    let mut parts = Vec::new();
    let mut start = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let marker = line.trim_end();
        if marker == "---" || marker == "..." || marker.starts_with("--- ") {
            parts.push(&rest[start..at]);
            start = at + marker.len().min(3);
            start +=
                rest[start..].find('\n').filter(|_| marker.len() == 3).map_or(0, |end| end + 1);
        }
        at += line.len();
    }
    rest = &rest[start.min(rest.len())..];
    parts.push(rest);
    parts.into_iter().filter(|part| !part.trim().is_empty())
}

fn read(text: &str) -> Option<Says> {
    let value = Value::parse(text)?;
    let data = |key: &str| Some(value.at(&["data", key])?.text()?.to_owned());
    Some(match value.at(&["document"])?.text()? {
        "modulemd" => Says::Stream {
            module: data("name")?,
            stream: data("stream")?,
            context: data("context").unwrap_or_default(),
            artifacts: value
                .at(&["data", "artifacts", "rpms"])
                .map(|rpms| rpms.texts().map(str::to_owned).collect())
                .unwrap_or_default(),
        },
        "modulemd-defaults" => Says::Default { module: data("module")?, stream: data("stream") },
        _ => Says::Other { module: data("module")? },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(in crate::yum) const TEXT: &str = "---\ndocument: modulemd\nversion: 2\ndata:\n  name: nodejs\n  stream: 18\n  context: c1\n  \
        artifacts:\n    rpms:\n    - nodejs-1:18.1-1.x86_64\n    - npm-1:8.1-1.x86_64\n...\n---\ndocument: modulemd\nversion: 2\n\
        data:\n  name: nodejs\n  stream: \"20\"\n  description: >-\n    all of\n    --- it\n  artifacts:\n    rpms: [nodejs-1:20.1-1.x86_64]\n...\n---\n\
        document: modulemd-defaults\nversion: 1\ndata:\n  module: nodejs\n  stream: 18\n...\n---\ndocument: modulemd-defaults\n\
        version: 1\ndata:\n  module: perl\n  stream: 5\n...\n";

    #[test]
    fn reads_streams_and_defaults() {
        let all = documents(TEXT);
        assert_eq!(all.len(), 4);
        let Says::Stream { module, stream, artifacts, .. } = &all[1].says else {
            panic!("{:?}", all[1])
        };
        assert_eq!((module.as_str(), stream.as_str()), ("nodejs", "20"));
        assert_eq!(artifacts, &["nodejs-1:20.1-1.x86_64"]);
        assert_eq!(
            all[2].says,
            Says::Default { module: "nodejs".to_owned(), stream: Some("18".to_owned()) }
        );
    }

    #[test]
    fn keeps_streams_that_have_a_package_and_the_defaults_of_their_modules() {
        let kept = cut(TEXT, |artifact| artifact.starts_with("npm-"));
        let all = documents(&kept);
        assert_eq!(all.len(), 2, "{kept}");
        assert!(kept.contains("stream: 18") && !kept.contains("\"20\"") && !kept.contains("perl"));
        assert_eq!(cut(TEXT, |_| false), "");
        assert_eq!(cut(TEXT, |_| true).matches("document: modulemd\n").count(), 2);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "(---|\\.\\.\\.|\n|document: modulemd\n|data:\n|  name: a\n|  stream: 1\n| ){0,12}") {
            drop(cut(&text, |_| true));
        }
    }
}
