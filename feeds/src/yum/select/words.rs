//! Every string of a repository once: its packages say the same few hundred thousand words over and over.

use std::collections::HashMap;
use std::sync::Arc;

/// A string that is kept in [`Words`]. The first one, and the default, is the empty string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Word(u32);

/// All strings of a repository.
#[derive(Debug)]
pub(super) struct Words {
    places: HashMap<Arc<str>, Word>,
    texts: Vec<Arc<str>>,
}

impl Words {
    pub(super) fn new() -> Self {
        let mut words = Self { places: HashMap::new(), texts: Vec::new() };
        words.keep("");
        words
    }

    /// Keeps a string; past four thousand million of them it keeps no more.
    pub(super) fn keep(&mut self, text: &str) -> Word {
        if let Some(word) = self.places.get(text) {
            return *word;
        }
        let Ok(place) = u32::try_from(self.texts.len()) else { return Word::default() };
        let text: Arc<str> = Arc::from(text);
        self.texts.push(Arc::clone(&text));
        self.places.insert(text, Word(place));
        Word(place)
    }

    /// Finds a string that is kept.
    pub(super) fn find(&self, text: &str) -> Option<Word> {
        self.places.get(text).copied()
    }

    /// Returns the string.
    pub(super) fn text(&self, word: Word) -> &str {
        usize::try_from(word.0).ok().and_then(|place| self.texts.get(place)).map_or("", |text| text)
    }
}
