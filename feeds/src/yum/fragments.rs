//! The children of a document's root, one after another, as the upstream wrote them: streamed, since `primary.xml` has a
//! hundred megabytes and more.
//!
//! They are cut before they are parsed, which is done whole and strictly, by whoever takes one. So one that was cut at the
//! wrong place is refused as not well-formed, and never read as something else.

use std::collections::BTreeMap;
use std::io::Read;

use memchr::{memchr, memmem};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::window::Window;
use super::xml::{Unreadable, attributes};

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The start tag of an element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tag {
    /// Its name, without what stands before the colon.
    pub(super) name: String,
    /// Its attributes.
    pub(super) attributes: BTreeMap<String, String>,
    /// What stands between `<` and `>`.
    pub(super) raw: String,
}

impl Tag {
    pub(super) fn read(start: &BytesStart<'_>, at: u64) -> Result<Self, Unreadable> {
        let failed = |source| Unreadable::Xml { at, source: Box::new(source) };
        // The parser takes `<a//>` for an element `a/`, and written as a start tag that would be none.
        if !is_name(start.name().as_ref()) {
            return Err(Unreadable::Unexpected { at, what: "an element that no XML has" });
        }
        let attributes = attributes(start).map_err(failed)?;
        Ok(Self {
            name: start.local_name().as_ref().to_owned(),
            attributes,
            raw: start.to_string(),
        })
    }

    /// Returns the name as it is written.
    pub(super) fn full_name(&self) -> &str {
        self.raw.split([' ', '\t', '\r', '\n']).next().unwrap_or_default()
    }
}

fn is_name(text: &str) -> bool {
    let fits = |one: char| one.is_alphanumeric() || matches!(one, ':' | '_' | '-' | '.');
    !text.is_empty() && text.chars().all(fits)
}

/// What stands next in a document.
enum Piece {
    Start(Tag),
    /// An element that ends with its start tag.
    Empty(Tag),
    /// The end of an element, by its name.
    End(String),
    /// Text that is not blank.
    Text,
    /// Blanks, comments and the like.
    Nothing,
}

/// The child at hand.
struct Child {
    name: String,
    /// Where its start tag ends.
    tag: usize,
    /// Where it ends itself, as soon as that is known.
    ends: Option<usize>,
}

/// Reads the children of a document's root.
pub(super) struct Fragments<R> {
    window: Window<R>,
    root: Tag,
    child: Option<Child>,
    ended: bool,
}

impl<R: Read> Fragments<R> {
    /// Reads up to the first child.
    pub(super) fn open(input: R) -> Result<Self, Unreadable> {
        let mut all =
            Self { window: Window::over(input), root: Tag::default(), child: None, ended: false };
        loop {
            let (piece, length) = all.piece()?.ok_or_else(|| all.window.unexpected("no root"))?;
            match piece {
                Piece::Start(root) => all.root = root,
                Piece::Empty(root) => (all.root, all.ended) = (root, true),
                Piece::Nothing => {
                    all.window.advance(length);
                    continue;
                }
                Piece::End(_) | Piece::Text => {
                    return Err(all.window.unexpected("something before its root"));
                }
            }
            all.window.advance(length);
            return Ok(all);
        }
    }

    /// Returns the start tag of the root.
    pub(super) fn root(&self) -> &Tag {
        &self.root
    }

    /// Returns where the child at hand begins.
    pub(super) fn at(&self) -> u64 {
        self.window.passed()
    }

    /// Goes to the next child, past the one at hand.
    pub(super) fn next(&mut self) -> Result<Option<Tag>, Unreadable> {
        let passed = self.ends()?;
        self.window.advance(passed);
        self.child = None;
        loop {
            let Some((piece, length)) = self.piece()? else {
                let early = || self.window.unexpected("its end too early");
                return self.ended.then_some(None).ok_or_else(early);
            };
            match piece {
                Piece::Nothing => {}
                _ if self.ended => return Err(self.window.unexpected("something behind its root")),
                Piece::Text => {}
                Piece::End(name) if name == self.root.full_name() => self.ended = true,
                Piece::End(_) => return Err(self.window.unexpected("the end of another element")),
                Piece::Start(tag) => {
                    let name = tag.full_name().to_owned();
                    self.child = Some(Child { name, tag: length, ends: None });
                    return Ok(Some(tag));
                }
                Piece::Empty(tag) => {
                    self.child =
                        Some(Child { name: String::new(), tag: length, ends: Some(length) });
                    return Ok(Some(tag));
                }
            }
            self.window.advance(length);
        }
    }

