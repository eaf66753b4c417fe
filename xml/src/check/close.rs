//! End tags, explicit and missing.

use super::root::Root;
use super::{Checker, Frame, Mode, Sink, paths};
use crate::bytes;
use crate::codes::Code;
use crate::report::Diagnostic;
use crate::schema::{Child, Content, Element};
use crate::source::Span;
use crate::tree::{NodeId, View};
use crate::value::{Value, ValueError};

impl<S: Sink> Checker<'_, S> {
    /// Takes `</NAME>`.
    #[inline]
    pub(super) fn close_by_tag(&mut self, name: Span, tag: Span) {
        if let Some(frame) = self.frames.last()
            && self.lexer.bytes(frame.name) == self.lexer.bytes(name)
        {
            return self.pop(tag.end);
        }
        self.close_by_wrong_tag(name, tag);
    }

    #[cold]
    fn close_by_wrong_tag(&mut self, name: Span, tag: Span) {
        let written = self.lexer.bytes(name);
        if let Some(at) = self.forgiven.iter().position(|&forgiven| self.lexer.bytes(forgiven) == written) {
            let forgiven = self.forgiven.swap_remove(at);
            debug_assert!(forgiven.end <= tag.start, "what is forgiven stands before");
            return;
        }
        let matching = self.frames.iter().rposition(|frame| self.lexer.bytes(frame.name) == written);
        if let Some(matching) = matching {
            while self.frames.len() > matching + 1 {
                let frame = self.frames[self.frames.len() - 1];
                if !frame.excused {
                    self.unclosed(frame, tag);
                }
                self.pop(tag.start);
            }
            return self.pop(tag.end);
        }
        let shown = self.name(name).to_owned();
        let Some(frame) = self.frames.last().copied() else {
            if self.root == Root::Closed {
                let message = format!("</{shown}> closes nothing: the document's element is closed already");
                self.push(Diagnostic::error(Code::StrayEndTag, tag, message).path(format!("/{shown}")));
            } else if self.root == Root::Awaited {
                self.root = Root::Missing;
                self.push(Diagnostic::error(Code::StrayEndTag, tag, format!("</{shown}> closes nothing")));
            }
            return;
        };
        let open = self.name(frame.name).to_owned();
        let opened = Span { start: frame.name.start - 1, end: frame.name.end };
        if is_misspelling(&shown, &open) {
            let fault =
                Diagnostic::error(Code::StrayEndTag, tag, format!("</{shown}> does not close <{open}>"));
            self.push(fault.label(opened, "opened here").help(format!("write </{open}>")));
            return self.pop(tag.end);
        }
        let fault = Diagnostic::error(
            Code::StrayEndTag,
            tag,
            format!("</{shown}> closes nothing: no <{shown}> is open here"),
        );
        self.push(
            fault.label(opened, format!("<{open}> is open")).help("remove it, or open the element before"),
        );
        let top = self.frames.len() - 1;
        self.frames[top].excused = true;
    }

    /// Says that an element is never closed.
    #[cold]
    pub(super) fn unclosed(&mut self, frame: Frame, found: Span) {
        self.mark_faulty();
        // What seemed misplaced in it stands where it belongs once the end tag is there.
        let prefix = format!("{}/", self.path());
        self.report.forget(|it| {
            it.code == Code::MisplacedElement
                && it.path.strip_prefix(&prefix).is_some_and(|rest| !rest.contains('/'))
                && it.span.start > frame.name.start
        });
        let name = self.name(frame.name).to_owned();
        let span = Span { start: frame.name.start - 1, end: frame.name.end };
        let fault = Diagnostic::error(Code::Unclosed, span, format!("<{name}> is never closed"));
        let label =
            if found.start == found.end { "the document ends here" } else { "this closes an outer element" };
        self.push(fault.label(found, label).help(format!("write </{name}> where it ends")));
    }

    /// Closes the innermost element, whose end is at `end`.
    #[inline]
    pub(super) fn pop(&mut self, end: u32) {
        let Some(frame) = self.frames.last().copied() else { return };
        if let Mode::Row(element, node) = frame.mode {
            self.complete(element, node, frame, end);
        }
        let dropped = self.frames.pop();
        debug_assert!(dropped.is_some(), "the frame was looked at above");
        self.seen.truncate(frame.seen as usize);
        self.namespaces.truncate(frame.bindings);
        if self.frames.is_empty() && self.root == Root::Open {
            self.root = Root::Closed;
        }
        if frame.index != u16::MAX
            && let Some(parent) = self.frames.last()
        {
            let entry = self.seen[parent.seen as usize..].iter_mut().find(|seen| seen.index == frame.index);
            if let Some(seen) = entry {
                seen.end = end;
            }
        }
    }

    #[inline]
    fn complete(&mut self, element: &'static Element, node: NodeId, frame: Frame, end: u32) {
        self.tree.nodes[node].after = self.tree.nodes.len() as u32;
        match element.content {
            Content::Text(value) => self.complete_text(element, node, value),
            Content::Children(children) => self.check_required(node, frame, children, end),
            Content::Either(value, children) => {
                if self.seen.len() as u32 > frame.seen {
                    self.check_required(node, frame, children, end);
                } else {
                    self.complete_text(element, node, value);
                }
            }
            Content::Empty | Content::Foreign | Content::Variants(_) => {}
        }
        let entry = &mut self.tree.nodes[node];
        entry.end = end;
        let faulty = entry.faulty;
        let Some(parent) = self.frames.len().checked_sub(2) else { return };
        if self.hands_over_children(parent) {
            if !self.hands_over_children(parent + 1) {
                self.hand_over(node);
            }
        } else if faulty && let Mode::Row(_, parent) = self.frames[parent].mode {
            self.tree.nodes[parent].faulty = true;
        }
    }

    /// Whether the open element at this depth hands over its children one by one.
    #[inline]
    fn hands_over_children(&self, depth: usize) -> bool {
        match self.frames.get(depth).map(|frame| frame.mode) {
            Some(Mode::Row(element, _)) => crate::schema::hands_over_children(element),
            _ => false,
        }
    }

    #[inline]
    fn complete_text(&mut self, element: &'static Element, node: NodeId, value: Value) {
        let open_end = self.tree.nodes[node].open_end;
        let text = self.take_text(Span { start: open_end, end: open_end });
        self.tree.nodes[node].text = text;
        let view = View { tree: &self.tree, source: self.text };
        if let Err(error) = value.check(view.text(node))
            && !self.tree.nodes[node].faulty
        {
            self.bad_text(element, node, &error);
        } else if self.asked.is_some() && !self.tree.nodes[node].faulty {
            let (text, span) = (view.text(node).to_owned(), view.text_span(node));
            self.newer_text(element, &text, span);
        }
    }

    #[cold]
    fn bad_text(&mut self, element: &Element, node: NodeId, error: &ValueError) {
        let view = View { tree: &self.tree, source: self.text };
        if view.text(node).contains(super::is_illegal) {
            // A character that stands nowhere was reported for itself.
            self.tree.nodes[node].faulty = true;
            return;
        }
        let (span, written) = (view.text_span(node), view.text(node).to_owned());
        let mut fault = Diagnostic::error(error.code, span, format!("<{}>: {}", element.name, error.message));
        let error = self.maybe_newer_word(element, &written, error.clone());
        fault.help = error.help.map(Into::into);
        self.push(fault);
        self.tree.nodes[node].faulty = true;
    }

    #[inline]
    fn check_required(&mut self, node: NodeId, frame: Frame, children: &'static [Child], end: u32) {
        for (index, child) in children.iter().enumerate() {
            if child.occurs.is_usual()
                && !self.seen[frame.seen as usize..].iter().any(|seen| usize::from(seen.index) == index)
                && (child.occurs.is_required() || !self.sink.implies(child.element.name))
            {
                self.missing_child(node, frame, index, child, end);
            }
        }
    }

    /// Reports a missing child where it belongs: behind what comes before it in canonical order.
    #[cold]
    fn missing_child(&mut self, node: NodeId, frame: Frame, index: usize, child: &Child, end: u32) {
        if frame.excused || self.lexer.truncated {
            self.tree.nodes[node].faulty = true;
            return;
        }
        let before = self.seen[frame.seen as usize..].iter().filter(|seen| usize::from(seen.index) < index);
        let canonical = before.map(|seen| seen.end).max().unwrap_or(self.tree.nodes[node].open_end).min(end);
        let from = self.only_blank_line(node, end).unwrap_or(canonical as usize);
        let at = from + line_after(&self.text.as_bytes()[from..end as usize]);
        let span = Span::new(at, self.text.ceil_char_boundary(at + 1).min(self.text.len()));
        let parent = self.name(frame.name).to_owned();
        let name = child.element.name;
        let fault = Diagnostic::error(Code::MissingElement, span, format!("<{parent}> has no <{name}>"));
        let tag = Span { start: frame.name.start - 1, end: frame.name.end };
        let path = self.path_of_child(name);
        let fault = fault.label(tag, "needed by this element").path(path);
        self.push(match child.element.doc {
            "" => fault.help(format!("write <{name}> here")),
            doc => fault.help(format!("write <{name}> here: {doc}")),
        });
        self.tree.nodes[node].faulty = true;
    }

    /// The place before the one line among the children of a small element that is left blank: who
    /// took a part out, or meant to put one in, left its line there.
    fn only_blank_line(&self, node: NodeId, end: u32) -> Option<usize> {
        const SMALL: usize = 8;
        if self.hands_over_children(self.frames.len() - 1) {
            return None;
        }
        let ends = self.tree.children(node).map(|child| self.tree.nodes[child].end);
        let gaps: Vec<u32> =
            std::iter::once(self.tree.nodes[node].open_end).chain(ends).take(SMALL).collect();
        let blank = |&&from: &&u32| {
            // What stands open at the end of a broken document can end before its children.
            let rest = self.text.as_bytes().get(from as usize..end as usize).unwrap_or_default();
            let space = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            from <= end && bytes::count(b'\n', &rest[..space]) == 2
        };
        let mut found = gaps.iter().filter(blank);
        match (found.next(), found.next()) {
            (Some(&from), None) if gaps.len() < SMALL => Some(from as usize),
            _ => None,
        }
    }

    /// Hands a complete unit to the sink and cuts it off.
    #[inline]
    fn hand_over(&mut self, node: NodeId) {
        if !self.tree.nodes[node].faulty {
            let view = View { tree: &self.tree, source: self.text };
            self.sink.unit(view, node, &mut self.units);
            if !self.units.diagnostics.is_empty() {
                self.take_unit_findings(node);
            }
        } else {
            self.reconsider_kind(node);
        }
        if !S::KEEPS_TREE {
            self.tree.cut(node);
        }
    }

    #[cold]
    fn take_unit_findings(&mut self, node: NodeId) {
        let unit_path = self.path();
        let mut found = std::mem::take(&mut self.units);
        for finding in found.diagnostics.iter_mut().filter(|finding| finding.path.is_empty()) {
            let view = View { tree: &self.tree, source: self.text };
            finding.path = paths::path_in_unit(view, node, &unit_path, finding.span);
        }
        self.report.absorb(found);
    }
}

/// Whether an end tag was probably meant for the open element.
fn is_misspelling(written: &str, open: &str) -> bool {
    let longest = written.len().max(open.len());
    strsim::damerau_levenshtein(&written.to_lowercase(), &open.to_lowercase()) <= (longest / 3).clamp(1, 3)
}

/// Where a new line of content belongs behind what ends at the start of `rest`: on the next line,
/// behind its indentation.
pub(crate) fn line_after(rest: &[u8]) -> usize {
    let blank = |rest: &[u8]| rest.iter().take_while(|&&byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
    let first = blank(rest);
    match rest.get(first) {
        Some(b'\n') => first + 1 + blank(&rest[first + 1..]),
        _ => first,
    }
}
