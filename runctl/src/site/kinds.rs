//! What a single value may be: one function per kind, from the value as written to the value as meant.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use ipnet::Ipv4Net;
use serde_json::Value;

/// A value that cannot be, and what it could be instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// What each kind returns.
pub(super) type Read<T> = Result<T, Wrong>;

/// Says what is wrong with a value.
pub(super) fn wrong<T>(message: impl Into<String>) -> Read<T> {
    Err(Wrong {
        message: message.into(),
        help: None,
    })
}

/// Says what is wrong with a value, and what to write instead.
pub(super) fn wrong_but<T>(message: impl Into<String>, help: impl Into<String>) -> Read<T> {
    Err(Wrong {
        message: message.into(),
        help: Some(help.into()),
    })
}

/// Names the type of a value as TOML does; dates are read as null, for no key wants one.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "a date",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a float",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

fn expected<T>(what: &str, value: &Value) -> Read<T> {
    wrong(format!("expected {what}, found {}", type_of(value)))
}

fn string(value: &Value) -> Read<&str> {
    value
        .as_str()
        .map_or_else(|| expected("a string", value), Ok)
}

/// One line of text that is not empty.
pub(super) fn text(value: &Value) -> Read<String> {
    let text = line(value)?;
    if text.is_empty() {
        wrong("expected some text, found an empty string")
    } else {
        Ok(text)
    }
}

/// One line of text, or none.
pub(super) fn line(value: &Value) -> Read<String> {
    let text = string(value)?;
    if text.chars().any(char::is_control) {
        return wrong("a line break or control character has no place here");
    }
    Ok(text.to_owned())
}

/// `true` or `false`.
pub(super) fn flag(value: &Value) -> Read<bool> {
    value
        .as_bool()
        .map_or_else(|| expected("true or false", value), Ok)
}

/// A whole number within bounds.
pub(super) fn number<T>(range: RangeInclusive<T>) -> impl Fn(&Value) -> Read<T>
where
    T: TryFrom<i64> + PartialOrd + std::fmt::Display,
{
    move |value| {
        let Some(number) = value.as_i64() else {
            return expected("an integer", value);
        };
        match T::try_from(number) {
            Ok(inside) if range.contains(&inside) => Ok(inside),
            _ => wrong(format!(
                "{number} is not within {} to {}",
                range.start(),
                range.end()
            )),
        }
    }
}

/// One of a few words.
pub(super) fn word(words: &'static [&'static str]) -> impl Fn(&Value) -> Read<&'static str> {
    move |value| {
        let written = string(value)?;
        if let Some(word) = words.iter().copied().find(|word| *word == written) {
            return Ok(word);
        }
        let list = words
            .iter()
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(" or ");
        let message = format!("`{written}` is not {list}");
        match nearest(written, words) {
            Some(word) => wrong_but(message, format!("did you mean `{word}`?")),
            None => wrong(message),
        }
    }
}

/// The candidate that was probably meant.
pub(super) fn nearest<'a>(written: &str, candidates: &[&'a str]) -> Option<&'a str> {
    candidates
        .iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&written.to_lowercase(), candidate),
                *candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// An IPv4 address.
pub(super) fn address(value: &Value) -> Read<Ipv4Addr> {
    let text = string(value)?;
    text.parse()
        .or_else(|_| wrong(format!("`{text}` is not an IPv4 address")))
}

/// An IPv4 network that holds the services and some machines.
pub(super) fn subnet(value: &Value) -> Read<Ipv4Net> {
    let text = string(value)?;
    let Ok(net) = text.parse::<Ipv4Net>() else {
        return wrong_but(
            format!("`{text}` is not an IPv4 subnet"),
            "write it as address and length, such as `10.77.0.0/24`",
        );
    };
    if net != net.trunc() {
        return wrong_but(
            format!("`{text}` has host bits set"),
            format!("did you mean `{}`?", net.trunc()),
        );
    }
    match net.prefix_len() {
        8..=28 => Ok(net),
        29.. => wrong_but(
            format!(
                "`{text}` is too small: it holds {} hosts",
                net.hosts().count()
            ),
            "the host, seven services and some machines need a /28 or larger",
        ),
        _ => wrong_but(format!("`{text}` is too large"), "a /8 or smaller will do"),
    }
}

/// An Ethernet address of one interface.
pub(super) fn mac(value: &Value) -> Read<rack::Mac> {
    let text = string(value)?;
    let Some(bytes) = octets::<6>(text) else {
        return wrong_but(
            format!("`{text}` is not a MAC address"),
            "write six pairs of hexadecimal digits, such as `52:54:00:12:34:56`",
        );
    };
    if bytes[0] & 1 == 1 {
        return wrong(format!(
            "`{text}` is a multicast address, no interface has it"
        ));
    }
    Ok(rack::Mac(bytes))
}

