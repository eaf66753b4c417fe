//! A document's text and places in it. Line and column exist only when something is shown.

use std::sync::OnceLock;

use crate::bytes;
use crate::limits;

/// A range of bytes in a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// From `start` up to `end`, exclusive.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// How many bytes it is long.
    pub(crate) const fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

/// A line and a column, both counted from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// Why bytes are not a text that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EncodingFault {
    /// Not UTF-8 from this byte on.
    NotUtf8,
    /// Begins like UTF-16.
    Utf16,
    /// Begins like UTF-32.
    Utf32,
    /// Longer than [`limits::DOCUMENT_BYTES`].
    TooLong,
}

/// A document: its name for messages, and its text.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    text: String,
    fault: Option<(u32, EncodingFault)>,
    /// Every so many bytes a place, for documents in which counting from the start takes long.
    marks: OnceLock<Vec<Mark>>,
    /// Whether findings show its lines.
    quoted: bool,
}

/// How many bytes there are from mark to mark.
const STRIDE: usize = 64 << 10;

/// What is known of a byte.
#[derive(Clone, Copy, Debug)]
struct Mark {
    /// How many lines end before it.
    lines: usize,
    /// How many characters of its line stand before it.
    characters: usize,
}

impl Source {
    /// A document named `name` (a path, or `-` for standard input).
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let (name, mut text) = (name.into(), text.into());
        let mut fault = None;
        if text.len() > limits::DOCUMENT_BYTES {
            text.clear();
            fault = Some((0, EncodingFault::TooLong));
        }
        Self { name, text, fault, marks: OnceLock::new(), quoted: true }
    }

    /// A document as read from a file. Bytes that are not UTF-8 make a document whose only
    /// diagnostic says so.
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        let fault = match bytes.as_slice() {
            bytes if bytes.len() > limits::DOCUMENT_BYTES => Some(EncodingFault::TooLong),
            [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] | [0, 0, 0, b'<', ..] => {
                Some(EncodingFault::Utf32)
            }
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [b'<', 0, ..] | [0, b'<', ..] => Some(EncodingFault::Utf16),
            _ => None,
        };
        let faulty = |name: String, text: String, at: u32, fault: EncodingFault| Self {
            name,
            text,
            fault: Some((at, fault)),
            marks: OnceLock::new(),
            quoted: true,
        };
        if let Some(fault) = fault {
            return faulty(name.into(), String::new(), 0, fault);
        }
        match String::from_utf8(bytes) {
            Ok(text) => Self::new(name, text),
            Err(error) => {
                let at = error.utf8_error().valid_up_to() as u32;
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                faulty(name.into(), text, at, EncodingFault::NotUtf8)
            }
        }
    }

    /// The same, of which no finding shows a line: whoever sees the findings need not be allowed to read it.
    pub(crate) fn unquoted(self) -> Self {
        Self { quoted: false, ..self }
    }

    /// Whether findings show its lines.
    pub(crate) fn is_quoted(&self) -> bool {
        self.quoted
    }

    /// The name shown in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text's memory, for the next document.
    pub fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }

    /// Why the bytes could not be read as text, and from where on.
    pub(crate) fn fault(&self) -> Option<(u32, EncodingFault)> {
        self.fault
    }

    /// Where byte `offset` stands.
    pub fn position(&self, offset: u32) -> Position {
        let at = self.text.floor_char_boundary(offset as usize);
        let known = if at < STRIDE {
            Mark { lines: 0, characters: 0 }
        } else {
            self.marks.get_or_init(|| self.marks())[at / STRIDE]
        };
        let Mark { lines, characters } = known.after(&self.text.as_bytes()[at / STRIDE * STRIDE..at]);
        Position { line: lines as u32 + 1, column: characters as u32 + 1 }
    }

    fn marks(&self) -> Vec<Mark> {
        let mut mark = Mark { lines: 0, characters: 0 };
        let mut all = vec![mark];
        for part in self.text.as_bytes().chunks_exact(STRIDE) {
            mark = mark.after(part);
            all.push(mark);
        }
        all
    }
}

impl Mark {
    /// What is known behind `bytes`, which need not begin or end with a whole character.
    fn after(self, bytes: &[u8]) -> Self {
        // A character is counted by its first byte.
        let characters = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
        match bytes::find_last(b'\n', bytes) {
            Some(last) => Self {
                lines: self.lines + bytes::count(b'\n', bytes),
                characters: characters(&bytes[last + 1..]),
            },
            None => Self { characters: self.characters + characters(bytes), ..self },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_far_into_a_document_is_counted_from_its_start() {
        let long = format!("{}\n{}é{}", "é\n".repeat(40_000), "ü".repeat(90_001), "x\ny".repeat(30_000));
        let source = Source::new("long.xml", long.clone());
        for at in
            [0, 1, 2, 65_535, 65_536, 65_537, 119_999, 120_001, 131_071, 131_072, 250_000, long.len() - 1]
        {
            let at = long.floor_char_boundary(at);
            let line = long[..at].matches('\n').count() as u32 + 1;
            let start = long[..at].rfind('\n').map_or(0, |at| at + 1);
            let column = long[start..at].chars().count() as u32 + 1;
            assert_eq!(source.position(at as u32), Position { line, column }, "at {at}");
        }
    }
}
