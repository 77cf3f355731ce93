//! Which packages are modular, and which of those a machine would see.

use std::collections::{HashMap, HashSet};

use crate::yum::metadata::modulemd::{Says, documents};

/// The module streams of a repository.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// The streams that a package is part of, by `name-epoch:version-release.arch`.
    artifacts: HashMap<String, Vec<usize>>,
    /// Module and stream of each.
    named: Vec<(String, String)>,
    defaults: HashMap<String, String>,
    active: HashSet<usize>,
}

impl Streams {
    /// Reads module metadata; `enabled` are streams as `module:stream`, which go before those by default.
    pub(super) fn read(text: &str, enabled: &[String]) -> Self {
        let mut all = Self::default();
        let mut places = HashMap::new();
        for document in documents(text) {
            match document.says {
                Says::Stream { module, stream, context, artifacts } => {
                    let fresh = all.named.len();
                    let place =
                        *places.entry((module.clone(), stream.clone(), context)).or_insert(fresh);
                    if place == fresh {
                        all.named.push((module, stream));
                    }
                    for artifact in artifacts {
                        let streams = all.artifacts.entry(artifact).or_default();
                        if !streams.contains(&place) {
                            streams.push(place);
                        }
                    }
                }
                Says::Default { module, stream: Some(stream) } => {
                    all.defaults.insert(module, stream);
                }
                _ => {}
            }
        }
        let enabled: HashMap<_, _> = enabled.iter().filter_map(|one| one.split_once(':')).collect();
        let active = all.named.iter().enumerate().filter(|(_, (module, stream))| {
            let chosen = enabled.get(module.as_str()).copied();
            chosen.or_else(|| all.defaults.get(module).map(String::as_str)) == Some(stream)
        });
        all.active = active.map(|(place, _)| place).collect();
        all
    }

    /// Returns the first stream that a package is part of.
    pub(super) fn of(&self, nevra: &str) -> Option<usize> {
        self.artifacts.get(nevra).and_then(|streams| streams.first()).copied()
    }

    /// Tells whether a machine sees a package: it is not modular, or its stream is enabled.
    pub(super) fn shows(&self, nevra: &str) -> bool {
        let streams = self.artifacts.get(nevra);
        streams.is_none_or(|streams| streams.iter().any(|stream| self.active.contains(stream)))
    }

    /// Lists those of `enabled` that there are not.
    pub(super) fn unknown<'e>(&self, enabled: &'e [String]) -> Vec<&'e str> {
        let known = |one: &&String| {
            let asked = one.split_once(':');
            self.named.iter().any(|(module, stream)| asked == Some((module, stream)))
        };
        enabled.iter().filter(|one| !known(one)).map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "---\ndocument: modulemd\ndata: {name: a, stream: 1, artifacts: {rpms: [x-0:1-1.noarch]}}\n---\n\
        document: modulemd\ndata: {name: a, stream: 2, artifacts: {rpms: [x-0:2-1.noarch, y-0:2-1.noarch]}}\n---\n\
        document: modulemd\ndata: {name: b, stream: 1, artifacts: {rpms: [z-0:1-1.noarch]}}\n---\n\
        document: modulemd-defaults\ndata: {module: a, stream: 1}\n";

    #[test]
    fn shows_what_is_enabled_or_the_default() {
        let shown = |enabled: &[&str]| {
            let enabled: Vec<_> = enabled.iter().map(|one| (*one).to_owned()).collect();
            let streams = Streams::read(TEXT, &enabled);
            ["x-0:1-1", "x-0:2-1", "z-0:1-1", "plain-0:1-1"]
                .map(|name| streams.shows(&format!("{name}.noarch")))
        };
        assert_eq!(shown(&[]), [true, false, false, true]);
        assert_eq!(shown(&["a:2"]), [false, true, false, true]);
        assert_eq!(shown(&["a:2", "b:1"]), [false, true, true, true]);
    }

    #[test]
    fn tells_what_is_not_there() {
        let streams = Streams::read(TEXT, &[]);
        let asked = ["a:1", "a:3", "c", "c:1"].map(str::to_owned);
        assert_eq!(streams.unknown(&asked), ["a:3", "c", "c:1"]);
    }
}
