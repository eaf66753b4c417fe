//! The inside of a start tag.

use super::{Lexer, RawAttribute, TagEnd, is_name_start, is_space};
use crate::codes::Code;
use crate::limits;
use crate::report::Diagnostic;
use crate::source::Span;

impl Lexer<'_> {
    /// Reads the attributes and the end of a start tag; attributes go into `out`.
    pub(crate) fn attributes(&mut self, tag: usize, out: &mut Vec<RawAttribute>) -> TagEnd {
        out.clear();
        loop {
            let spaced = self.peek().is_some_and(is_space);
            self.skip_space();
            match self.peek() {
                Some(b'>') => {
                    self.at += 1;
                    return TagEnd::Open;
                }
                Some(b'/') if self.text.get(self.at + 1) == Some(&b'>') => {
                    self.at += 2;
                    return TagEnd::Empty;
                }
                Some(b'<') | None => {
                    // The name is where the tag is recognised; what follows belongs to the next one.
                    let end = self.text[..self.at].trim_ascii_end().len().max(tag + 1);
                    self.fault(Code::BadTag, tag, end, "this tag has no '>'");
                    return TagEnd::Missing;
                }
                Some(_) => {}
            }
            let start = self.at;
            let Some(attribute) = self.attribute_syntax() else { continue };
            if !spaced {
                self.fault(
                    Code::BadAttribute,
                    start,
                    self.at,
                    "white space is missing before this attribute",
                );
            }
            self.keep(attribute, out);
        }
    }

    #[inline]
    fn keep(&mut self, mut attribute: RawAttribute, out: &mut Vec<RawAttribute>) {
        if out.len() > limits::ATTRIBUTES {
            // Said already; to compare each with all would take time in the square of their number.
            return;
        }
        let name = self.bytes(attribute.name);
        if let Some(first) = out.iter().find(|other| self.bytes(other.name) == name) {
            let first = first.name;
            let name = String::from_utf8_lossy(name).into_owned();
            let span = Span { start: attribute.name.start, end: attribute.value.end };
            let message = format!("the attribute '{name}' stands here twice");
            let fault = Diagnostic::error(Code::DuplicateAttribute, span, message);
            return self.keep_fault(fault.label(first, "first written here"));
        }
        if out.len() == limits::ATTRIBUTES {
            self.fault(
                Code::Limit,
                attribute.name.start as usize,
                attribute.name.end as usize,
                format!("more than {} attributes on one element", limits::ATTRIBUTES),
            );
        }
        if out.len() <= limits::ATTRIBUTES {
            attribute.faulty |= out.len() == limits::ATTRIBUTES;
            out.push(attribute);
        }
    }

    /// `Name S? '=' S? ('"' [^<&"]* '"' | "'" [^<&']* "'")`. `None` where nothing like it stands.
    #[inline]
    pub(super) fn attribute_syntax(&mut self) -> Option<RawAttribute> {
        let start = self.at;
        if !self.peek().is_some_and(is_name_start) {
            return self.no_attribute(start);
        }
        let name = self.name(Code::BadAttribute);
        self.skip_space();
        if self.peek() != Some(b'=') {
            self.at = name.end as usize;
            self.fault(
                Code::BadAttribute,
                start,
                name.end as usize,
                format!("the attribute '{}' has no value", String::from_utf8_lossy(self.bytes(name))),
            );
            return Some(RawAttribute {
                name,
                value: Span::new(self.at, self.at),
                encoded: false,
                faulty: true,
            });
        }
        self.at += 1;
        self.skip_space();
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => Some(self.quoted_value(name, quote)),
            _ => Some(self.unquoted_value(name)),
        }
    }

    #[cold]
    fn no_attribute(&mut self, start: usize) -> Option<RawAttribute> {
        let stop = |&byte: &u8| is_space(byte) || matches!(byte, b'>' | b'<') || is_name_start(byte);
        let length =
            self.text[start..].iter().skip(1).position(stop).map_or(self.text.len() - start, |at| at + 1);
        self.at = start + length;
        self.fault(Code::BadTag, start, self.at, "this does not belong into a tag");
        None
    }

    #[inline]
    fn quoted_value(&mut self, name: Span, quote: u8) -> RawAttribute {
        let start = self.at + 1;
        let before = self.fault_count();
        let mut encoded = false;
        let mut end = start;
        // Up to where a '<' before was found harmless.
        let mut judged = start;
        loop {
            match self.text.get(end) {
                Some(&byte) if byte == quote => break,
                Some(b'<') => {
                    if let Some(attribute) = self.suspect_value(name, start, judged, end) {
                        return attribute;
                    }
                    judged = end;
                }
                Some(b'&' | b'\n' | b'\t' | b'\r') => encoded = true,
                Some(_) => {}
                None => {
                    if let Some(attribute) = self.suspect_value(name, start, judged, end) {
                        return attribute;
                    }
                    break;
                }
            }
            end += 1;
        }
        if end > start
            && self.text[end - 1] == b'='
            && let Some(attribute) = self.swallowed_attribute(name, start, end)
        {
            return attribute;
        }
        self.at = (end + 1).min(self.text.len());
        if encoded {
            self.check_references(start, end);
        }
        RawAttribute { name, value: Span::new(start, end), encoded, faulty: self.fault_count() > before }
    }

    /// A value that ends with `NAME=` and is followed by more of a value: the quote before NAME is
    /// missing. Reading goes on there.
    #[cold]
    fn swallowed_attribute(&mut self, name: Span, start: usize, end: usize) -> Option<RawAttribute> {
        let follows = self.text.get(end + 1).copied()?;
        if is_space(follows) || matches!(follows, b'/' | b'>' | b'?') {
            return None;
        }
        let value = &self.text[start..end - 1];
        let blank = value.iter().rposition(|&byte| is_space(byte))?;
        let next = &value[blank + 1..];
        if !next.first().is_some_and(|&byte| is_name_start(byte))
            || !next.iter().all(|&byte| super::is_name(byte))
        {
            return None;
        }
        let stop = start + self.text[start..start + blank].trim_ascii_end().len();
        let message =
            format!("the value of '{}' has no closing quote", String::from_utf8_lossy(self.bytes(name)));
        self.fault(Code::BadAttribute, name.start as usize, stop, message);
        self.at = stop;
        Some(RawAttribute { name, value: Span::new(start, stop), encoded: false, faulty: true })
    }

    /// A value with `<` in it, or without end: either the closing quote is missing, then the value
    /// ends with its tag; or the character stands in the value, then it is reported and passed.
    #[cold]
    fn suspect_value(&mut self, name: Span, start: usize, judged: usize, end: usize) -> Option<RawAttribute> {
        let value = &self.text[start..end];
        let close = self.text[judged..end].iter().position(|byte| matches!(byte, b'>' | b'\n'));
        let close = close.map(|at| judged - start + at);
        if let Some(close) = close.or((end == self.text.len()).then_some(value.len())) {
            let slash = close > 0 && value[close - 1] == b'/' && value.get(close) == Some(&b'>');
            let stop = start + close - usize::from(slash);
            self.fault(
                Code::BadAttribute,
                name.start as usize,
                stop,
                format!("the value of '{}' has no closing quote", String::from_utf8_lossy(self.bytes(name))),
            );
            self.at = stop;
            return Some(RawAttribute { name, value: Span::new(start, stop), encoded: false, faulty: true });
        }
        self.fault_help(
            Code::BadAttribute,
            end,
            end + 1,
            "'<' stands in an attribute's value",
            "write '&lt;' for the character itself",
        );
        None
    }

    #[cold]
    fn unquoted_value(&mut self, name: Span) -> RawAttribute {
        let start = self.at;
        let stop = |&byte: &u8| is_space(byte) || matches!(byte, b'>' | b'<');
        let rest = &self.text[start..];
        let mut length = rest.iter().position(stop).unwrap_or(rest.len());
        if length > 0 && rest[length - 1] == b'/' && rest.get(length) == Some(&b'>') {
            length -= 1;
        }
        self.at = start + length;
        let shown = String::from_utf8_lossy(self.bytes(name)).into_owned();
        let what = if length == 0 { "no value" } else { "no quotes around its value" };
        let message = format!("the attribute '{shown}' has {what}");
        self.fault(Code::BadAttribute, name.start as usize, self.at, message);
        RawAttribute { name, value: Span::new(start, self.at), encoded: false, faulty: true }
    }
}
