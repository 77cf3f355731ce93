//! Cuts metadata into its records, streamed and unparsed: `primary.xml` has a hundred megabytes and more.
//!
//! Whoever takes a record parses it whole and strictly; what stands around the records is checked here. So a record that
//! was cut at the wrong place, such as within a comment, is refused as not well-formed, and never read as something else.

use std::io::{self, Read};

use memchr::memmem::Finder;
use quick_xml::Reader;
use quick_xml::events::Event;

use super::record::Unreadable;

const BLOCK: usize = 256 << 10;
/// The record of a package with a hundred thousand files has some ten megabytes.
const LARGEST: usize = 64 << 20;

/// Hands over each element `name` right below the root, as it stands, with the place where it begins.
pub(super) fn each(
    input: impl Read,
    name: &str,
    mut take: impl FnMut(&str, u64) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    let (opening, closing) = (format!("<{name}"), format!("</{name}>"));
    let (opening, closing) = (Finder::new(&opening), Finder::new(&closing));
    let mut window = Window { input, bytes: Vec::new(), start: 0, passed: 0 };
    let mut around = Around::default();
    loop {
        let begins = window.find_tag(&opening)?;
        around.pass(window.text(begins.unwrap_or(window.held().len()))?, name, window.passed)?;
        let Some(begins) = begins else {
            return around.finish(window.passed);
        };
        window.advance(begins);
        if around.depth != 1 {
            return Err(window.unexpected("a record that does not lie right below the root"));
        }
        let ends = match window.tag_end()? {
            Some((ends, true)) => Some(ends),
            Some((ends, false)) => {
                window.find(&closing, ends)?.map(|at| at + closing.needle().len())
            }
            None => None,
        };
        let ends = ends.ok_or_else(|| window.unexpected("its end too early"))?;
        take(window.text(ends)?, window.passed)?;
        window.advance(ends);
    }
}

/// What was read and not yet passed.
struct Window<R> {
    input: R,
    bytes: Vec<u8>,
    start: usize,
    passed: u64,
}

