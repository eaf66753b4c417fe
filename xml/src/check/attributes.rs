//! Attributes held against their rows.

use std::borrow::Cow;

use super::namespaces::Bound;
use super::{Checker, Sink, newer};
use crate::codes::Code;
use crate::events::{RawAttribute, decode_attribute};
use crate::report::Diagnostic;
use crate::schema::{Element, Support, find_attribute};
use crate::source::Span;
use crate::tree::{AttributeNode, Text};
use crate::value::ValueError;

impl<'s, S: Sink> Checker<'s, S> {
    /// What an attribute says.
    pub(super) fn attribute_value(&self, raw: &RawAttribute) -> Cow<'s, str> {
        let text = &self.text[raw.value.start as usize..raw.value.end as usize];
        if raw.encoded { Cow::Owned(decode_attribute(text)) } else { Cow::Borrowed(text) }
    }

    /// Checks the attributes in [`Checker::raw`] against `element` and adds the good ones to the
    /// tree. Returns whether all is well.
    pub(super) fn check_attributes(&mut self, element: &'static Element) -> bool {
        let mut seen = 0_u64;
        let mut good = true;
        for at in 0..self.raw.len() {
            let raw = self.raw[at];
            let name = self.lexer.bytes(raw.name);
            let Some((index, row)) = find_attribute(element, name) else {
                good = false;
                // What was meant is not missing as well.
                let meant = if raw.faulty { None } else { self.unknown_attribute(element, raw.name) };
                let index = meant.and_then(|near| element.attributes.iter().position(|row| row.name == near));
                seen |= index.map_or(0, |index| 1 << index);
                continue;
            };
            seen |= 1 << index;
            if raw.faulty {
                good = false;
                continue;
            }
            let value = self.attribute_value(&raw);
            if let Err(error) = row.value.check(&value) {
                // A character that stands nowhere was reported for itself.
                if !value.contains(super::is_illegal) {
                    let error = self.maybe_newer_word(element, &value, error);
                    self.bad_attribute(element, &raw, &error);
                }
                good = false;
                continue;
            }
            if self.asked.is_some() {
                let span = Span { start: raw.name.start, end: raw.value.end + 1 };
                self.newer_attribute(element, row, &value, span);
            }
            match row.support {
                Support::ActedOn | Support::CannotStart(_) => {}
                Support::Ignored(_) if self.frames.last().is_some_and(|frame| frame.quiet) => {}
                Support::Ignored(reason) => self.ignored_attribute(element, &raw, reason),
                Support::Refused(reason) => {
                    self.refused_attribute(element, &raw, reason);
                    good = false;
                    continue;
                }
            }
            let decoded = match value {
                Cow::Borrowed(_) => Text::AS_WRITTEN,
                Cow::Owned(value) => {
                    self.tree.decoded.push(value);
                    self.tree.decoded.len() as u32 - 1
                }
            };
            let value = Text { span: raw.value, decoded };
            self.tree.attributes.push(AttributeNode { row, name: raw.name, value });
        }
        for (index, row) in element.attributes.iter().enumerate() {
            if row.required && seen >> index & 1 == 0 {
                self.missing_attribute(element, row.name);
                good = false;
            }
        }
        good
    }

    fn attribute_fault(&mut self, code: Code, raw: &RawAttribute, message: String) -> Diagnostic {
        let path = format!("{}/@{}", self.path(), self.name(raw.name));
        let end = (raw.value.end as usize + 1).min(self.text.len());
        let end = self.text.floor_char_boundary(end) as u32;
        Diagnostic::error(code, Span { start: raw.name.start, end: end.max(raw.name.end) }, message)
            .path(path)
    }

    #[cold]
    fn bad_attribute(&mut self, element: &Element, raw: &RawAttribute, error: &ValueError) {
        let message = format!("@{} of <{}>: {}", self.name(raw.name), element.name, error.message);
        let mut fault = self.attribute_fault(error.code, raw, message);
        fault.help = error.help.clone().map(Cow::Owned);
        self.push(fault);
    }

    #[cold]
    fn ignored_attribute(&mut self, element: &Element, raw: &RawAttribute, reason: &'static str) {
        let message = format!("@{} of <{}> has no effect: {reason}", self.name(raw.name), element.name);
        let mut fault = self.attribute_fault(Code::Ignored, raw, message);
        fault.severity = crate::report::Severity::Warning;
        self.push(fault);
    }

    #[cold]
    fn refused_attribute(&mut self, element: &Element, raw: &RawAttribute, reason: &'static str) {
        let message = format!("@{} of <{}> is not supported: {reason}", self.name(raw.name), element.name);
        let fault = self.attribute_fault(Code::Refused, raw, message);
        self.push(fault);
    }

    #[cold]
    fn missing_attribute(&mut self, element: &Element, name: &'static str) {
        let Some(frame) = self.frames.last() else { return };
        let span = Span { start: frame.name.start - 1, end: frame.name.end };
        let fault = Diagnostic::error(
            Code::MissingAttribute,
            span,
            format!("<{}> has no attribute '{name}'", element.name),
        );
        let path = format!("{}/@{name}", self.path());
        let row = element.attributes.iter().find(|row| row.name == name);
        let fault = match row.map(|row| row.value) {
            Some(crate::value::Value::Choice(words)) if words.len() <= 12 => {
                fault.help(format!("its values are {}", words.join(", ")))
            }
            _ => fault,
        };
        self.push(fault.path(path));
    }

    #[cold]
    fn unknown_attribute(&mut self, element: &'static Element, span: Span) -> Option<&'static str> {
        let name = self.name(span).to_owned();
        let path = format!("{}/@{name}", self.path());
        if let Some((prefix, _)) = name.split_once(':') {
            self.note_prefix(span);
            let message = match self.namespaces.resolve(self.text, prefix) {
                None => format!("the prefix '{prefix}' is not declared"),
                Some(Bound::Known(_) | Bound::Other) => {
                    format!("<{}> takes no attribute of another namespace", element.name)
                }
            };
            let code = if message.contains("declared") { Code::BadNamespace } else { Code::UnknownAttribute };
            self.push(Diagnostic::error(code, span, message).path(path));
            return None;
        }
        let near = newer::meant(&name, element.attributes.iter().map(|row| row.name));
        let fault = Diagnostic::error(
            Code::UnknownAttribute,
            span,
            format!("<{}> has no attribute '{name}'", element.name),
        );
        let all = element.attributes.iter().map(|row| row.name).collect::<Vec<_>>().join(", ");
        let help = match (near, all.is_empty()) {
            (Some(near), _) => format!("did you mean '{near}'?"),
            (None, true) => format!("<{}> takes no attributes", element.name),
            (None, false) => format!("its attributes are {all}"),
        };
        let newer = if near.is_none() { self.maybe_newer(element, &name) } else { None };
        let help = newer::joined(Some(help), newer).map(Cow::Owned);
        self.push(Diagnostic { help, ..fault.path(path) });
        near
    }
}
