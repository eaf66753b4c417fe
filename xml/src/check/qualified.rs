//! Names with a prefix, and what the prefixes stand for.

use std::collections::BTreeMap;

use super::namespaces::{XML_URI, XMLNS_URI};
use super::{Checker, Mode, Sink};
use crate::codes::Code;
use crate::events::is_name_start_char;
use crate::report::Diagnostic;
use crate::source::Span;

/// `NCName`, of a name whose characters were looked at.
fn is_unqualified(name: &str) -> bool {
    !name.contains(':') && name.chars().next().is_some_and(is_name_start_char)
}

/// `QName ::= (NCName ':')? NCName`.
fn is_qualified(name: &str) -> bool {
    match name.split_once(':') {
        Some((prefix, local)) => is_unqualified(prefix) && is_unqualified(local),
        None => true,
    }
}

impl<S: Sink> Checker<'_, S> {
    /// Declares the namespaces of the tag in [`Checker::raw`] and removes them from there.
    #[inline]
    pub(super) fn declare_namespaces(&mut self) {
        if self.raw.iter().any(|raw| self.lexer.bytes(raw.name).starts_with(b"xmlns")) {
            self.declare_namespaces_slowly();
        }
    }

    fn declare_namespaces_slowly(&mut self) {
        let raw = std::mem::take(&mut self.raw);
        for raw in &raw {
            let name = &self.text[raw.name.start as usize..raw.name.end as usize];
            let prefix = match name.strip_prefix("xmlns") {
                Some("") => Span { start: raw.name.end, end: raw.name.end },
                Some(rest) if rest.starts_with(':') => Span { start: raw.name.start + 6, end: raw.name.end },
                _ => {
                    self.raw.push(*raw);
                    continue;
                }
            };
            if raw.faulty {
                continue;
            }
            let uri = self.attribute_value(raw);
            let bare = &self.text[prefix.start as usize..prefix.end as usize];
            let fault = match (bare, &*uri) {
                ("", _) if name.len() > 5 => Some("the prefix is empty"),
                ("xml", XML_URI) => None,
                ("xml", _) => Some("the prefix 'xml' cannot be declared as anything else"),
                ("xmlns", _) => Some("the prefix 'xmlns' cannot be declared"),
                (_, XML_URI) => Some("only the prefix 'xml' stands for this namespace"),
                (_, XMLNS_URI) => {
                    Some("nothing can stand for this namespace, which is that of 'xmlns' itself")
                }
                ("", _) => None,
                (_, "") => Some("a prefix cannot stand for no namespace"),
                (prefix, _) if !is_unqualified(prefix) => Some("a prefix is a name without ':'"),
                _ => None,
            };
            if let Some(message) = fault {
                let span = Span { start: raw.name.start, end: raw.value.end + 1 };
                self.push(Diagnostic::error(Code::BadNamespace, span, message));
            }
            self.namespaces.bind(prefix, &uri);
        }
    }

    /// Whether the name of an element is one with at most one prefix. Attributes are looked at as well:
    /// those that are none, and those that say twice the same in two ways, count as faulty.
    #[cold]
    pub(super) fn check_qualified(&mut self, name: Span) -> bool {
        let text = self.text;
        let part = |span: Span| &text[span.start as usize..span.end as usize];
        let mut raw = std::mem::take(&mut self.raw);
        let mut known: BTreeMap<(&str, &str), Span> = BTreeMap::new();
        let mut faults = Vec::new();
        for raw in &mut raw {
            let written = part(raw.name);
            let Some((prefix, local)) = written.split_once(':') else { continue };
            if !is_qualified(written) {
                raw.faulty = true;
                faults.push(not_qualified(raw.name));
                continue;
            }
            let Some(uri) = self.namespaces.uri(text, prefix) else { continue };
            let Some(first) = known.insert((uri, local), raw.name) else { continue };
            let message = format!(
                "{} and {} are the same attribute: both prefixes stand for {}",
                crate::value::quoted(part(first)),
                crate::value::quoted(written),
                crate::value::quoted(uri)
            );
            let span = Span { start: raw.name.start, end: raw.value.end };
            faults.push(
                Diagnostic::error(Code::DuplicateAttribute, span, message).label(first, "first written here"),
            );
        }
        self.raw = raw;
        for fault in faults {
            self.lexer.keep_fault(fault);
        }
        let qualified = is_qualified(part(name));
        if !qualified {
            self.lexer.keep_fault(not_qualified(name));
        }
        qualified
    }

    /// The prefixes of the element that was just opened, where no row judges them: foreign content, of
    /// which each name is said; and what is skipped, of which each prefix is said once.
    #[cold]
    pub(super) fn check_prefixes(&mut self) {
        let Some(frame) = self.frames.last().copied() else { return };
        let skipped = match frame.mode {
            Mode::Row(..) => return,
            Mode::Skipped => true,
            Mode::Foreign => false,
        };
        let whole = self.raw.iter().filter(|raw| !raw.faulty);
        let mut names: Vec<Span> = whole.map(|raw| raw.name).collect();
        names.push(frame.name);
        for span in names {
            let name = &self.text[span.start as usize..span.end as usize];
            let Some((prefix, _)) = name.split_once(':') else { continue };
            if !is_qualified(name)
                || self.namespaces.resolve(self.text, prefix).is_some()
                || skipped && self.is_noted(prefix)
            {
                continue;
            }
            self.note_prefix(span);
            let message = format!("the prefix {} is not declared", crate::value::quoted(prefix));
            self.push(Diagnostic::error(Code::BadNamespace, span, message));
        }
    }

    /// Keeps in mind that something was said of the prefix of this name.
    pub(super) fn note_prefix(&mut self, name: Span) {
        if self.noted.len() < crate::limits::DIAGNOSTICS {
            self.noted.push(name);
        }
    }

    fn is_noted(&self, prefix: &str) -> bool {
        let name = |span: &Span| &self.text[span.start as usize..span.end as usize];
        self.noted.iter().any(|span| name(span).split_once(':').is_some_and(|(noted, _)| noted == prefix))
    }
}

fn not_qualified(name: Span) -> Diagnostic {
    let message = "a name has at most one ':', between a prefix and a name";
    Diagnostic::error(Code::BadNamespace, name, message)
}
