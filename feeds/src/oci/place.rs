//! A repository of a registry, and what is asked for in it.

pub(super) use oci_distribution::ParseError;
use oci_distribution::Reference;

use super::Error;
use super::manifest::Digest;

/// `host[:port]/repository[:tag|@digest]`, as people and engines write it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    reference: Reference,
}

impl Place {
    /// Reads the name of an image.
    pub(super) fn parse(name: &str) -> Result<Self, Error> {
        let reference = name
            .parse::<Reference>()
            .map_err(|source| Error::Name { name: name.to_owned(), source: Some(source) })?;
        Ok(Self { reference })
    }

    /// The registry's host, as it is written.
    pub(super) fn host(&self) -> &str {
        self.reference.registry()
    }

    /// The repository.
    pub(super) fn repository(&self) -> &str {
        self.reference.repository()
    }

    /// The digest, or else the tag: what follows `/manifests/`.
    pub(super) fn wanted(&self) -> &str {
        self.reference.digest().or(self.reference.tag()).unwrap_or("latest")
    }

    /// The tag, unless a digest says it all.
    pub(super) fn tag(&self) -> Option<&str> {
        if self.reference.digest().is_some() { None } else { self.reference.tag() }
    }

    /// The digest, where one is written.
    pub(super) fn pinned(&self) -> Option<Digest> {
        self.reference.digest()?.parse().ok()
    }

    /// A manifest of the same repository by its digest.
    pub(super) fn at(&self, digest: &Digest) -> Self {
        Self { reference: self.reference.clone_with_digest(digest.to_string()) }
    }

    /// A manifest of the same repository by its tag.
    pub(super) fn tagged(&self, tag: &str) -> Self {
        let (host, repository) = (self.host().to_owned(), self.repository().to_owned());
        Self { reference: Reference::with_tag(host, repository, tag.to_owned()) }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.reference.fmt(f)
    }
}

/// The address of a host's API; Docker Hub's is another than its name.
pub(super) fn base(host: &str, plain: bool) -> Option<url::Url> {
    let named = Reference::with_tag(host.to_owned(), "a".to_owned(), "a".to_owned());
    let scheme = if plain { "http" } else { "https" };
    format!("{scheme}://{}/v2/", named.resolve_registry()).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_where_and_what() {
        let place = Place::parse("registry.example:5000/tools/box:1").unwrap();
        assert_eq!((place.host(), place.repository()), ("registry.example:5000", "tools/box"));
        assert_eq!((place.wanted(), place.tag(), place.pinned()), ("1", Some("1"), None));
        let digest = Digest::of(b"x");
        let pinned = place.at(&digest);
        assert_eq!((pinned.wanted(), pinned.tag()), (digest.to_string().as_str(), None));
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
}
