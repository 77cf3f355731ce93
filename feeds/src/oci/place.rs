//! A repository of a registry, and what is asked for in it.
//!
//! Names are read here: oci-client reads them by a regular expression that takes longer to make than all that an unchanged
//! run does else.

use super::Error;
use super::manifest::Digest;

/// The registry that is meant where none is written, what it was called once, where it answers, and where its images lie.
const HUB: &str = "docker.io";
const HUB_ADDRESS: &str = "index.docker.io";
const HUB_FOLDER: &str = "library";
/// No registry takes longer ones.
const LONGEST_REPOSITORY: usize = 255;
pub(super) const LONGEST_TAG: usize = 128;

/// `host[:port]/repository[:tag|@digest]`, as people and engines write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    host: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Place {
    /// Reads the name of an image.
    pub(super) fn parse(name: &str) -> Result<Self, Error> {
        Self::read(name).ok_or_else(|| Error::Name { name: name.to_owned() })
    }

    fn read(name: &str) -> Option<Self> {
        let (rest, digest) = match name.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse().ok()?)),
            None => (name, None),
        };
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (rest, None),
        };
        let (host, repository) = match path.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest),
            _ => (HUB, path),
        };
        let host = if host == HUB_ADDRESS { HUB } else { host };
        if !is_host(host) || !is_repository(repository) || !tag.is_none_or(is_tag) {
            return None;
        }
        let of_the_hub = host == HUB && !repository.contains('/');
        let folder = if of_the_hub { format!("{HUB_FOLDER}/") } else { String::new() };
        let tag = tag.or(if digest.is_none() { Some("latest") } else { None });
        Some(Self {
            host: host.to_owned(),
            repository: format!("{folder}{repository}"),
            tag: tag.map(str::to_owned),
            digest,
        })
    }

    /// The registry's host, as it is written.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The repository.
    pub(super) fn repository(&self) -> &str {
        &self.repository
    }

    /// The digest, or else the tag: what follows `/manifests/`.
    pub(super) fn wanted(&self) -> String {
        let tag = || self.tag.clone().unwrap_or_default();
        self.digest.map_or_else(tag, |digest| digest.to_string())
    }

    /// The tag, unless a digest says it all.
    pub(super) fn tag(&self) -> Option<&str> {
        if self.digest.is_some() { None } else { self.tag.as_deref() }
    }

    /// The digest, where one is written.
    pub(super) fn pinned(&self) -> Option<Digest> {
        self.digest
    }

    /// A manifest of the same repository by its digest.
    pub(super) fn at(&self, digest: &Digest) -> Self {
        Self { tag: None, digest: Some(*digest), ..self.clone() }
    }

    /// A manifest of the same repository by its tag.
    pub(super) fn tagged(&self, tag: &str) -> Self {
        Self { tag: Some(tag.to_owned()), digest: None, ..self.clone() }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

/// Names with inner hyphens between dots, and perhaps a port.
fn is_host(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, "0"));
    let is_label = |label: &str| {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        !label.is_empty() && label.bytes().all(fits) && label.trim_matches('-') == label
    };
    name.split('.').all(is_label) && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
}

/// Parts between slashes; in each small letters and digits, and between them single separators or hyphens.
fn is_repository(text: &str) -> bool {
    let is_part = |part: &str| {
        let mut between = part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        let ends = (between.next(), between.next_back());
        let separates =
            |text: &str| matches!(text, "." | "_" | "__") || text.bytes().all(|b| b == b'-');
        ends == (Some(""), Some("")) && between.all(separates)
    };
    text.len() <= LONGEST_REPOSITORY && text.split('/').all(is_part)
}

fn is_tag(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    (1..=LONGEST_TAG).contains(&text.len())
        && text.bytes().all(fits)
        && !text.starts_with(['.', '-'])
}

/// The address of a host's API; Docker Hub's is another than its name.
pub(super) fn base(host: &str, plain: bool) -> Option<url::Url> {
    let address = if host == HUB { HUB_ADDRESS } else { host };
    let scheme = if plain { "http" } else { "https" };
    format!("{scheme}://{address}/v2/").parse().ok()
}

#[cfg(test)]
mod tests {
    use oci_distribution::Reference;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_says_where_and_what() {
        let place = Place::parse("registry.example:5000/tools/box:1").unwrap();
        assert_eq!((place.host(), place.repository()), ("registry.example:5000", "tools/box"));
        assert_eq!((place.wanted().as_str(), place.tag(), place.pinned()), ("1", Some("1"), None));
        let digest = Digest::of(b"x");
        let pinned = place.at(&digest);
        assert_eq!((pinned.wanted(), pinned.tag()), (digest.to_string(), None));
        assert_eq!(pinned.pinned(), Some(digest));
        assert_eq!(place.tagged("2").to_string(), "registry.example:5000/tools/box:2");
        assert_eq!(Place::parse("registry.example/a").unwrap().wanted(), "latest");
        assert!(Place::parse("registry.example/A b").is_err());
    }

    #[test]
    fn the_hub_answers_elsewhere() {
        let base = |host, plain| base(host, plain).unwrap().to_string();
        assert_eq!(base("docker.io", false), "https://index.docker.io/v2/");
        assert_eq!(base("10.0.0.1:5000", true), "http://10.0.0.1:5000/v2/");
    }

    fn part() -> impl Strategy<Value = String> {
        prop_oneof![
            6 => "[a-z0-9]{1,3}([._-]|__|--)?[a-z0-9]{0,2}",
            1 => "[a-zA-Z0-9._:@-]{0,6}",
            1 => Just("localhost".to_owned()),
            1 => "(registry|index)[.](example|docker[.]io)(:[0-9]{0,4})?",
        ]
    }

    proptest! {
        /// Names are read as oci-client reads them.
        #[test]
        fn a_name_means_what_it_means_elsewhere(
            parts in prop::collection::vec(part(), 1..4),
            tag in prop::option::of("[a-zA-Z0-9_.-]{0,4}"),
            digest in prop::option::weighted(0.2, "[0-9a-f]{63,64}"),
        ) {
            let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
            let digest = digest.map(|hex| format!("@sha256:{hex}")).unwrap_or_default();
            let name = format!("{}{tag}{digest}", parts.join("/"));
            // That takes two kinds of names that no registry has: with capitals, and hosts with `_`.
            let exists = |it: &Reference| is_host(it.registry()) && is_repository(it.repository());
            let elsewhere = name.parse::<Reference>().ok().filter(exists);
            let elsewhere = elsewhere.map(|reference| reference.whole());
            prop_assert_eq!(Place::read(&name).map(|place| place.to_string()), elsewhere, "{}", name);
        }
    }
}