impl<R: Read> Window<R> {
    fn held(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    fn unexpected(&self, what: &'static str) -> Unreadable {
        Unreadable::Unexpected { at: self.passed, what }
    }

    fn text(&self, length: usize) -> Result<&str, Unreadable> {
        std::str::from_utf8(&self.held()[..length])
            .map_err(|_| self.unexpected("bytes that are no UTF-8"))
    }

    fn advance(&mut self, count: usize) {
        self.start += count;
        self.passed += count as u64;
    }

    /// Reads on; tells whether anything came.
    fn grow(&mut self) -> Result<bool, Unreadable> {
        self.bytes.drain(..self.start);
        self.start = 0;
        let length = self.bytes.len();
        if length > LARGEST {
            return Err(self.unexpected("a record of many megabytes"));
        }
        self.bytes.resize(length + BLOCK, 0);
        let came = loop {
            match self.input.read(&mut self.bytes[length..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                came => break came,
            }
        };
        let at = self.passed;
        let came = came.map_err(|source| Unreadable::Read { at, source })?;
        self.bytes.truncate(length + came);
        Ok(came > 0)
    }

    /// Finds a text at or after `from`, reading on where it has to.
    fn find(&mut self, finder: &Finder<'_>, mut from: usize) -> Result<Option<usize>, Unreadable> {
        loop {
            if let Some(at) = finder.find(&self.held()[from..]) {
                return Ok(Some(from + at));
            }
            from = from.max(self.held().len().saturating_sub(finder.needle().len() - 1));
            if !self.grow()? {
                return Ok(None);
            }
        }
    }

    /// Finds a tag whose name ends where the text ends.
    fn find_tag(&mut self, opening: &Finder<'_>) -> Result<Option<usize>, Unreadable> {
        let mut from = 0;
        while let Some(at) = self.find(opening, from)? {
            from = at + opening.needle().len();
            while self.held().len() <= from && self.grow()? {}
            let next = self.held().get(from);
            if next.is_some_and(|next| next.is_ascii_whitespace() || b"/>".contains(next)) {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// Finds where the tag at hand ends, and whether its element ends with it.
    fn tag_end(&mut self) -> Result<Option<(usize, bool)>, Unreadable> {
        let (mut at, mut quote) = (0, None);
        loop {
            while let Some(&byte) = self.held().get(at) {
                match quote {
                    Some(open) if open == byte => quote = None,
                    None if byte == b'>' => {
                        return Ok(Some((at + 1, self.held()[at - 1] == b'/')));
                    }
                    None if byte == b'"' || byte == b'\'' => quote = Some(byte),
                    _ => {}
                }
                at += 1;
            }
            if !self.grow()? {
                return Ok(None);
            }
        }
    }
}

/// What stands around the records: a root, white space, nothing that could hide a record.
#[derive(Default)]
struct Around {
    depth: usize,
    closed: bool,
}

impl Around {
    fn pass(&mut self, text: &str, name: &str, at: u64) -> Result<(), Unreadable> {
        if text.bytes().all(|byte| byte.is_ascii_whitespace()) {
            return Ok(());
        }
        let unexpected = |what| Unreadable::Unexpected { at, what };
        let mut reader = Reader::from_str(text);
        // Its elements end in another piece than they begin in.
        reader.config_mut().check_end_names = false;
        reader.config_mut().allow_unmatched_ends = true;
        loop {
            let event = reader
                .read_event()
                .map_err(|source| Unreadable::Xml { at, source: Box::new(source) })?;
            match event {
                Event::Start(start) | Event::Empty(start)
                    if start.local_name().as_ref() == name =>
                {
                    return Err(unexpected("a record with a prefix to its name"));
                }
                Event::Start(_) if self.closed => return Err(unexpected("a second root")),
                Event::Start(_) => self.depth += 1,
                Event::End(_) => {
                    let left = self.depth.checked_sub(1);
                    self.depth = left.ok_or_else(|| unexpected("an end without a beginning"))?;
                    self.closed = self.depth == 0;
                }
                Event::Empty(_) if self.depth == 0 => self.closed = true,
                Event::DocType(_) => return Err(unexpected("a document type")),
                Event::Eof => return Ok(()),
                _ => {}
            }
        }
    }

    fn finish(&self, at: u64) -> Result<(), Unreadable> {
        if self.closed {
            Ok(())
        } else {
            Err(Unreadable::Unexpected { at, what: "its end too early" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Result<Vec<String>, Unreadable> {
        let mut all = Vec::new();
        each(text.as_bytes(), "package", |record, _| {
            all.push(record.to_owned());
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn cuts_records_as_they_stand() {
        let text = "<?xml version=\"1.0\"?><!-- made by hand --><metadata packages=\"3\"><packages/>\n\
            <package a=\">\">one<b/></package> <package/>\n<package\n>two</package></metadata>\n";
        let wanted =
            ["<package a=\">\">one<b/></package>", "<package/>", "<package\n>two</package>"];
        assert_eq!(cut(text).expect("well-formed"), wanted);
        assert_eq!(cut("<metadata/>").expect("an empty repository"), [""; 0]);
    }

    #[test]
    fn cuts_across_blocks() {
        let record = format!("<package>{}</package>", "x".repeat(1000));
        let text = format!("<metadata>{}</metadata>", record.repeat(3 * BLOCK / record.len()));
        let all = cut(&text).expect("well-formed");
        assert!(all.iter().all(|one| *one == record));
        assert_eq!(all.len(), 3 * BLOCK / record.len());
    }

    #[test]
    fn refuses_what_hides_a_record_or_lacks_an_end() {
        for text in [
            "<metadata><!-- <package/> --></metadata>",
            "<metadata><package></metadata>",
            "<metadata><package/>",
            "<metadata><a><package/></a></metadata>",
            "<x:metadata><x:package></x:package></x:metadata>",
            "<metadata><x:package/><package/></metadata>",
            "<package/>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><metadata/>",
            "<metadata/><metadata/><metadata></metadata>",
            "",
        ] {
            assert!(cut(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "(<[a-z!/&;?\\[\\]\" =]{0,8}>|<package>|</package>|<!--|[a-z&;#0-9\u{e9}]{0,4}){0,12}") {
            drop(cut(&text));
        }
    }
}
