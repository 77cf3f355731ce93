//! The one-line style of APT's sources: `deb [signed-by=/a.gpg] http://host/debian bookworm main`.

use super::Entry;

/// Reads the entries for binary packages; commented ones and those for sources are passed over.
pub(super) fn read(text: &str) -> Result<Vec<Entry>, String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let entries = lines
        .filter_map(|line| line.strip_prefix("deb").filter(|l| l.starts_with([' ', '\t', '['])));
    entries.map(|line| entry(line).ok_or_else(|| format!("`deb{line}`"))).collect()
}

fn entry(line: &str) -> Option<Entry> {
    let line = line.trim_start();
    let (options, rest) = match line.strip_prefix('[') {
        Some(inside) => inside.split_once(']')?,
        None => ("", line),
    };
    let mut words = rest.split_whitespace().map(str::to_owned);
    let mut entry =
        Entry { uris: vec![words.next()?], suites: vec![words.next()?], ..Entry::default() };
    entry.components = words.collect();
    for option in options.split_whitespace() {
        match option.split_once('=')? {
            ("signed-by", value) => entry.signed_by = Some(value.to_owned()),
            ("trusted", value) => entry.trusted = value == "yes",
            _ => {}
        }
    }
    Some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_comments_are_understood() {
        let text = "# deb http://no.example x main\ndeb-src http://no.example x main\n\
                    deb [ arch=amd64 signed-by=/k.gpg,/l.gpg ] http://a.example/debian test main contrib # yes\n\
                    deb\thttp://b.example/ test-updates main\n";
        let read = read(text).expect("readable");
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].signed_by.as_deref(), Some("/k.gpg,/l.gpg"));
        assert_eq!(read[0].components, ["main", "contrib"]);
        assert_eq!(read[1].suites, ["test-updates"]);
    }

    #[test]
    fn an_entry_without_a_suite_is_told() {
        assert_eq!(read("deb http://a.example/\n"), Err("`deb http://a.example/`".to_owned()));
    }
}
