//! Addresses of upstreams: how files lie below them, and how they are shown without their secrets.

use url::Url;

use crate::store::RelPath;

/// Shows an address without its password, user name and query, which may be a token.
pub fn masked(url: &Url) -> String {
    let mut shown = url.clone();
    if shown.password().is_some() || !shown.username().is_empty() {
        // Only addresses without a host refuse this, and they have no credentials.
        let _ = shown.set_password(None);
        let _ = shown.set_username("***");
    }
    if shown.query().is_some() {
        shown.set_query(Some("***"));
    }
    shown.set_fragment(None);
    shown.into()
}

/// Returns the address of the file `path` below `base`, whether or not `base` ends with a slash.
pub fn below(base: &Url, path: &RelPath) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path.parts());
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_no_secret() {
        let shown = |url: &str| masked(&url.parse().unwrap());
        assert_eq!(
            shown("https://ann:secret@h.example/a?token=b#c"),
            "https://***@h.example/a?***"
        );
        assert_eq!(shown("http://h.example/a"), "http://h.example/a");
        assert_eq!(shown("file:///media/x"), "file:///media/x");
    }

    #[test]
    fn joins_names_that_are_no_addresses() {
        let joined = |base: &str, path: &str| {
            below(&base.parse().unwrap(), &RelPath::new(path).unwrap()).to_string()
        };
        assert_eq!(joined("http://h.example/os/", "a/b.rpm"), "http://h.example/os/a/b.rpm");
        assert_eq!(
            joined("http://h.example/os", "x:1/c++ ?%.rpm"),
            "http://h.example/os/x:1/c++%20%3F%25.rpm"
        );
        assert_eq!(joined("http://h.example/os?t=1", "a"), "http://h.example/os/a?t=1");
    }
}
