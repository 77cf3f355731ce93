//! The paragraph style of APT's sources: `Types:`, `URIs:`, `Suites:`, `Components:`, `Signed-By:`.

use super::Entry;
use crate::apt::deb822::{Paragraph, paragraphs};

/// Reads the entries for binary packages; disabled ones and those for sources are passed over.
pub(super) fn read(text: &str) -> Result<Vec<Entry>, String> {
    let wanted = |one: &Paragraph<'_>| {
        let words = |name| one.get(name).unwrap_or_default().split_whitespace();
        let disabled = words("Enabled").any(|word| matches!(word, "no" | "false" | "0"));
        !disabled && words("Types").any(|word| word == "deb")
    };
    paragraphs(text).filter(wanted).map(entry).collect()
}

fn entry(paragraph: Paragraph<'_>) -> Result<Entry, String> {
    let words = |name| -> Vec<String> {
        let value = paragraph.get(name).unwrap_or_default();
        value.split_whitespace().map(str::to_owned).collect()
    };
    let entry = Entry {
        uris: words("URIs"),
        suites: words("Suites"),
        components: words("Components"),
        signed_by: paragraph.get("Signed-By").map(unfold),
        trusted: paragraph.get("Trusted") == Some("yes"),
    };
    for (values, field) in [(&entry.uris, "URIs"), (&entry.suites, "Suites")] {
        if values.is_empty() {
            return Err(format!("a paragraph without `{field}`"));
        }
    }
    Ok(entry)
}

/// Takes away the indentation of a value, and the dots that stand for empty lines.
fn unfold(value: &str) -> String {
    let lines = value.lines().map(str::trim).map(|line| if line == "." { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_understood() {
        let text = "Types: deb deb-src\nURIs: http://a.example/debian http://b.example/debian\n\
                    Suites: test test-updates\nComponents: main\nSigned-By: /usr/share/k.gpg\n\n\
                    Types: deb\nEnabled: no\nURIs: http://c.example\nSuites: test\n\n\
                    Types: deb-src\nURIs: http://d.example\nSuites: test\n";
        let read = read(text).expect("readable");
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].uris.len(), 2);
        assert_eq!(read[0].suites, ["test", "test-updates"]);
        assert_eq!(read[0].signed_by.as_deref(), Some("/usr/share/k.gpg"));
    }

    #[test]
    fn a_certificate_in_the_paragraph_is_unfolded() {
        let text = "Types: deb\nURIs: http://a.example\nSuites: test\nSigned-By:\n -----BEGIN X-----\n .\n abc\n -----END X-----\n";
        let read = read(text).expect("readable");
        assert_eq!(read[0].signed_by.as_deref(), Some("-----BEGIN X-----\n\nabc\n-----END X-----"));
    }

    #[test]
    fn a_paragraph_without_suites_is_told() {
        let wrong = read("Types: deb\nURIs: http://a.example\n").expect_err("no suites");
        assert_eq!(wrong, "a paragraph without `Suites`");
    }
}