/// The first three bytes of the MACs of containers.
pub(super) fn oui(value: &Value) -> Read<[u8; 3]> {
    let text = string(value)?;
    match octets::<3>(text) {
        Some(bytes) if bytes[0] & 1 == 0 => Ok(bytes),
        Some(_) => wrong(format!(
            "`{text}` is a multicast prefix, no interface has it"
        )),
        None => wrong_but(
            format!("`{text}` is not an OUI"),
            "write three pairs of hexadecimal digits, such as `00:16:3e`",
        ),
    }
}

fn octets<const N: usize>(text: &str) -> Option<[u8; N]> {
    let separator = if text.contains('-') { '-' } else { ':' };
    let mut bytes = [0; N];
    let mut parts = text.split(separator);
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2)?;
        if !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(bytes)
}

/// A host name without domain: letters, digits and inner hyphens, 63 at most.
pub(super) fn host_name(value: &Value) -> Read<String> {
    let text = string(value)?;
    if is_label(text) {
        return Ok(text.to_owned());
    }
    if text.contains('.') && text.split('.').all(is_label) {
        let (first, _) = text.split_once('.').unwrap_or((text, ""));
        return wrong_but(
            format!("`{text}` is more than a host name"),
            format!("leave the domain out: `{first}`"),
        );
    }
    wrong_but(
        format!("`{}` is not a host name", shortened(text)),
        "use lower-case letters, digits and inner hyphens, 63 at most",
    )
}

/// A DNS domain.
pub(super) fn domain(value: &Value) -> Read<String> {
    let text = string(value)?;
    if text.len() <= 190 && text.split('.').all(is_label) {
        Ok(text.to_owned())
    } else {
        wrong_but(
            format!("`{}` is not a domain", shortened(text)),
            "use labels of lower-case letters, digits and inner hyphens, such as `rack.lan`",
        )
    }
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 40 {
        return text.to_owned();
    }
    text.chars().take(40).chain(std::iter::once('…')).collect()
}

/// A name of a network interface, as the kernel takes it.
pub(super) fn interface(value: &Value) -> Read<String> {
    let text = string(value)?;
    if text.len() > 15 {
        return wrong(format!(
            "`{}` is longer than the 15 bytes of an interface's name",
            shortened(text)
        ));
    }
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if text.is_empty() || matches!(text, "." | "..") || !text.bytes().all(fits) {
        return wrong_but(
            format!("`{text}` is not a name of an interface"),
            "use letters, digits, `-`, `_` and `.`",
        );
    }
    Ok(text.to_owned())
}

/// A name of a folder or a file: one part of a path and of a URL.
pub(super) fn name(value: &Value) -> Read<String> {
    let text = string(value)?;
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'+');
    if (1..=100).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        wrong_but(
            format!("`{}` is not a name", shortened(text)),
            "use letters, digits, `-`, `_`, `+` and inner dots",
        )
    }
}

/// Names with slashes between: a path that cannot leave its folder.
pub(super) fn inner_path(value: &Value) -> Read<String> {
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
pub(super) fn path(value: &Value) -> Read<PathBuf> {
    text(value).map(PathBuf::from)
}

/// An absolute path of the host.
pub(super) fn absolute(value: &Value) -> Read<PathBuf> {
    let path = path(value)?;
    let plain = path
        .components()
        .skip(1)
        .all(|part| matches!(part, std::path::Component::Normal(_)));
    if path.is_absolute() && plain && path.components().count() > 1 {
        Ok(path)
    } else {
        wrong(format!(
            "`{}` is not an absolute path of a folder",
            path.display()
        ))
    }
}

/// A URL that can be fetched from.
pub(super) fn url(value: &Value) -> Read<String> {
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
pub(super) fn git_remote(value: &Value) -> Read<String> {
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

/// A sha256 in hexadecimal digits.
pub(super) fn sha256(value: &Value) -> Read<String> {
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

/// A reference of an OCI image: `[host[:port]/]repository[:tag|@digest]`.
pub(super) fn image(value: &Value) -> Read<String> {
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

/// A server by name or address.
pub(super) fn server(value: &Value) -> Read<String> {
    let text = string(value)?;
    if address(value).is_ok() || domain(&Value::from(text.to_lowercase())).is_ok() {
        Ok(text.to_owned())
    } else {
        wrong(format!(
            "`{}` is neither a name nor an address of a server",
            shortened(text)
        ))
    }
}
