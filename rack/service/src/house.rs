//! What every answer is made from.

use crate::memory::Memory;
use crate::settings::Settings;
use crate::shelf::Shelf;

/// What runctl decided, its book, and what was remembered.
pub(crate) struct House {
    /// What runctl decided.
    pub(crate) settings: Settings,
    /// The book.
    pub(crate) shelf: Shelf,
    /// The memory.
    pub(crate) memory: Memory,
}
