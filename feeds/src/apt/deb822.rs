//! The paragraphs of `Release`, `Packages` and `*.sources` files, borrowed from the text they stand in.
//!
//! Nothing is copied: an index of sixty thousand packages is read in one pass over its bytes.

/// Iterates over the paragraphs of a text.
#[derive(Clone, Debug)]
pub(super) struct Paragraphs<'a> {
    rest: &'a str,
}

/// One paragraph: fields with a name and a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Paragraph<'a> {
    text: &'a str,
}

/// Iterates over the fields of a paragraph; comments and lines that are no field are passed over.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    rest: &'a str,
}

/// Reads a text as paragraphs that empty lines divide.
pub(super) fn paragraphs(text: &str) -> Paragraphs<'_> {
    Paragraphs { rest: text }
}

impl<'a> Iterator for Paragraphs<'a> {
    type Item = Paragraph<'a>;

    fn next(&mut self) -> Option<Paragraph<'a>> {
        let text = self.rest.trim_start_matches(['\n', '\r']);
        if text.is_empty() {
            self.rest = text;
            return None;
        }
        let end = paragraph_end(text);
        self.rest = &text[end..];
        Some(Paragraph { text: text[..end].trim_end_matches(['\n', '\r']) })
    }
}

/// Finds where an empty line begins, or the end.
fn paragraph_end(text: &str) -> usize {
    let mut from = 0;
    while let Some(at) = text[from..].find('\n') {
        let line_end = from + at + 1;
        let after = &text.as_bytes()[line_end..];
        if after.starts_with(b"\n") || after.starts_with(b"\r\n") {
            return line_end;
        }
        from = line_end;
    }
    text.len()
}

impl<'a> Paragraph<'a> {
    /// The paragraph as it stands, without its last line break.
    pub(super) fn text(self) -> &'a str {
        self.text
    }

    /// Its fields in order.
    pub(super) fn fields(self) -> Fields<'a> {
        Fields { rest: self.text }
    }

    /// The value of the first field of that name, whatever its case.
    pub(super) fn get(self, name: &str) -> Option<&'a str> {
        self.fields().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, &'a str);

    /// Returns a name and its value; lines that continue a value stay in it as they stand.
    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        while !self.rest.is_empty() {
            let end = field_end(self.rest);
            let field = &self.rest[..end];
            self.rest = &self.rest[end..];
            if field.starts_with('#') {
                continue;
            }
            if let Some((name, value)) = field.split_once(':')
                && !name.is_empty()
                && !name.contains([' ', '\t', '\n'])
            {
                return Some((name, value.trim()));
            }
        }
        None
    }
}

/// Finds where the next line begins that does not continue this field.
fn field_end(text: &str) -> usize {
    let mut from = 0;
    while let Some(at) = text[from..].find('\n') {
        let line_end = from + at + 1;
        if !text.as_bytes()[line_end..].first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
            return line_end;
        }
        from = line_end;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_continue_on_indented_lines_and_comments_are_passed_over() {
        let text = "\n\nPackage: a\n# said: nothing\nTag: one,\n two\nDESCRIPTION:short\n .\n\n\nPackage: b\r\n\r\nPackage: c";
        let read: Vec<_> = paragraphs(text).collect();
        assert_eq!(read.len(), 3);
        assert_eq!(read[0].get("Tag"), Some("one,\n two"));
        assert_eq!(read[0].get("description"), Some("short\n ."));
        assert_eq!(read[0].get("said"), None);
        assert_eq!(read[1].get("package"), Some("b"));
        assert_eq!(read[2].get("package"), Some("c"));
    }

    #[test]
    fn values_may_hold_colons_and_paragraphs_keep_their_text() {
        let text = "Package: a\nHomepage: https://example.org:80/\n";
        let read = paragraphs(text).next().expect("a paragraph");
        assert_eq!(read.get("Homepage"), Some("https://example.org:80/"));
        assert_eq!(read.text(), text.trim_end());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_losing_fields(
            fields in prop::collection::vec(
                ("[A-Za-z][A-Za-z0-9-]{0,8}", "[!-~][ -~]{0,20}[!-~]|[!-~]", 0_usize..3),
                1..8,
            ),
            times in 1_usize..4,
        ) {
            let lines: Vec<_> = fields
                .iter()
                .map(|(name, value, more)| format!("{name}: {value}\n{}", " and more\n".repeat(*more)))
                .collect();
            let one = lines.concat();
            let text = vec![one.as_str(); times].join("\n");
            let read: Vec<_> = paragraphs(&text).collect();
            prop_assert_eq!(read.len(), times);
            for paragraph in read {
                let found: Vec<_> = paragraph.fields().map(|(name, _)| name).collect();
                let wanted: Vec<_> = fields.iter().map(|(name, _, _)| name.as_str()).collect();
                prop_assert_eq!(found, wanted);
                let (_, value) = paragraph.fields().next().expect("a field");
                prop_assert!(value.starts_with(&fields[0].1));
            }
        }

        #[test]
        fn garbage_never_panics(text in any::<String>()) {
            for paragraph in paragraphs(&text) {
                prop_assert!(!paragraph.text().is_empty());
                let _fields = paragraph.fields().count();
            }
        }
    }
}
