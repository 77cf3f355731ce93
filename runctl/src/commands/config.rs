//! `runctl config show`: the configuration in effect, and where each value came from.

use std::fmt::Write as _;

use serde_json::Value;

use super::Context;
use crate::failure::Outcome;
use crate::site::{Effective, Site};

/// Column in which the origin of a value begins.
const ORIGIN: usize = 60;

/// Prints every value and its origin.
pub fn show(context: &Context) -> Outcome {
    let values = Site::describe(&context.layout)?.values;
    context.console.report(|| listed(&values), || written(&values));
    Ok(())
}

fn listed(values: &[Effective]) -> Value {
    let entry = |value: &Effective| {
        serde_json::json!({
            "file": value.file,
            "key": value.key,
            "value": masked(&value.value),
            "origin": value.origin(),
        })
    };
    values.iter().map(entry).collect()
}

fn written(values: &[Effective]) -> String {
    let mut text = String::new();
    for group in values.chunk_by(|a, b| a.file == b.file) {
        let file = group.first().map_or("", |value| value.file);
        let gap = if text.is_empty() { "" } else { "\n" };
        let mut line = |line: std::fmt::Arguments<'_>| writeln!(text, "{line}");
        let _infallible = line(format_args!("{gap}# {file}"));
        for value in group {
            let setting = format!("{} = {}", value.key, masked(&value.value));
            let _infallible = line(format_args!("{setting:<ORIGIN$} # {}", value.origin()));
        }
    }
    text
}

/// A value without the passwords of its URLs.
fn masked(value: &Value) -> Value {
    match value {
        Value::Array(elements) => elements.iter().map(masked).collect(),
        Value::String(text) => match url::Url::parse(text) {
            Ok(mut url) if url.password().is_some() => {
                let masked = url.set_password(Some("***"));
                masked.map_or(Value::from("***"), |()| Value::from(url.as_str()))
            }
            _ => value.clone(),
        },
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_urls_are_not_shown() {
        let value =
            serde_json::json!(["https://me:secret@git.example/a", "ssh://git@git.example/b"]);
        let shown = serde_json::json!(["https://me:***@git.example/a", "ssh://git@git.example/b"]);
        assert_eq!(masked(&value), shown);
    }
}
