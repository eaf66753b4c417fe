//! Elements and attributes of a document that is known to be right, by their bytes.
//!
//! It knows nothing of the schema and shares nothing with the reader under test.

use std::ops::Range;

/// An element.
#[derive(Clone, Debug)]
pub struct Element {
    pub name: String,
    /// From `<` to the end of the end tag.
    pub whole: Range<usize>,
    /// The name in the start tag.
    pub name_at: Range<usize>,
    /// The start tag.
    pub tag: Range<usize>,
    /// Between the tags; empty where there is no end tag.
    pub content: Range<usize>,
    pub attributes: Vec<Attribute>,
    /// Index of the element around it.
    pub parent: Option<usize>,
    pub children: Vec<usize>,
    /// Whether it is below `<metadata>`.
    pub foreign: bool,
}

/// An attribute.
#[derive(Clone, Debug)]
pub struct Attribute {
    pub name: String,
    /// From the name to the closing quote.
    pub whole: Range<usize>,
    pub value: Range<usize>,
}

impl Element {
    /// Whether it has no end tag.
    pub fn is_empty_tag(&self) -> bool {
        self.tag.end == self.whole.end
    }
}

/// Every element, in the order of the start tags.
pub fn elements(text: &str) -> Vec<Element> {
    let bytes = text.as_bytes();
    let mut found: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].find('<') {
        at += next;
        if text[at..].starts_with("<!--") {
            at += text[at..].find("-->").expect("comments are closed") + 3;
        } else if text[at..].starts_with("<?") {
            at += text[at..].find("?>").expect("instructions are closed") + 2;
        } else if bytes[at + 1] == b'/' {
            let end = at + text[at..].find('>').expect("tags are closed") + 1;
            let element = open.pop().expect("end tags match");
            found[element].content.end = at;
            found[element].whole.end = end;
            at = end;
        } else {
            at = start_tag(text, at, &mut found, &mut open);
        }
    }
    found
}

fn start_tag(text: &str, start: usize, found: &mut Vec<Element>, open: &mut Vec<usize>) -> usize {
    let bytes = text.as_bytes();
    let name_end = start + text[start..].find([' ', '\n', '/', '>']).expect("tags are closed");
    let mut at = name_end;
    let mut attributes = Vec::new();
    loop {
        while bytes[at].is_ascii_whitespace() {
            at += 1;
        }
        if bytes[at] == b'/' || bytes[at] == b'>' {
            break;
        }
        let equals = at + text[at..].find('=').expect("attributes have values");
        let value = equals + 2;
        let end = value + text[value..].find(char::from(bytes[equals + 1])).expect("values are closed");
        attributes.push(Attribute {
            name: text[at..equals].to_owned(),
            whole: at..end + 1,
            value: value..end,
        });
        at = end + 1;
    }
    let empty = bytes[at] == b'/';
    let end = at + 1 + usize::from(empty);
    let parent = open.last().copied();
    let index = found.len();
    let foreign = parent.is_some_and(|parent| found[parent].foreign || found[parent].name == "metadata");
    if let Some(parent) = parent {
        found[parent].children.push(index);
    }
    found.push(Element {
        name: text[start + 1..name_end].to_owned(),
        whole: start..end,
        name_at: start + 1..name_end,
        tag: start..end,
        content: end..end,
        attributes,
        parent,
        children: Vec::new(),
        foreign,
    });
    if !empty {
        open.push(index);
    }
    end
}
