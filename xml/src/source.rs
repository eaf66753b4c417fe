//! A document's text and places in it. Line and column exist only when something is shown.

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
        Self { name, text, fault }
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
        if let Some(fault) = fault {
            return Self { name: name.into(), text: String::new(), fault: Some((0, fault)) };
        }
        match String::from_utf8(bytes) {
            Ok(text) => Self::new(name, text),
            Err(error) => {
                let at = error.utf8_error().valid_up_to() as u32;
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                Self { name: name.into(), text, fault: Some((at, EncodingFault::NotUtf8)) }
            }
        }
    }

    /// The name shown in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Why the bytes could not be read as text, and from where on.
    pub(crate) fn fault(&self) -> Option<(u32, EncodingFault)> {
        self.fault
    }

    /// Where byte `offset` stands.
    pub fn position(&self, offset: u32) -> Position {
        let at = self.text.floor_char_boundary(offset as usize);
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = memchr::memchr_iter(b'\n', before.as_bytes()).count() + 1;
        Position { line: line as u32, column: before[line_start..].chars().count() as u32 + 1 }
    }
}
