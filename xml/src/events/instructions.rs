//! What begins with `<?`: processing instructions, and the XML declaration.

use super::{Lexer, RawAttribute, is_name_start, is_space};
use crate::bytes;
use crate::codes::Code;
use crate::report::Diagnostic;
use crate::source::Span;

impl Lexer<'_> {
    /// `'<?' PITarget (S (Char* - (Char* '?>' Char*)))? '?>'`; `<?xml …?>` only at the very start.
    pub(super) fn instruction(&mut self, start: usize) {
        self.at = start + 2;
        let target = self.name(Code::BadInstruction);
        let Some(length) = bytes::find_word(b"?>", &self.text[self.at..]) else {
            self.fault(Code::BadInstruction, start, start + 2, "this processing instruction is never closed");
            return self.swallow();
        };
        let inner = Span::new(self.at, self.at + length);
        self.at += length + 2;
        let name = self.bytes(target);
        if name.eq_ignore_ascii_case(b"xml") {
            let first = if self.text.starts_with("\u{FEFF}".as_bytes()) { 3 } else { 0 };
            if start == first && name == b"xml" {
                self.xml_declaration(inner);
            } else {
                self.fault(
                    Code::BadInstruction,
                    start,
                    self.at,
                    "an XML declaration stands only at the very start of a document",
                );
            }
        } else if !name.first().is_some_and(|&byte| is_name_start(byte)) {
            self.fault(Code::BadInstruction, start, start + 2, "a processing instruction needs a name");
        } else if name.contains(&b':') {
            let (start, end) = (target.start as usize, target.end as usize);
            self.fault(Code::BadInstruction, start, end, "a processing instruction's name has no ':'");
        } else if self.bytes(inner).first().is_some_and(|&byte| !is_space(byte)) {
            let at = inner.start as usize;
            let end = self.after_character(at);
            self.fault(Code::BadInstruction, at, end, "white space is missing behind the instruction's name");
        }
    }

    /// `'<?xml' VersionInfo EncodingDecl? SDDecl? S? '?>'`.
    fn xml_declaration(&mut self, inner: Span) {
        let after = std::mem::replace(&mut self.at, inner.start as usize);
        let before = self.fault_count();
        let end = inner.end as usize;
        let mut expected: &[&str] = &["version", "encoding", "standalone"];
        let mut versioned = false;
        loop {
            let spaced = self.peek().is_some_and(is_space);
            self.skip_space();
            if self.at >= end {
                break;
            }
            let start = self.at;
            if !self.peek().is_some_and(is_name_start) {
                let end = self.after_character(start);
                self.misplaced(start, end);
                break;
            }
            let Some(attribute) = self.attribute_syntax() else { break };
            let name = self.bytes(attribute.name);
            let position = expected.iter().position(|known| known.as_bytes() == name);
            match position {
                Some(position) if spaced => expected = &expected[position + 1..],
                _ => {
                    self.misplaced(start, self.at);
                    break;
                }
            }
            versioned |= name == b"version";
            self.declared(name, attribute);
        }
        if !versioned && self.fault_count() == before {
            let start = inner.start as usize;
            self.fault_help(
                Code::BadInstruction,
                start - 5,
                start,
                "the XML declaration has no version",
                "write <?xml version='1.0'?>",
            );
        }
        self.at = after;
    }

    fn misplaced(&mut self, start: usize, end: usize) {
        self.fault(Code::BadInstruction, start, end, "this does not belong into an XML declaration here");
    }

    fn declared(&mut self, name: &[u8], attribute: RawAttribute) {
        if attribute.faulty {
            return;
        }
        let (start, end) = (attribute.value.start as usize, attribute.value.end as usize);
        let value = self.bytes(attribute.value);
        match name {
            b"version" if value == b"1.1" => self.fault_help(
                Code::BadInstruction,
                start,
                end,
                "XML 1.1 is not read here",
                "declare version='1.0': it says the same in every document that needs no control characters",
            ),
            b"version" if !is_version(value) => {
                self.fault(Code::BadInstruction, start, end, "this version of XML is not known here");
            }
            b"standalone" if value != b"yes" && value != b"no" => {
                self.fault(Code::BadInstruction, start, end, "'standalone' is 'yes' or 'no'");
            }
            b"encoding" => self.declared_encoding(value, start, end),
            _ => {}
        }
    }

    fn declared_encoding(&mut self, value: &[u8], start: usize, end: usize) {
        let value = String::from_utf8_lossy(value).to_ascii_lowercase();
        let ascii = matches!(value.as_str(), "us-ascii" | "ascii") && self.text.is_ascii();
        if ascii || matches!(value.as_str(), "utf-8" | "utf8") {
            return;
        }
        let message = format!("the encoding {} is not read here", crate::value::quoted(&value));
        let fault = Diagnostic::error(Code::NotUtf8, Span::new(start, end), message);
        self.keep_fault(fault.help("convert the document to UTF-8 and declare that, or nothing"));
    }
}

/// Whether a document says that it is in an encoding that is not read here.
#[cold]
pub(crate) fn declares_other_encoding(text: &str) -> bool {
    let mut lexer = Lexer::new(text);
    let start = lexer.at;
    if text[start..].starts_with("<?xml") {
        lexer.instruction(start);
    }
    lexer.faults.iter().any(|fault| fault.code == Code::NotUtf8)
}

/// `VersionNum ::= '1.' [0-9]+`.
fn is_version(value: &[u8]) -> bool {
    matches!(value, [b'1', b'.', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}
