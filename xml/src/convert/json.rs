//! Where in a JSON text a value stands: the parser that reads it does not say.

use std::collections::HashMap;

use crate::source::Span;

/// The places of all values of a text, noted in one pass.
pub(super) struct Places {
    nodes: Vec<Node>,
}

/// A value: where it stands, and its parts. An object's member is shown with its key.
struct Node {
    span: Span,
    parts: Parts,
}

enum Parts {
    None,
    Members(HashMap<String, usize>),
    Entries(Vec<usize>),
}

impl Places {
    /// The places of `text`, which a parser has taken for JSON, or has not: then of what could be followed.
    pub(super) fn of(text: &str) -> Self {
        let mut walker = Walker { bytes: text.as_bytes(), at: 0, nodes: Vec::new() };
        walker.blank();
        let span = Span::new(walker.at, (walker.at + 1).min(text.len()));
        let root = walker.note(span);
        // What is no JSON is said by the parser.
        let _whole = walker.value(root, 0);
        Self { nodes: walker.nodes }
    }

    /// The place of the value that `pointer` (`/process/args/0`) names, or of the innermost one on the
    /// way that is there.
    pub(super) fn place(&self, pointer: &str) -> Span {
        let mut found = 0;
        for part in pointer.split('/').skip(1) {
            let next = match &self.nodes[found].parts {
                Parts::None => None,
                Parts::Members(members) => members.get(&part.replace("~1", "/").replace("~0", "~")),
                Parts::Entries(entries) => part.parse::<usize>().ok().and_then(|index| entries.get(index)),
            };
            match next {
                Some(next) => found = *next,
                None => break,
            }
        }
        self.nodes[found].span
    }

    /// How many values were noted.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.nodes.len()
    }
}

/// What RFC 6901 writes for a key.
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Deeper values are passed over; the parser of the text stops at as many.
const DEPTH: usize = 128;

struct Walker<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
}

impl Walker<'_> {
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    fn blank(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    fn note(&mut self, span: Span) -> usize {
        self.nodes.push(Node { span, parts: Parts::None });
        self.nodes.len() - 1
    }

    /// Passes over the value here, whose node is `node`; `None` where that is no JSON.
    fn value(&mut self, node: usize, depth: usize) -> Option<()> {
        match self.peek() {
            b'{' if depth < DEPTH => self.members(node, depth),
            b'[' if depth < DEPTH => self.entries(node, depth),
            b'{' | b'[' | b'}' | b']' | b',' | b':' | 0 => None,
            b'"' => {
                self.string();
                Some(())
            }
            _ => {
                while !matches!(self.peek(), b',' | b'}' | b']' | 0 | b' ' | b'\n' | b'\r' | b'\t') {
                    self.at += 1;
                }
                Some(())
            }
        }
    }

    fn members(&mut self, node: usize, depth: usize) -> Option<()> {
        self.nodes[node].parts = Parts::Members(HashMap::new());
        self.at += 1;
        loop {
            self.blank();
            if self.peek() == b'}' {
                self.at += 1;
                return Some(());
            }
            if self.peek() != b'"' {
                return None;
            }
            let start = self.at;
            self.string();
            let written = std::str::from_utf8(&self.bytes[start..self.at]).ok()?;
            let key: String = serde_json::from_str(written).ok()?;
            let part = self.note(Span::new(start, self.at));
            // Of a key that stands there twice the first place is told.
            if let Parts::Members(members) = &mut self.nodes[node].parts {
                let _first = members.entry(key).or_insert(part);
            }
            self.blank();
            if self.peek() != b':' {
                return None;
            }
            self.at += 1;
            self.blank();
            self.value(part, depth + 1)?;
            self.blank();
            match self.peek() {
                b',' => self.at += 1,
                b'}' => {}
                _ => return None,
            }
        }
    }

    fn entries(&mut self, node: usize, depth: usize) -> Option<()> {
        let mut entries = Vec::new();
        self.at += 1;
        let whole = loop {
            self.blank();
            if self.peek() == b']' {
                self.at += 1;
                break Some(());
            }
            let start = self.at;
            let part = self.note(Span::new(start, start));
            let passed = self.value(part, depth + 1);
            // A long entry is shown by where it begins.
            let line = self.bytes[start..self.at].iter().position(|&byte| byte == b'\n');
            self.nodes[part].span = Span::new(start, line.map_or(self.at, |line| start + line));
            if self.at > start {
                entries.push(part);
            }
            if passed.is_none() {
                break None;
            }
            self.blank();
            match self.peek() {
                b',' => self.at += 1,
                b']' => {}
                _ => break None,
            }
        };
        self.nodes[node].parts = Parts::Entries(entries);
        whole
    }

    fn string(&mut self) {
        self.at += 1;
        while self.at < self.bytes.len() {
            match self.peek() {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at = (self.at + 1).min(self.bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_finds_its_member_and_its_entry() {
        let text =
            "{ \"a\": {\"b]\": [1, \"x\\\"y\", {\"c/d\": true}]},\n \"z\": null, \"e\": {}, \"f\": [[],2] }";
        let places = Places::of(text);
        let at = |pointer: &str| {
            let span = places.place(pointer);
            &text[span.start as usize..span.end as usize]
        };
        assert_eq!(at(""), "{");
        assert_eq!(at("/z"), "\"z\"");
        assert_eq!(at("/a/b]"), "\"b]\"");
        assert_eq!(at("/a/b]/1"), "\"x\\\"y\"");
        assert_eq!(at("/a/b]/2/c~1d"), "\"c/d\"");
        assert_eq!(at("/a/missing/deeper"), "\"a\"");
        assert_eq!(at("/f/1"), "2");
        assert_eq!(at("/f/0/5"), "[]");
        assert_eq!(places.len(), 12);
    }

    #[test]
    fn what_is_no_json_has_the_places_before_the_fault() {
        for text in
            ["", "[", "{", "{\"a\"", "{\"a\": [1, }", "{\"a\": \"\\", "[1 2]", "{\"a\":1 \"b\":2}", "nul"]
        {
            let places = Places::of(text);
            let end = text.len() as u32;
            assert!(
                ["", "/a", "/0", "/a/0"].iter().all(|pointer| places.place(pointer).end <= end),
                "{text}"
            );
        }
        let deep = "[".repeat(100_000);
        assert!(Places::of(&deep).len() <= DEPTH + 1);
    }
}