    /// Returns the child that `next` went to, as it stands: not even its end is sure before it is parsed.
    pub(super) fn text(&mut self) -> Result<&str, Unreadable> {
        let ends = self.ends()?;
        self.window.text(ends)
    }

    /// Takes the child that `next` went to, whole and well-formed.
    pub(super) fn take(&mut self) -> Result<String, Unreadable> {
        let at = self.at();
        let text = self.text()?;
        if !text.is_empty() && parsed_end(text.as_bytes(), at)? != Some(text.len()) {
            return Err(Unreadable::Unexpected { at, what: "a record with a wrong end" });
        }
        Ok(text.to_owned())
    }

    /// Finds where the child at hand ends.
    fn ends(&mut self) -> Result<usize, Unreadable> {
        let Some(child) = &mut self.child else { return Ok(0) };
        if let Some(ends) = child.ends {
            return Ok(ends);
        }
        loop {
            match end(self.window.held(), child, self.window.passed()) {
                Ok(Some(ends)) => return Ok(*child.ends.insert(ends)),
                // What is cut off in the middle makes no sense either.
                Ok(None) | Err(Unreadable::Xml { .. }) if self.window.grow()? => {}
                Ok(None) => return Err(self.window.unexpected("its end too early")),
                Err(error) => return Err(error),
            }
        }
    }

    /// Looks at what stands next and how long it is; nothing at the end of the document.
    fn piece(&mut self) -> Result<Option<(Piece, usize)>, Unreadable> {
        loop {
            match piece(self.window.held(), self.window.passed()) {
                Ok(None) | Err(Unreadable::Xml { .. }) if self.window.grow()? => {}
                told => return told,
            }
        }
    }
}

fn piece(text: &[u8], at: u64) -> Result<Option<(Piece, usize)>, Unreadable> {
    // The parser passes over it, and a child would begin with it.
    if text.starts_with(BYTE_ORDER_MARK) {
        return Ok(Some((Piece::Nothing, BYTE_ORDER_MARK.len())));
    }
    let mut reader = Reader::from_reader(text);
    reader.config_mut().allow_unmatched_ends = true;
    let failed = |source| Unreadable::Xml { at, source: Box::new(source) };
    let piece = match reader.read_event().map_err(failed)? {
        Event::Start(start) => Piece::Start(Tag::read(&start, at)?),
        Event::Empty(start) => Piece::Empty(Tag::read(&start, at)?),
        Event::End(end) => Piece::End(end.name().as_ref().to_owned()),
        // Groups name theirs, which nobody fetches; one that stands in the document itself could make it grow.
        Event::DocType(kind) if kind.contains('[') => {
            return Err(Unreadable::Unexpected { at, what: "a document type of its own" });
        }
        Event::Text(text) if !text.trim().is_empty() => Piece::Text,
        Event::CData(_) | Event::GeneralRef(_) => Piece::Text,
        Event::Eof => return Ok(None),
        _ => Piece::Nothing,
    };
    Ok(Some((piece, text.len() - reader.get_ref().len())))
}

/// Finds where an element ends; nothing if the text ends before.
fn end(text: &[u8], child: &Child, at: u64) -> Result<Option<usize>, Unreadable> {
    let closing = format!("</{}", child.name);
    let Some(length) = memmem::find(&text[child.tag..], closing.as_bytes()) else {
        return Ok(None);
    };
    let (inside, rest) = text[child.tag..].split_at(length);
    let rest = &rest[closing.len()..];
    let holds = |what: &[u8]| memmem::find(inside, what).is_some();
    // What looks like its end is it, unless it stands in a comment or in another element of that name.
    let is_plain = !holds(b"<!") && !holds(b"<?") && !holds(&closing.as_bytes()[2..]);
    match memchr(b'>', rest) {
        Some(blanks) if is_plain && rest[..blanks].trim_ascii().is_empty() => {
            Ok(Some(child.tag + length + closing.len() + blanks + 1))
        }
        _ => parsed_end(text, at),
    }
}

