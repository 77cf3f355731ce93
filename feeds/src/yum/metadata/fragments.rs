//! The children of a document's root, one after another, byte for byte as the upstream wrote them.
//!
//! Documents have hundreds of megabytes: only the child that is looked at is in memory, and one that is passed over not
//! even that.

use std::collections::BTreeMap;
use std::io::BufRead;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, Writer};

use super::super::record::{Unreadable, attributes};

/// No package has so much to tell; more is an attack.
const LARGEST: usize = 64 << 20;

/// The start tag of an element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::yum) struct Tag {
    /// Its name, without what stands before the colon.
    pub(in crate::yum) name: String,
    /// Its attributes.
    pub(in crate::yum) attributes: BTreeMap<String, String>,
    /// What stands between `<` and `>`.
    pub(in crate::yum) raw: String,
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
    pub(in crate::yum) fn full_name(&self) -> &str {
        self.raw.split([' ', '\t', '\r', '\n']).next().unwrap_or_default()
    }
}

fn is_name(text: &str) -> bool {
    let fits = |one: char| one.is_alphanumeric() || matches!(one, ':' | '_' | '-' | '.');
    !text.is_empty() && text.chars().all(fits)
}

/// Where the reader stands.
enum At {
    /// Between two children.
    Between,
    /// Behind the start tag of a child, whose raw form this is.
    Inside(BytesStart<'static>),
    /// Behind a child that is its own end.
    Whole(BytesStart<'static>),
    /// Behind the root.
    End,
}

/// Reads the children of a document's root.
pub(in crate::yum) struct Fragments<R> {
    reader: Reader<R>,
    buffer: Vec<u8>,
    root: Tag,
    at: At,
}

impl<R: BufRead> Fragments<R> {
    /// Reads up to the first child.
    pub(in crate::yum) fn open(input: R) -> Result<Self, Unreadable> {
        let mut all = Self {
            reader: Reader::from_reader(input),
            buffer: Vec::new(),
            root: Tag::default(),
            at: At::Between,
        };
        loop {
            let at = all.reader.buffer_position();
            match all.event()? {
                Event::Start(start) => {
                    all.root = Tag::read(&start.into_owned(), at)?;
                    return Ok(all);
                }
                Event::Empty(start) => {
                    all.root = Tag::read(&start.into_owned(), at)?;
                    all.at = At::End;
                    return Ok(all);
                }
                Event::Eof => return Err(all.unexpected("no root")),
                _ => {}
            }
        }
    }

    /// Returns the start tag of the root.
    pub(in crate::yum) fn root(&self) -> &Tag {
        &self.root
    }

    /// Goes to the next child, past the one that was not taken.
    pub(in crate::yum) fn next(&mut self) -> Result<Option<Tag>, Unreadable> {
        if matches!(self.at, At::End) {
            return Ok(None);
        }
        if let At::Inside(start) = std::mem::replace(&mut self.at, At::Between) {
            let at = self.reader.buffer_position();
            self.buffer.clear();
            let end = start.to_end();
            let skipped = self.reader.read_to_end_into(end.name(), &mut self.buffer);
            skipped.map_err(|source| Unreadable::Xml { at, source: Box::new(source) })?;
        }
        loop {
            let at = self.reader.buffer_position();
            match self.event()? {
                Event::Start(start) => {
                    let start = start.into_owned();
                    let tag = Tag::read(&start, at)?;
                    self.at = At::Inside(start);
                    return Ok(Some(tag));
                }
                Event::Empty(start) => {
                    let start = start.into_owned();
                    let tag = Tag::read(&start, at)?;
                    self.at = At::Whole(start);
                    return Ok(Some(tag));
                }
                Event::End(_) => {
                    self.at = At::End;
                    return Ok(None);
                }
                Event::Eof => return Err(self.unexpected("its end too early")),
                _ => {}
            }
        }
    }

    /// Takes the child that `next` went to, whole; only blanks within end tags are lost.
    pub(in crate::yum) fn take(&mut self) -> Result<String, Unreadable> {
        let mut writer = Writer::new(Vec::new());
        // A vector takes all that is written.
        let full = |_| Unreadable::Unexpected { at: 0, what: "more than fits" };
        match std::mem::replace(&mut self.at, At::Between) {
            At::Inside(start) => {
                writer.write_event(Event::Start(start)).map_err(full)?;
                let mut depth = 1_usize;
                while depth > 0 {
                    let event = self.event()?;
                    match event {
                        Event::Start(_) => depth += 1,
                        Event::End(_) => depth -= 1,
                        Event::Eof => return Err(self.unexpected("its end too early")),
                        _ => {}
                    }
                    writer.write_event(event).map_err(full)?;
                    if writer.get_ref().len() > LARGEST {
                        return Err(self.unexpected("a record that is too large"));
                    }
                }
            }
            At::Whole(start) => writer.write_event(Event::Empty(start)).map_err(full)?,
            at => self.at = at,
        }
        let wrong = |_| self.unexpected("what is not UTF-8");
        String::from_utf8(writer.into_inner()).map_err(wrong)
    }

    fn event(&mut self) -> Result<Event<'_>, Unreadable> {
        self.buffer.clear();
        let at = self.reader.buffer_position();
        match self.reader.read_event_into(&mut self.buffer) {
            // Groups name theirs, which nobody fetches; one that stands in the document itself could make it grow.
            Ok(Event::DocType(kind)) if kind.contains('[') => {
                Err(Unreadable::Unexpected { at, what: "a document type of its own" })
            }
            Ok(event) => Ok(event),
            Err(source) => Err(Unreadable::Xml { at, source: Box::new(source) }),
        }
    }

    fn unexpected(&self, what: &'static str) -> Unreadable {
        Unreadable::Unexpected { at: self.reader.buffer_position(), what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "<?xml version=\"1.0\"?>\n<!-- made -->\n<m:all  xmlns:m='x' packages=\"3\">\n  <a n = '1'/>\
        <b>x &amp; y<![CDATA[</b>]]><b c=\">\"></b><!-- </b> --></b>\n<c  ></c></m:all>\n";

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
            "<c  ></c>",
        ];
        assert_eq!(all, expected);
        let fragments = Fragments::open(TEXT.as_bytes()).expect("well-formed");
        assert_eq!(fragments.root().attributes["packages"], "3");
        assert_eq!(
            (fragments.root().name.as_str(), fragments.root().full_name()),
            ("all", "m:all")
        );
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
    fn refuses_what_ends_early_and_document_types() {
        for end in [TEXT.len() - 12, TEXT.len() - 40, 30] {
            taken(&TEXT[..end]).expect_err("it is cut");
        }
        for text in ["<a//>", "<\u{c} />", "<a><b//></a>"] {
            taken(text).expect_err("no element is called so");
        }
        taken("<!DOCTYPE a [<!ENTITY b \"b\">]><a><c/></a>").expect_err("it has a document type");
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_what_it_gives_stands_in_the_document(
            text in "(<[ab/]{1,2}>|<a b=\"[a-z&;]{0,3}\"/?>|[a-z&;]{0,4}|<!--|-->|]]>|<!\\[CDATA\\[){0,14}"
        ) {
            for fragment in taken(&text).unwrap_or_default() {
                proptest::prop_assert!(text.contains(&fragment), "{fragment}");
            }
        }
    }
}
