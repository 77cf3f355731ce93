//! Kinds of values that point to something: paths, URLs, remotes, images, and what proves them.

use std::path::{Component, PathBuf};

use serde_json::Value;

use super::{Read, name, shortened, string, text, wrong, wrong_but};

/// Names with slashes between: a path that cannot leave its folder.
pub(in crate::site) fn inner_path(value: &Value) -> Read<String> {
    let text = string(value)?;
    let fits = |part: &str| name(&Value::from(part)).is_ok();
    if text.trim_start_matches("./").split('/').all(fits) {
        Ok(text.to_owned())
    } else {
        wrong_but(
            format!("`{}` is not a path inside a folder", shortened(text)),
            "use names with `/` between, no leading `/`, no `..`",
        )
    }
}

/// A path of the host: absolute, or beside the configuration.
pub(in crate::site) fn path(value: &Value) -> Read<PathBuf> {
    text(value).map(PathBuf::from)
}

/// An absolute path of the host.
pub(in crate::site) fn absolute(value: &Value) -> Read<PathBuf> {
    let path = path(value)?;
    let plain = path.components().skip(1).all(|part| matches!(part, Component::Normal(_)));
    if path.is_absolute() && plain && path.components().count() > 1 {
        Ok(path)
    } else {
        wrong(format!("`{}` is not an absolute path of a folder", path.display()))
    }
}

/// A folder of the host as `dir:/PATH`.
pub(in crate::site) fn folder_of(value: &Value) -> Read<PathBuf> {
    match string(value)?.strip_prefix("dir:") {
        Some(path) => absolute(&Value::from(path)),
        None => wrong_but(
            format!("`{}` does not say what it is", shortened(string(value)?)),
            "write `dir:/PATH` for a folder of this host",
        ),
    }
}

/// A shell pattern of names.
pub(in crate::site) fn pattern(value: &Value) -> Read<String> {
    let text = text(value)?;
    match feeds::patterns::Patterns::new(std::slice::from_ref(&text)) {
        Ok(_) => Ok(text),
        Err(error) => wrong_but(error.to_string(), "`*`, `?`, `[…]` and `{a,b}` stand for others"),
    }
}

/// A URL that can be fetched from.
pub(in crate::site) fn url(value: &Value) -> Read<String> {
    let text = string(value)?;
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            Ok(text.to_owned())
        }
        Ok(url) => wrong(format!(
            "`{}:` is not a scheme to fetch from, `http:` and `https:` are",
            url.scheme()
        )),
        Err(error) => wrong(format!("this is not a URL: {error}")),
    }
}

/// A remote of git: a URL, `user@host:path`, or an absolute path.
pub(in crate::site) fn git_remote(value: &Value) -> Read<String> {
    let text = text(value)?;
    let of_scheme = || {
        url::Url::parse(&text)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https" | "ssh" | "git" | "file"))
    };
    let short = || {
        text.split_once(':').is_some_and(|(host, path)| {
            !host.is_empty() && !path.is_empty() && !path.starts_with("//") && !host.contains('/')
        })
    };
    if text.starts_with('/') || of_scheme() || short() && !text.contains(' ') {
        Ok(text)
    } else {
        wrong_but(
            "this is not a git remote",
            "write a URL (https, ssh, git, http, file), `user@host:path` or an absolute path",
        )
    }
}

/// A reference of an OCI image: `[host[:port]/]repository[:tag|@digest]`.
pub(in crate::site) fn image(value: &Value) -> Read<String> {
    let text = string(value)?;
    let fits =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b':' | b'@');
    let parts = text.split(['/', ':', '@']).all(|part| !part.is_empty());
    if text.len() <= 255 && text.bytes().all(fits) && parts {
        Ok(text.to_owned())
    } else {
        wrong_but(
            format!("`{}` is not an image", shortened(text)),
            "write `repository:tag`, such as `library/busybox:1.36`",
        )
    }
}

/// A sha256 in hexadecimal digits.
pub(in crate::site) fn sha256(value: &Value) -> Read<String> {
    let text = string(value)?;
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(text.to_ascii_lowercase())
    } else {
        wrong(format!(
            "expected the 64 hexadecimal digits of a sha256, found {} characters",
            text.chars().count()
        ))
    }
}