/// Parses an element and tells where it ends; nothing if the text ends before.
fn parsed_end(text: &[u8], at: u64) -> Result<Option<usize>, Unreadable> {
    let mut reader = Reader::from_reader(text);
    let mut depth = 0_usize;
    loop {
        let failed = |source| Unreadable::Xml { at, source: Box::new(source) };
        match reader.read_event().map_err(failed)? {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            Event::Eof => return Ok(None),
            _ => {}
        }
        if depth == 0 {
            return Ok(Some(text.len() - reader.get_ref().len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yum::window::BLOCK;

    const TEXT: &str = "<?xml version=\"1.0\"?>\n<!-- made -->\n<m:all  xmlns:m='x' packages=\"3\">\n  <a n = '1'/>\
        <b>x &amp; y<![CDATA[</b>]]><b c=\">\"></b><!-- </b> --></b>\n<c  ></c ></m:all>\n";

    fn taken(text: &str) -> Result<Vec<String>, Unreadable> {
        let mut fragments = Fragments::open(text.as_bytes())?;
        let mut all = Vec::new();
        while fragments.next()?.is_some() {
            all.push(fragments.take()?);
        }
        Ok(all)
    }

    #[test]
    fn gives_children_as_they_are_written() {
        let all = taken(TEXT).expect("well-formed");
        let expected = [
            "<a n = '1'/>",
            "<b>x &amp; y<![CDATA[</b>]]><b c=\">\"></b><!-- </b> --></b>",
            "<c  ></c >",
        ];
        assert_eq!(all, expected);
        let fragments = Fragments::open(TEXT.as_bytes()).expect("well-formed");
        assert_eq!(fragments.root().attributes["packages"], "3");
        assert_eq!(
            (fragments.root().name.as_str(), fragments.root().full_name()),
            ("all", "m:all")
        );
        assert_eq!(taken("\u{feff}<a>\u{feff}<b/></a>").expect("well-formed"), ["<b/>"]);
        assert_eq!(taken("<a/>").expect("well-formed"), [""; 0]);
    }

    #[test]
    fn passes_over_what_is_not_taken() {
        let mut fragments = Fragments::open(TEXT.as_bytes()).expect("well-formed");
        let mut names = Vec::new();
        while let Some(tag) = fragments.next().expect("well-formed") {
            names.push(tag.name);
        }
        assert_eq!(names, ["a", "b", "c"]);
        assert!(fragments.next().expect("the end stays the end").is_none());
    }

    #[test]
    fn cuts_across_blocks() {
        for record in [
            format!("<package>{}</package>", "x".repeat(1000)),
            format!("<package><!-- {} --></package>", "</package>".repeat(BLOCK / 3)),
        ] {
            let count = 3 * BLOCK / record.len() + 1;
            let all = taken(&format!("<metadata>{}</metadata>", record.repeat(count)));
            let all = all.expect("well-formed");
            assert_eq!(all.len(), count);
            assert!(all.iter().all(|one| *one == record));
        }
    }

    #[test]
    fn refuses_what_is_no_document() {
        for end in [TEXT.len() - 12, TEXT.len() - 40, 30] {
            taken(&TEXT[..end]).expect_err("it is cut");
        }
        for text in [
            "",
            "<a//>",
            "<\u{c} />",
            "<a><b//></a>",
            "<a><b></a>",
            "<a><b/>",
            "<a><b/></c>",
            "</a>",
            "a<a/>",
            "<a/><a/>",
            "<a></a><b></b>",
            "<!DOCTYPE a [<!ENTITY b \"b\">]><a><c/></a>",
        ] {
            taken(text).expect_err(text);
        }
    }

    #[test]
    fn refuses_what_never_ends() {
        let endless = b"<a><b>".chain(std::io::repeat(b'x'));
        let mut fragments = Fragments::open(endless).expect("it begins well");
        assert!(fragments.next().expect("its tag is there").is_some());
        fragments.take().expect_err("more than any record has");
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_what_it_gives_stands_in_the_document(
            text in "(<[ab/]{1,2}>|<a b=\"[a-z&;]{0,3}\"/?>|[a-z&;\u{e9}]{0,4}|<!--|-->|]]>|<!\\[CDATA\\[|</a >){0,14}"
        ) {
            for fragment in taken(&text).unwrap_or_default() {
                proptest::prop_assert!(text.contains(&fragment), "{fragment}");
            }
        }

        #[test]
        fn cuts_as_the_parser_does(
            text in "<b>(<[abc]>|</[abc]>|<a b=\">\"/>|[a-z&;]{0,4}|<!--|-->|]]>|<!\\[CDATA\\[|</b >){0,10}</b>"
        ) {
            let child = Child { name: "b".to_owned(), tag: 3, ends: None };
            if let Ok(Some(parsed)) = parsed_end(text.as_bytes(), 0) {
                proptest::prop_assert_eq!(end(text.as_bytes(), &child, 0).ok(), Some(Some(parsed)));
            }
        }
    }
}
