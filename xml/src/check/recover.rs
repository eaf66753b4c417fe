//! Elements that end before anything says so.

use super::{Checker, Mode, Sink};
use crate::bytes;
use crate::schema::{Child, Content};
use crate::source::Span;

/// How far the end tag of a text may be: texts are short.
const SOON: usize = 4096;

impl<S: Sink> Checker<'_, S> {
    /// Whether the innermost element was meant to end before this tag, which belongs into the
    /// element around it: then it is closed. A text without end tag is reported here; a tag without
    /// its bracket was before.
    #[cold]
    pub(super) fn ends_before(&mut self, name: Span) -> bool {
        let [.., around, inner] = &self.frames[..] else { return false };
        let (inner, around) = (*inner, *around);
        let (Mode::Row(row, _), Mode::Row(around, _)) = (inner.mode, around.mode) else { return false };
        let known = |child: &Child| child.element.name.as_bytes() == self.lexer.bytes(name);
        if !around.children().iter().any(known) {
            return false;
        }
        let start = name.start - 1;
        if inner.excused {
            self.forgive(inner.name);
            self.pop(start);
            return true;
        }
        if !matches!(row.content, Content::Text(_)) || self.closes_later(inner.name, name) {
            return false;
        }
        self.unclosed(inner, Span { start, end: name.end });
        self.pop(start);
        true
    }

    /// Keeps in mind that the end tag of `name` needs no mention; as many as there may be mentions.
    pub(super) fn forgive(&mut self, name: Span) {
        if self.forgiven.len() < crate::limits::DIAGNOSTICS {
            self.forgiven.push(name);
        }
    }

    /// Whether an end tag of this name follows, and no start tag of this name before it.
    fn closes_later(&self, name: Span, tag: Span) -> bool {
        let name = self.lexer.bytes(name);
        if name == self.lexer.bytes(tag) {
            return false;
        }
        let rest = &self.text.as_bytes()[tag.end as usize..];
        let rest = &rest[..rest.len().min(SOON)];
        let ends = |byte: &u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'-' | b'.' | b':');
        for at in bytes::find_words(name, rest) {
            let whole = rest.get(at + name.len()).is_none_or(ends);
            match rest[..at] {
                [.., b'<', b'/'] if whole => return true,
                [.., b'<'] if whole => return false,
                _ => {}
            }
        }
        false
    }
}
