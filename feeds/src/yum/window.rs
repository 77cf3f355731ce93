//! What was read of a document and not yet passed: never more than one record may have.

use std::io::Read;

use super::xml::Unreadable;

pub(super) const BLOCK: usize = 256 << 10;
/// So much is read at once where a record is longer than a block, so that it is not looked through too often.
const STEP: usize = 16 << 20;
/// The record of a package with a hundred thousand files has some ten megabytes; more is an attack.
const LARGEST: usize = 64 << 20;

/// A part of a document, which moves on and grows.
pub(super) struct Window<R> {
    input: R,
    bytes: Vec<u8>,
    start: usize,
    passed: u64,
}

impl<R: Read> Window<R> {
    pub(super) fn over(input: R) -> Self {
        Self { input, bytes: Vec::new(), start: 0, passed: 0 }
    }

    pub(super) fn held(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Returns how many bytes were passed.
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    pub(super) fn unexpected(&self, what: &'static str) -> Unreadable {
        Unreadable::Unexpected { at: self.passed, what }
    }

    pub(super) fn text(&self, length: usize) -> Result<&str, Unreadable> {
        std::str::from_utf8(&self.held()[..length])
            .map_err(|_| self.unexpected("bytes that are no UTF-8"))
    }

    pub(super) fn advance(&mut self, count: usize) {
        self.start += count;
        self.passed += count as u64;
    }

    /// Reads on, as much as is held already; tells whether anything came.
    pub(super) fn grow(&mut self) -> Result<bool, Unreadable> {
        self.bytes.drain(..self.start);
        self.start = 0;
        let length = self.bytes.len();
        if length > LARGEST {
            return Err(self.unexpected("a record of many megabytes"));
        }
        let more = length.clamp(BLOCK, STEP);
        self.bytes.reserve_exact(more);
        let came = (&mut self.input).take(more as u64).read_to_end(&mut self.bytes);
        let came = came.map_err(|source| Unreadable::Read { at: self.passed, source })?;
        Ok(came > 0)
    }
}
