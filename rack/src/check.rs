//! Finds what would stop a machine on its way, before it stops there: labels that nobody set, pages and files that are not there.

use std::collections::BTreeSet;

use crate::Book;

/// A mistake in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Which script.
    pub script: String,
    /// Its line, from 1; 0 means the script as a whole.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

/// Checks one iPXE script by itself: every label that it jumps to is set in it, and none twice.
pub fn labels(script: &str, text: &str) -> Vec<Mistake> {
    let mut set = BTreeSet::new();
    let mut mistakes = Vec::new();
    let mut note =
        |line, problem| mistakes.push(Mistake { script: script.to_owned(), line, problem });
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(label) = line.trim().strip_prefix(':')
            && !set.insert(label.trim())
        {
            note(number, format!("label `{label}` is set twice"));
        }
    }
    let chooses = text.lines().any(|line| words(line).any(|word| word == "choose"));
    for (number, line) in (1..).zip(text.lines()) {
        let mut words = words(line).peekable();
        while let Some(word) = words.next() {
            let target = match word {
                "goto" => words.peek().copied(),
                // What is chosen is gone to.
                "item" if chooses => item(&mut words),
                _ => None,
            };
            // A variable: what it may hold are the items.
            if let Some(label) =
                target.filter(|label| !label.contains("${") && !set.contains(label))
            {
                note(number, format!("label `{label}` does not exist"));
            }
        }
    }
    mistakes
}

/// The words of a line of iPXE, none of a comment or of what is only echoed.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let line = line.trim();
    let silent = line.starts_with('#') || line.starts_with("echo ") || line.starts_with(':');
    let words = if silent { "" } else { line };
    words.split_whitespace()
}

/// The label of `item [--gap] [--key K] LABEL text…`; none of a gap.
fn item<'a>(words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Option<&'a str> {
    while let Some(word) = words.next() {
        match word {
            "--gap" => return None,
            "--default" => {}
            "--key" | "--menu" => drop(words.next()),
            label => return Some(label),
        }
    }
    None
}

impl Book {
    /// Checks every menu page: it renders, its labels exist, and so does every page and file of this site that it names.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let pages = self.menu_pages();
        let mut mistakes = Vec::new();
        for page in &pages {
            let script = format!("menu/{page}");
            match self.menu(page) {
                Some(Ok(text)) => {
                    mistakes.extend(labels(&script, &text));
                    mistakes.extend(self.dangling(&script, &text, &pages));
                }
                Some(Err(error)) => {
                    mistakes.push(Mistake { script, line: 0, problem: error.to_string() });
                }
                None => {
                    let problem = "there is no such page".to_owned();
                    mistakes.push(Mistake { script, line: 0, problem });
                }
            }
        }
        mistakes
    }

    fn dangling(&self, script: &str, text: &str, pages: &[String]) -> Vec<Mistake> {
        let rack = format!("http://{}/menu/", self.site.rack);
        let data = format!("http://{}/", self.site.data);
        let mut mistakes = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            for word in words(line) {
                let path =
                    |prefix| word.strip_prefix(prefix).filter(|path: &&str| !path.contains("${"));
                let missing = if let Some(page) = path(&rack) {
                    (!pages.iter().any(|known| known == page.trim_matches('/'))).then_some("page")
                } else if let Some(file) = path(&data) {
                    (!self.is_fed(file)).then_some("file in the set")
                } else {
                    None
                };
                if let Some(what) = missing {
                    let problem = format!("`{word}` is no {what}");
                    mistakes.push(Mistake { script: script.to_owned(), line: number, problem });
                }
            }
        }
        mistakes
    }

    /// Whether a path below data is a boot file that was fed; other trees are not known here.
    fn is_fed(&self, path: &str) -> bool {
        // Names in a folder may have folders themselves.
        let fed = self
            .fed
            .iter()
            .find_map(|fed| Some((fed, path.strip_prefix(fed.path.as_str())?.strip_prefix('/')?)));
        match fed {
            Some((fed, file)) => fed.files.contains(file),
            None => !path.starts_with("boot/") && !path.starts_with("built/"),
        }
    }
}
