//! From text to tags, attributes and character data, each with its place.
//!
//! This is a tokenizer of its own, not a wrapper: a report has to point into a tag, continue
//! after broken markup without inventing follow-up faults, and cost less than a generic parse.
//! The tests hold it against libxml2 and roxmltree, which are the oracles for what is well-formed.
//! Faults are collected here and handed to the checker, which knows the element they belong to.

use crate::bytes;
use crate::codes::Code;
use crate::limits;
use crate::report::Diagnostic;
use crate::source::Span;

/// What comes next in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// `<NAME`; attributes and the end of the tag follow.
    Start { name: Span },
    /// `</NAME>`.
    End { name: Span, tag: Span },
    /// Character data between tags.
    Text { span: Span, form: Form },
    /// `<![CDATA[…]]>`: the span of what is inside.
    Cdata { inner: Span },
    /// The end of the document.
    Eof,
}

/// What has to be done to character data before it is a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// White space only.
    Blank,
    /// Nothing.
    Plain,
    /// References to resolve, or line ends to normalise.
    Encoded,
}

/// `NAME='VALUE'`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawAttribute {
    pub(crate) name: Span,
    pub(crate) value: Span,
    /// Whether the value has references or white space to resolve.
    pub(crate) encoded: bool,
    /// Whether a fault of its syntax was reported: its value is not to be judged.
    pub(crate) faulty: bool,
}

/// How a start tag ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TagEnd {
    /// `>`.
    Open,
    /// `/>`.
    Empty,
    /// Not at all: the next tag begins, or the document ends.
    Missing,
}

/// The tokenizer.
pub(crate) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    /// Faults since the checker last looked, as many as a report keeps.
    pub(crate) faults: Vec<Diagnostic>,
    /// How many more there were since then.
    pub(crate) unkept: usize,
    /// Whether something swallowed the rest of the document, so that open elements are no news.
    pub(crate) truncated: bool,
    /// Whether a document type declaration was seen: entities may be meant to come from it.
    pub(crate) doctype: bool,
    /// What the names since the last `<` have in them.
    pub(crate) classes: Classes,
}

