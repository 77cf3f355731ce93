//! YAML as far as module metadata needs it: every scalar stays the text that it is, and nothing refers to anything else.
//!
//! A stream called `1.10` is not a number. Without references a document cannot grow while it is read.

use yaml_rust2::parser::{Event, Parser};

/// No document is nested so deep.
const DEEPEST: usize = 32;

/// What a document says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
}

impl Value {
    /// Reads one document; nothing if it is none, or refers.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parser = Parser::new_from_str(text);
        loop {
            match parser.next_token().ok()?.0 {
                Event::StreamStart | Event::DocumentStart | Event::Nothing => {}
                Event::StreamEnd | Event::DocumentEnd => return None,
                event => return value(event, &mut parser, 0),
            }
        }
    }

    /// Finds what stands behind a chain of keys.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |value, key| match value {
            Self::Map(entries) => entries
                .iter()
                .find(|(one, _)| matches!(one, Self::Text(text) if text == key))
                .map(|(_, value)| value),
            _ => None,
        })
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Lists the texts of a list.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let values = match self {
            Self::List(values) => values.as_slice(),
            _ => &[],
        };
        values.iter().filter_map(Self::text)
    }
}

fn value<T: Iterator<Item = char>>(
    event: Event,
    parser: &mut Parser<T>,
    depth: usize,
) -> Option<Value> {
    if depth > DEEPEST {
        return None;
    }
    match event {
        Event::Scalar(text, ..) => Some(Value::Text(text)),
        Event::SequenceStart(..) => {
            let mut values = Vec::new();
            loop {
                match parser.next_token().ok()?.0 {
                    Event::SequenceEnd => return Some(Value::List(values)),
                    event => values.push(value(event, parser, depth + 1)?),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut entries = Vec::new();
            loop {
                match parser.next_token().ok()?.0 {
                    Event::MappingEnd => return Some(Value::Map(entries)),
                    event => {
                        let key = value(event, parser, depth + 1)?;
                        let event = parser.next_token().ok()?.0;
                        entries.push((key, value(event, parser, depth + 1)?));
                    }
                }
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_scalars_as_they_are_written() {
        let text = "---\na:\n  stream: 1.10\n  list:\n  - x\n  - \"y: z\"\n...\n";
        let value = Value::parse(text).expect("it is YAML");
        assert_eq!(value.at(&["a", "stream"]).and_then(Value::text), Some("1.10"));
        let list: Vec<_> = value.at(&["a", "list"]).expect("a list").texts().collect();
        assert_eq!(list, ["x", "y: z"]);
        assert_eq!(value.at(&["a", "b", "c"]), None);
    }

    #[test]
    fn refuses_references() {
        assert_eq!(Value::parse("a: &x [1]\nb: [*x, *x]\n"), None);
        assert_eq!(Value::parse(&"[".repeat(100)), None);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "([a-c]|: |\n|- |  |---\n|\\[|\\{|,|&x|\\*x|\"|\\|){0,16}") {
            drop(Value::parse(&text));
        }
    }
}
