//! The mistakes of a configuration: all of them, each with its place.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use serde::Serialize;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, as named below the configuration's folder.
    pub file: String,
    /// Where in the file, in bytes; none means the file as a whole.
    pub span: Option<Range<usize>>,
    /// Line of the span's start, counted from 1; 0 without span.
    pub line: usize,
    /// Column of the span's start in characters, counted from 1; 0 without span.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// All mistakes of a configuration, sorted by file and place; never empty as an error.
#[derive(Clone, Debug, Default, thiserror::Error)]
#[error("{}", self.count())]
pub struct Findings {
    pub(super) folder: PathBuf,
    pub(super) list: Vec<Finding>,
    pub(super) sources: BTreeMap<String, String>,
}

impl Findings {
    /// The mistakes.
    pub fn list(&self) -> &[Finding] {
        &self.list
    }

    /// How many mistakes there are, as a sentence.
    pub fn count(&self) -> String {
        let mut files = self.list.iter().map(|finding| &finding.file).collect::<Vec<_>>();
        files.dedup();
        format!(
            "{} in {} below {}",
            counted(self.list.len(), "mistake"),
            counted(files.len(), "file"),
            self.folder.display()
        )
    }
}

/// A number and its noun.
pub(super) fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Where the lines of a text begin: each of thousands of values asks for its own.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    /// Finds them.
    pub(super) fn of(text: &str) -> Self {
        let later = text.match_indices('\n').map(|(newline, _)| newline + 1);
        Self(std::iter::once(0).chain(later).collect())
    }

    /// The line of a byte, counted from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset)
    }

    /// Line and column of a byte of the text, both from 1, the column in characters.
    pub(super) fn place(&self, text: &str, offset: usize) -> (usize, usize) {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.line(offset);
        (line, text[self.0[line - 1]..offset].chars().count() + 1)
    }
}
