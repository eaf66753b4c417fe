//! A document held against the tables: one pass, all errors, no follow-up errors.
//!
//! What is right becomes a [`Tree`] of rows. Whenever an element that the lowering takes as a
//! whole is complete, it is handed over and cut off, so that the tree stays small.

mod attributes;
mod close;
mod kind;
mod namespaces;
mod newer;
mod open;
mod paths;
mod qualified;
mod recover;
mod root;
mod text;

pub(crate) use close::line_after;
use namespaces::Namespaces;

use crate::bytes;
use crate::codes::Code;
use crate::domain::Dialect;
use crate::events::{Lexer, RawAttribute, Token};
use crate::report::{Diagnostic, Report};
use crate::schema::{Element, Version};
use crate::source::{Source, Span};
use crate::tree::{NodeId, Tree, View};

/// Who takes what was checked.
pub(crate) trait Sink {
    /// The root and its attributes are read.
    fn begin(&mut self, dialect: Dialect, view: View<'_>, root: NodeId);
    /// A child of the root, or of `<devices>`, is complete. Diagnostics without path are about it.
    fn unit(&mut self, view: View<'_>, unit: NodeId, report: &mut Report);
    /// Whether what was handed over says what an element of this name would say. Who does not judge
    /// says yes.
    fn implies(&self, _name: &str) -> bool {
        true
    }
    /// Whether the tree has to be kept.
    const KEEPS_TREE: bool = false;
}

/// How an open element is read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mode {
    /// By this row, as this node.
    Row(&'static Element, NodeId),
    /// Unknown or refused: only well-formedness counts.
    Skipped,
    /// Legal foreign content: only well-formedness and namespaces count.
    Foreign,
}

/// An element that is not closed yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    mode: Mode,
    name: Span,
    /// Where its children's entries in [`Checker::seen`] begin.
    seen: u32,
    /// How many namespace bindings there were before it.
    bindings: u32,
    /// Whether a fault inside makes its missing end tag no news.
    excused: bool,
    /// Whether it has no effect as a whole, so that its parts need no mention.
    quiet: bool,
    /// Index among the children of its parent's row.
    index: u16,
    ordinal: u32,
}

/// Children of one row below an open element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    index: u16,
    count: u32,
    first: Span,
    /// End of the last one.
    end: u32,
}

/// The state of a check.
pub(super) struct Checker<'s, S> {
    text: &'s str,
    lexer: Lexer<'s>,
    report: Report,
    tree: Tree,
    frames: Vec<Frame>,
    seen: Vec<Seen>,
    namespaces: Namespaces,
    raw: Vec<RawAttribute>,
    /// Character data of the open text element.
    data: text::Gathered,
    /// End tags that a fault already explains.
    forgiven: Vec<Span>,
    /// Names whose prefix was reported.
    noted: Vec<Span>,
    /// Elements that were self-closed or dropped, by name, below the open element.
    root: root::Root,
    units: Report,
    /// The libvirt that has to know every name and word.
    asked: Option<Version>,
    sink: S,
}

/// Checks `source` and hands what is right to `sink`.
pub(crate) fn check<S: Sink>(source: &Source, sink: S) -> (S, Report, Tree) {
    check_for(source, sink, None)
}

/// Checks `source` also for names and words that this libvirt does not know yet.
pub(crate) fn check_for<S: Sink>(source: &Source, sink: S, asked: Option<Version>) -> (S, Report, Tree) {
    let mut checker = Checker::new(source.text(), sink);
    checker.asked = asked;
    match source.fault() {
        Some(fault) => checker.encoding(fault),
        None => checker.run(),
    }
    checker.report.sort();
    (checker.sink, checker.report, checker.tree)
}

impl<'s, S: Sink> Checker<'s, S> {
    fn new(text: &'s str, sink: S) -> Self {
        Self {
            text,
            lexer: Lexer::new(text),
            report: Report::default(),
            tree: Tree::default(),
            frames: Vec::with_capacity(8),
            seen: Vec::with_capacity(32),
            namespaces: Namespaces::default(),
            raw: Vec::with_capacity(8),
            data: text::Gathered::default(),
            forgiven: Vec::new(),
            noted: Vec::new(),
            root: root::Root::Awaited,
            units: Report::default(),
            asked: None,
            sink,
        }
    }

    fn run(&mut self) {
        self.check_characters();
        loop {
            let token = self.lexer.next();
            if !self.lexer.faults.is_empty() {
                self.take_faults_slowly();
                if matches!(token, Token::Text { .. }) {
                    // A text with a fault in it is not judged as a value.
                    self.mark_faulty();
                }
            }
            match token {
                Token::Start { name } => self.open(name),
                Token::End { name, tag } => self.close_by_tag(name, tag),
                Token::Text { span, form } => self.character_data(span, form),
                Token::Cdata { inner } => self.cdata(inner),
                Token::Eof => break,
            }
        }
        self.finish();
    }

    /// What is left open at the end of the document.
    fn finish(&mut self) {
        if self.root == root::Root::Awaited && !self.report.has_errors() {
            self.no_root();
        }
        let end = self.text.trim_end().len() as u32;
        while let Some(frame) = self.frames.last().copied() {
            if !frame.excused && !self.lexer.truncated {
                self.unclosed(frame, Span { start: end, end });
            }
            self.pop(end);
        }
    }

    /// Adds a diagnostic; without a path it is about the innermost open element.
    #[cold]
    fn push(&mut self, mut diagnostic: Diagnostic) {
        if diagnostic.path.is_empty() {
            diagnostic.path = self.path();
        }
        self.report.push(diagnostic);
    }

    #[inline]
    fn take_faults(&mut self) {
        if !self.lexer.faults.is_empty() {
            self.take_faults_slowly();
        }
    }

    #[cold]
    fn take_faults_slowly(&mut self) {
        self.report.suppressed += std::mem::take(&mut self.lexer.unkept);
        for fault in std::mem::take(&mut self.lexer.faults) {
            self.push(fault);
        }
    }

    /// Bytes that XML allows nowhere. The common case is one pass the compiler can vectorise.
    fn check_characters(&mut self) {
        let bytes = self.text.as_bytes();
        let controls = bytes.iter().fold(false, |found, &byte| {
            found | (byte < 0x20 && byte != b'\n' && byte != b'\t' && byte != b'\r')
        });
        let noncharacters = bytes::find_word(b"\xEF\xBF", bytes).is_some();
        if controls || noncharacters {
            self.illegal_characters();
        }
    }

    #[cold]
    fn illegal_characters(&mut self) {
        if crate::events::declares_other_encoding(self.text) {
            // They are parts of other characters there.
            return;
        }
        for (at, character) in self.text.char_indices() {
            if is_illegal(character) {
                let message = format!("the character U+{:04X} is not allowed in XML", character as u32);
                let span = Span::new(at, at + character.len_utf8());
                self.report.push(Diagnostic::error(Code::IllegalCharacter, span, message).path("/"));
                if self.report.diagnostics.len() >= crate::limits::DIAGNOSTICS {
                    return;
                }
            }
        }
    }
}

/// Whether XML allows `character` nowhere.
fn is_illegal(character: char) -> bool {
    let control = character < ' ' && !matches!(character, '\n' | '\t' | '\r');
    control || matches!(character, '\u{FFFE}' | '\u{FFFF}')
}
