//! All files while they are read: parses them, gathers every mistake, and remembers where each value came from.
//!
//! Not serde: it stops at the first mistake, and forgets the places of values that contradict each other only later.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use serde_json::Value;
use toml::Spanned;
use toml::de::DeTable;

use super::findings::{Finding, Lines};

/// A value in effect.
#[derive(Clone, Debug)]
pub struct Effective {
    /// The file that has it, or could have it.
    pub file: &'static str,
    /// Its key, dotted, such as `pool.first` or `machine[0].name`.
    pub key: String,
    /// The value as written, or by default.
    pub value: Value,
    /// The line that has it; none for a default.
    pub line: Option<usize>,
    span: Option<Range<usize>>,
}

impl Effective {
    /// Where it came from: `default`, or file and line.
    pub fn origin(&self) -> String {
        match self.line {
            Some(line) => format!("{}:{line}", self.file),
            None => "default".to_owned(),
        }
    }

    /// Whether it is an element of a list that is a value itself.
    fn is_element(&self) -> bool {
        self.key.ends_with(']')
    }
}

/// Text and content of one file.
struct Document<'i> {
    text: &'i str,
    lines: Lines,
    table: Spanned<DeTable<'i>>,
    /// Lines that are no TOML: what is missing after them may stand in them.
    broken: HashSet<usize>,
}

/// All files while they are read: the mistakes so far, and the values.
pub(super) struct Reading<'i> {
    documents: BTreeMap<&'static str, Document<'i>>,
    findings: RefCell<Vec<Finding>>,
    values: RefCell<Vec<Effective>>,
    index: RefCell<HashMap<(&'static str, String), usize>>,
}

impl<'i> Reading<'i> {
    /// Parses the files that are there, and notes what is no TOML.
    pub(super) fn parse(sources: &'i BTreeMap<&'static str, String>) -> Self {
        let mut reading = Self {
            documents: BTreeMap::new(),
            findings: RefCell::default(),
            values: RefCell::default(),
            index: RefCell::default(),
        };
        for (file, text) in sources {
            let (table, errors) = DeTable::parse_recoverable(text);
            let lines = Lines::of(text);
            reading.documents.insert(file, Document { text, lines, table, broken: HashSet::new() });
            for error in errors {
                reading.note(file, Some(error.span().unwrap_or(0..0)), error.message(), None);
            }
            let lines = reading
                .findings
                .borrow()
                .iter()
                .filter(|f| f.file == *file)
                .map(|f| f.line)
                .collect();
            if let Some(document) = reading.documents.get_mut(file) {
                document.broken = lines;
            }
        }
        reading
    }

    /// The files that are there, sorted by name.
    pub(super) fn files(&self) -> impl Iterator<Item = &'static str> {
        self.documents.keys().copied()
    }

    /// What a file holds; none where it is absent.
    pub(super) fn content(&self, file: &str) -> Option<&DeTable<'i>> {
        self.documents.get(file).map(|document| document.table.get_ref())
    }

    /// Whether parts of a file could not be read, so that what it lacks proves nothing.
    pub(super) fn is_broken(&self, file: &str) -> bool {
        self.documents.get(file).is_some_and(|document| !document.broken.is_empty())
    }

    /// Notes a mistake; a second one on a line that is no TOML is only an echo of the first.
    pub(super) fn note(
        &self,
        file: &str,
        span: Option<Range<usize>>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let document = self.documents.get(file);
        let (line, column) = match (&span, document) {
            (Some(span), Some(document)) => document.lines.place(document.text, span.start),
            _ => (0, 0),
        };
        if document.is_some_and(|document| document.broken.contains(&line)) {
            return;
        }
        let message = message.into();
        let finding = Finding { file: file.to_owned(), span, line, column, message, help };
        self.findings.borrow_mut().push(finding);
    }

    /// Notes a mistake of a file that is no TOML.
    pub(super) fn whole(&self, file: &str, message: impl Into<String>) {
        self.note(file, None, message, None);
    }

    /// Notes a mistake of a value that was read well but does not go with another; silent about what was not.
    pub(super) fn object(
        &self,
        file: &'static str,
        key: &str,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        if let Some(span) = self.span_of(file, key) {
            self.note(file, span, message, help);
        }
    }

    /// Where a value stands: nowhere if it was not read well, without span if it is a default.
    #[expect(
        clippy::option_option,
        reason = "not read, and read from no line, are different things"
    )]
    pub(super) fn span_of(&self, file: &'static str, key: &str) -> Option<Option<Range<usize>>> {
        let index = *self.index.borrow().get(&(file, key.to_owned()))?;
        Some(self.values.borrow()[index].span.clone())
    }

    /// Where a value stands, in words for a help line.
    pub(super) fn whereabouts(&self, file: &'static str, key: &str) -> String {
        let index = self.index.borrow().get(&(file, key.to_owned())).copied();
        match index.and_then(|index| self.values.borrow()[index].line) {
            Some(line) => format!("{file}:{line}"),
            None => format!("the default of `{key}` in {file}"),
        }
    }

    /// Remembers a value that was read well, or a default.
    pub(super) fn record(
        &self,
        file: &'static str,
        key: String,
        value: Value,
        span: Option<Range<usize>>,
    ) {
        let line =
            span.as_ref().and_then(|span| Some(self.documents.get(file)?.lines.line(span.start)));
        let mut values = self.values.borrow_mut();
        self.index.borrow_mut().insert((file, key.clone()), values.len());
        values.push(Effective { file, key, value, line, span });
    }

    /// Ends the reading: the mistakes in order, and the values.
    pub(super) fn finish(self) -> (Vec<Finding>, Vec<Effective>) {
        let mut findings = self.findings.into_inner();
        let start = |finding: &Finding| finding.span.as_ref().map(|span| span.start);
        findings.sort_by(|a, b| (&a.file, start(a)).cmp(&(&b.file, start(b))));
        findings.dedup();
        let mut values = self.values.into_inner();
        values.retain(|value| !value.is_element());
        (findings, values)
    }
}