/// Whether `byte` is white space to XML.
pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t' | b'\r')
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let text = text.as_bytes();
        let at = if text.starts_with("\u{FEFF}".as_bytes()) { 3 } else { 0 };
        let classes = Classes::default();
        Self { text, at, faults: Vec::new(), unkept: 0, truncated: false, doctype: false, classes }
    }

    /// The offset of what comes next.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The bytes of `span`.
    pub(crate) fn bytes(&self, span: Span) -> &'a [u8] {
        &self.text[span.start as usize..span.end as usize]
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    pub(crate) fn skip_space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    #[cold]
    pub(crate) fn fault(
        &mut self,
        code: Code,
        start: usize,
        end: usize,
        message: impl Into<std::borrow::Cow<'static, str>>,
    ) {
        self.keep_fault(Diagnostic::error(code, Span::new(start, end), message));
    }

    /// A tag or a text of any length makes no more faults than a report keeps.
    #[cold]
    pub(crate) fn keep_fault(&mut self, fault: Diagnostic) {
        if self.faults.len() < limits::DIAGNOSTICS {
            self.faults.push(fault);
        } else {
            self.unkept += 1;
        }
    }

    /// How many faults there were since the checker last looked.
    fn fault_count(&self) -> usize {
        self.faults.len() + self.unkept
    }

    #[cold]
    fn fault_help(
        &mut self,
        code: Code,
        start: usize,
        end: usize,
        message: &'static str,
        help: &'static str,
    ) {
        self.keep_fault(Diagnostic::error(code, Span::new(start, end), message).help(help));
    }

    /// The next token. Comments and processing instructions are passed over.
    pub(crate) fn next(&mut self) -> Token {
        loop {
            let start = self.at;
            let Some(byte) = self.peek() else { return Token::Eof };
            if byte != b'<' {
                return self.character_data(start);
            }
            match self.text.get(start + 1) {
                Some(&byte) if is_name_start(byte) => {
                    self.at += 1;
                    self.classes = Classes::default();
                    return Token::Start { name: self.name(Code::BadTag) };
                }
                Some(b'/') => {
                    if let Some(token) = self.end_tag(start) {
                        return token;
                    }
                }
                Some(b'!') => {
                    if let Some(token) = self.declaration(start) {
                        return token;
                    }
                }
                Some(b'?') => self.instruction(start),
                _ => {
                    self.at += 1;
                    self.fault_help(
                        Code::BadTag,
                        start,
                        start + 1,
                        "'<' does not begin a tag here",
                        "write '&lt;' for the character itself",
                    );
                }
            }
        }
    }

    /// The end of the character that begins at `at`.
    #[cold]
    fn after_character(&self, at: usize) -> usize {
        at + 1 + self.text[at + 1..].iter().take_while(|&&byte| byte & 0xc0 == 0x80).count()
    }

    /// `CharData ::= [^<&]* - ([^<&]* ']]>' [^<&]*)`, with references between.
    fn character_data(&mut self, start: usize) -> Token {
        self.skip_space();
        if self.peek() == Some(b'<') {
            return Token::Text { span: Span::new(start, self.at), form: Form::Blank };
        }
        let end = bytes::find(b'<', &self.text[self.at..]).map_or(self.text.len(), |found| self.at + found);
        if self.at == end {
            return Token::Text { span: Span::new(start, end), form: Form::Blank };
        }
        let mut form = Form::Plain;
        for &byte in &self.text[start..end] {
            if matches!(byte, b'&' | b'\r' | b']') {
                form = Form::Encoded;
                break;
            }
        }
        if form == Form::Encoded {
            self.check_character_data(start, end);
        }
        self.at = end;
        Token::Text { span: Span::new(start, end), form }
    }

    #[cold]
    fn check_character_data(&mut self, start: usize, end: usize) {
        let text = self.text;
        for found in bytes::find_words(b"]]>", &text[start..end]) {
            let at = start + found;
            self.fault_help(
                Code::BadCdata,
                at,
                at + 3,
                "']]>' ends a CDATA section that never began",
                "write ']]&gt;' for the characters themselves",
            );
        }
        self.check_references(start, end);
    }

    /// `'</' Name S? '>'`.
    fn end_tag(&mut self, start: usize) -> Option<Token> {
        self.at = start + 2;
        if self.peek().is_some_and(is_space) {
            self.fault_help(
                Code::BadTag,
                start,
                start + 2,
                "white space follows '</'",
                "write the name directly behind '</'",
            );
            self.skip_space();
        }
        if !self.peek().is_some_and(is_name_start) {
            self.fault(Code::BadTag, start, start + 2, "'</' does not begin an end tag here");
            return None;
        }
        // Its characters were judged where the element began.
        let name = self.name_bytes();
        self.skip_space();
        match self.peek() {
            Some(b'>') => self.at += 1,
            Some(b'<') | None => self.fault(Code::BadTag, start, self.at, "this end tag has no '>'"),
            Some(_) => {
                let end = self.after_character(self.at);
                self.fault(Code::BadTag, self.at, end, "an end tag holds nothing but its name");
                let rest = self.text[self.at..].iter().position(|&byte| matches!(byte, b'>' | b'<'));
                self.at += rest.unwrap_or(self.text.len() - self.at);
                self.at += usize::from(self.peek() == Some(b'>'));
            }
        }
        Some(Token::End { name, tag: Span::new(start, self.at) })
    }

    /// What begins with `<!`: a comment, CDATA or a document type declaration.
    fn declaration(&mut self, start: usize) -> Option<Token> {
        let rest = &self.text[start..];
        if rest.starts_with(b"<!--") {
            self.comment(start);
            return None;
        }
        if rest.starts_with(b"<![CDATA[") {
            let inner = start + 9;
            let Some(length) = bytes::find_word(b"]]>", &self.text[inner..]) else {
                self.fault(Code::BadCdata, start, inner, "this CDATA section is never closed");
                self.swallow();
                return None;
            };
            self.at = inner + length + 3;
            return Some(Token::Cdata { inner: Span::new(inner, inner + length) });
        }
        if rest.len() >= 9 && rest[..9].eq_ignore_ascii_case(b"<!DOCTYPE") {
            self.document_type(start);
        } else {
            self.fault(Code::BadTag, start, start + 2, "'<!' begins neither a comment nor CDATA here");
            self.at = start + 2;
            let rest = self.text[self.at..].iter().position(|byte| matches!(byte, b'>' | b'<'));
            self.at += rest.unwrap_or(self.text.len() - self.at);
            self.at += usize::from(self.peek() == Some(b'>'));
        }
        None
    }

    /// `'<!--' ((Char - '-') | ('-' (Char - '-')))* '-->'`.
    fn comment(&mut self, start: usize) {
        let inner = start + 4;
        let Some(dashes) = bytes::find_word(b"--", &self.text[inner..]).map(|found| inner + found) else {
            self.fault(Code::BadComment, start, inner, "this comment is never closed");
            return self.swallow();
        };
        if self.text.get(dashes + 2) == Some(&b'>') {
            self.at = dashes + 3;
            return;
        }
        let Some(end) = bytes::find_word(b"-->", &self.text[dashes..]) else {
            self.fault(Code::BadComment, start, inner, "this comment is never closed");
            return self.swallow();
        };
        self.fault_help(
            Code::BadComment,
            dashes,
            dashes + 2,
            "'--' stands inside a comment",
            "XML allows two dashes only at the comment's end",
        );
        self.at = dashes + end + 3;
    }

    /// Reads nothing more.
    pub(crate) fn stop(&mut self) {
        self.swallow();
    }

    fn swallow(&mut self) {
        self.at = self.text.len();
        self.truncated = true;
    }

    /// `<!DOCTYPE … >`, with the internal subset between brackets: refused, and passed over.
    fn document_type(&mut self, start: usize) {
        self.fault_help(
            Code::Doctype,
            start,
            start + 9,
            "a document type declaration is refused",
            "remove it: entities and defaults from a DTD would make a document mean what it does not show",
        );
        self.doctype = true;
        self.at = start + 9;
        let mut brackets = 0_usize;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'[' => brackets += 1,
                b']' => brackets = brackets.saturating_sub(1),
                b'>' if brackets == 0 => return,
                b'"' | b'\'' => {
                    let Some(length) = bytes::find(byte, &self.text[self.at..]) else { break };
                    self.at += length + 1;
                }
                b'<' if self.text[self.at..].starts_with(b"!--") => {
                    let Some(length) = bytes::find_word(b"-->", &self.text[self.at..]) else { break };
                    self.at += length + 3;
                }
                _ => {}
            }
        }
        self.swallow();
    }
}

mod instructions;
mod names;
mod references;
mod scan;
mod tags;
pub(crate) use instructions::declares_other_encoding;
pub(crate) use names::{Classes, is_name_start_char};
use names::{is_name, is_name_start};
pub(crate) use references::{decode_attribute, decode_text, line_ends};
pub(crate) use scan::{comments, declarations, ranges};
