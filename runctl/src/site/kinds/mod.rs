//! What a single value may be: one function per kind, from the value as written to the value as meant.

mod network;
mod reference;

use std::ops::RangeInclusive;

use serde_json::Value;

pub(super) use network::*;
pub(super) use reference::*;

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
    Err(Wrong { message: message.into(), help: None })
}

/// Says what is wrong with a value, and what to write instead.
pub(super) fn wrong_but<T>(message: impl Into<String>, help: impl Into<String>) -> Read<T> {
    Err(Wrong { message: message.into(), help: Some(help.into()) })
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
    value.as_str().map_or_else(|| expected("a string", value), Ok)
}

/// One line of text that is not empty.
pub(super) fn text(value: &Value) -> Read<String> {
    let text = line(value)?;
    if text.is_empty() { wrong("expected some text, found an empty string") } else { Ok(text) }
}

/// One line of text, or none.
pub(super) fn line(value: &Value) -> Read<String> {
    let text = string(value)?;
    if text.chars().any(char::is_control) {
        return wrong("a line break or control character has no place here");
    }
    Ok(text.to_owned())
}

/// Lines of text, or none.
pub(super) fn lines(value: &Value) -> Read<String> {
    let text = string(value)?;
    if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return wrong("a control character has no place here");
    }
    Ok(text.to_owned())
}

/// `true` or `false`.
pub(super) fn flag(value: &Value) -> Read<bool> {
    value.as_bool().map_or_else(|| expected("true or false", value), Ok)
}

/// A whole number within bounds.
pub(super) fn number<T>(range: RangeInclusive<T>) -> impl Fn(&Value) -> Read<T>
where
    T: TryFrom<i64> + PartialOrd + std::fmt::Display,
{
    move |value| {
        let number = match value.as_i64() {
            Some(number) => number,
            None if value.is_u64() => return wrong("this number is too large"),
            None => return expected("an integer", value),
        };
        match T::try_from(number) {
            Ok(inside) if range.contains(&inside) => Ok(inside),
            _ => wrong(format!("{number} is not within {} to {}", range.start(), range.end())),
        }
    }
}

/// A time in whole hours, days or weeks, such as `30d`, in hours.
pub(super) fn hours(value: &Value) -> Read<u32> {
    let text = string(value)?;
    let units = [('h', 1), ('d', 24), ('w', 7 * 24)];
    let read = units.into_iter().find_map(|(end, hours)| {
        let count: u32 = text.strip_suffix(end)?.parse().ok().filter(|count| *count > 0)?;
        count.checked_mul(hours)
    });
    read.map_or_else(
        || wrong_but(format!("`{}` is not a time", shortened(text)), "write `36h`, `30d` or `8w`"),
        Ok,
    )
}

/// One of a few words.
pub(super) fn word(words: &'static [&'static str]) -> impl Fn(&Value) -> Read<&'static str> {
    move |value| {
        let written = string(value)?;
        if let Some(word) = words.iter().copied().find(|word| *word == written) {
            return Ok(word);
        }
        let list = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
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
            (strsim::damerau_levenshtein(&written.to_lowercase(), candidate), *candidate)
        })
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 40 {
        return text.to_owned();
    }
    text.chars().take(40).chain(std::iter::once('…')).collect()
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
