//! One record as a tree of elements, out of which some are cut; all the rest stays as the upstream wrote it.

use quick_xml::events::Event;
use quick_xml::{Reader, Writer};

use super::super::fragments::Tag;
use super::super::xml::Unreadable;

/// No record is nested so deep.
const DEEPEST: usize = 32;

/// An element with all that it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) tag: Tag,
    children: Vec<Node>,
    /// The end tag; none if the start tag is its own end.
    end: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Element(Element),
    /// Text, comments and the like, raw.
    Other(String),
}

impl Element {
    /// Reads one element.
    pub(super) fn parse(text: &str) -> Result<Self, Unreadable> {
        let mut reader = Reader::from_str(text);
        let mut open: Vec<Self> = vec![Self::default()];
        loop {
            let at = reader.buffer_position();
            let unexpected = |what| Unreadable::Unexpected { at, what };
            let failed = |source| Unreadable::Xml { at, source: Box::new(source) };
            match reader.read_event().map_err(failed)? {
                Event::Start(_) if open.len() > DEEPEST => {
                    return Err(unexpected("elements nested too deep"));
                }
                Event::Start(start) => {
                    open.push(Self { tag: Tag::read(&start, at)?, ..Self::default() });
                }
                Event::Empty(start) => {
                    let child = Self { tag: Tag::read(&start, at)?, ..Self::default() };
                    put(&mut open, Node::Element(child));
                }
                Event::End(end) => {
                    if let Some(mut done) = open.pop() {
                        done.end = Some(end.to_string());
                        put(&mut open, Node::Element(done));
                    }
                }
                Event::Eof => break,
                event => {
                    let mut raw = Writer::new(Vec::new());
                    // A vector takes all that is written, and what was text stays text.
                    drop(raw.write_event(event));
                    let raw = String::from_utf8_lossy(&raw.into_inner()).into_owned();
                    put(&mut open, Node::Other(raw));
                }
            }
        }
        let unexpected = |what| Unreadable::Unexpected { at: text.len() as u64, what };
        let ended = open.len() == 1;
        let document = open.pop().filter(|_| ended);
        let document = document.ok_or_else(|| unexpected("its end too early"))?;
        let mut elements = document.children.into_iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Other(_) => None,
        });
        elements.next().ok_or_else(|| unexpected("no element"))
    }

    /// Lists the children that are elements.
    pub(super) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Other(_) => None,
        })
    }

    /// Lists the children that are elements, to be cut themselves.
    pub(super) fn elements_mut(&mut self) -> impl Iterator<Item = &mut Self> {
        self.children.iter_mut().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Other(_) => None,
        })
    }

    /// Returns the first child of that name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.elements().find(|element| element.tag.name == name)
    }

    /// Returns the text right inside, where it has no entities.
    pub(super) fn text(&self) -> String {
        let text = self.children.iter().filter_map(|node| match node {
            Node::Other(text) => Some(text.as_str()),
            Node::Element(_) => None,
        });
        text.collect::<String>().trim().to_owned()
    }

    /// Removes the children that are not to be kept, each with the white space before it.
    pub(super) fn retain(&mut self, keep: impl Fn(&Self) -> bool) {
        let mut kept: Vec<Node> = Vec::with_capacity(self.children.len());
        for node in std::mem::take(&mut self.children) {
            match &node {
                Node::Element(element) if !keep(element) => {
                    let blank =
                        matches!(kept.last(), Some(Node::Other(text)) if text.trim().is_empty());
                    if blank {
                        kept.pop();
                    }
                }
                _ => kept.push(node),
            }
        }
        self.children = kept;
    }

    /// Writes it as it was read.
    pub(super) fn write(&self, out: &mut String) {
        let Some(end) = &self.end else {
            out.extend(["<", &self.tag.raw, "/>"]);
            return;
        };
        out.extend(["<", &self.tag.raw, ">"]);
        for node in &self.children {
            match node {
                Node::Element(element) => element.write(out),
                Node::Other(text) => out.push_str(text),
            }
        }
        out.extend(["</", end, ">"]);
    }
}

fn put(open: &mut [Element], node: Node) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_it_read_and_cuts_what_it_is_told() {
        let text = "<a x='1'> <b/>\n  <c >1 &amp; 2</c><!-- d --><b>3</b>\n</a>";
        let mut element = Element::parse(text).expect("well-formed");
        let mut written = String::new();
        element.write(&mut written);
        assert_eq!(written, text);
        assert_eq!(element.child("c").map(Element::text), Some("1 &amp; 2".to_owned()));
        element.retain(|child| child.tag.name != "b");
        let mut written = String::new();
        element.write(&mut written);
        assert_eq!(written, "<a x='1'>\n  <c >1 &amp; 2</c><!-- d -->\n</a>");
    }

    #[test]
    fn refuses_what_is_nested_without_end() {
        let text = "<a>".repeat(1000) + &"</a>".repeat(1000);
        Element::parse(&text).expect_err("too deep");
        Element::parse("<a><b></b>").expect_err("it does not end");
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "(<[ab/]{1,2}>|<a b=\"[a-z&;]{0,3}\"/?>|[a-z&;]{0,4}|<!--|-->){0,14}") {
            drop(Element::parse(&text));
        }
    }
}
