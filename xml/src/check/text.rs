//! Character data.

use super::{Checker, Mode, Sink, root::Root};
use crate::codes::Code;
use crate::events::{Form, decode_text, line_ends};
use crate::report::Diagnostic;
use crate::schema::Content;
use crate::source::Span;
use crate::tree::Text;

/// Character data of an element so far.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Everything, from the first byte to the last.
    span: Option<Span>,
    /// Set when it is more than one slice of the document.
    resolved: Option<String>,
}

impl Gathered {
    pub(super) fn clear(&mut self) {
        self.span = None;
        self.resolved = None;
    }
}

impl<S: Sink> Checker<'_, S> {
    #[inline]
    pub(super) fn character_data(&mut self, span: Span, form: Form) {
        let Some(frame) = self.frames.last() else {
            if form != Form::Blank {
                self.outside_root(span);
            }
            return;
        };
        let Mode::Row(element, _) = frame.mode else { return };
        match element.content {
            Content::Text(_) => self.gather(span, form),
            Content::Either(..) if form != Form::Blank && self.has_children() => self.stray_text(span),
            Content::Either(..) if form != Form::Blank => self.gather(span, form),
            _ if form == Form::Blank => {}
            _ => self.stray_text(span),
        }
    }

    /// Whether the innermost element has a child already.
    fn has_children(&self) -> bool {
        self.frames.last().is_some_and(|frame| self.seen.len() as u32 > frame.seen)
    }

    /// Takes a text back that turns out to stand beside elements.
    pub(super) fn disown_text(&mut self) {
        self.data.resolved = None;
        if let Some(span) = self.data.span.take()
            && !self.text[span.start as usize..span.end as usize].trim().is_empty()
        {
            self.stray_text(span);
        }
    }

    pub(super) fn cdata(&mut self, inner: Span) {
        match self.frames.last() {
            None => self.outside_root(Span { start: inner.start - 9, end: inner.end + 3 }),
            Some(frame) => {
                let Mode::Row(element, _) = frame.mode else { return };
                let raw = &self.text[inner.start as usize..inner.end as usize];
                match element.content {
                    Content::Text(_) | Content::Either(..) => {
                        let before = self.data.span.take();
                        let mut text = self.resolved(before);
                        text.push_str(&line_ends(raw));
                        self.data.resolved = Some(text);
                        self.data.span = Some(Span {
                            start: before.map_or(inner.start, |span| span.start),
                            end: inner.end,
                        });
                    }
                    // libxml2 takes even an empty section for text, but only content is content.
                    _ if raw.trim().is_empty() => {}
                    _ => self.stray_text(inner),
                }
            }
        }
    }

    fn resolved(&mut self, span: Option<Span>) -> String {
        match (self.data.resolved.take(), span) {
            (Some(text), _) => text,
            (None, Some(span)) => self.text[span.start as usize..span.end as usize].to_owned(),
            (None, None) => String::new(),
        }
    }

    #[inline]
    fn gather(&mut self, span: Span, form: Form) {
        if self.data.span.is_none()
            && form != Form::Encoded
            && !(form == Form::Blank && self.has_return(span))
        {
            self.data.span = Some(span);
            return;
        }
        self.gather_slowly(span);
    }

    fn has_return(&self, span: Span) -> bool {
        self.text.as_bytes()[span.start as usize..span.end as usize].contains(&b'\r')
    }

    #[cold]
    fn gather_slowly(&mut self, span: Span) {
        let before = self.data.span.take();
        let mut text = self.resolved(before);
        text.push_str(&decode_text(&self.text[span.start as usize..span.end as usize]));
        self.data.resolved = Some(text);
        self.data.span =
            Some(Span { start: before.map_or(span.start, |before| before.start), end: span.end });
    }

    /// The text of the element that is being closed.
    #[inline]
    pub(super) fn take_text(&mut self, empty: Span) -> Text {
        let span = self.data.span.take().unwrap_or(empty);
        match self.data.resolved.take() {
            None => Text::written(span),
            Some(text) => {
                self.tree.decoded.push(text);
                Text { span, decoded: self.tree.decoded.len() as u32 - 1 }
            }
        }
    }

    /// The span of `span` without outer white space.
    fn trimmed(&self, span: Span) -> Span {
        let raw = &self.text[span.start as usize..span.end as usize];
        let start = span.start as usize + (raw.len() - raw.trim_start().len());
        Span::new(start, start + raw.trim().len())
    }

    #[cold]
    fn stray_text(&mut self, span: Span) {
        let span = self.trimmed(span);
        let Some(frame) = self.frames.last() else { return };
        let name = self.name(frame.name);
        let shown = crate::value::quoted(&self.text[span.start as usize..span.end as usize]);
        let fault = Diagnostic::error(
            Code::StrayText,
            span,
            format!("the text {shown} stands in <{name}>, which holds none"),
        );
        self.push(fault);
        self.mark_faulty();
    }

    #[cold]
    fn outside_root(&mut self, span: Span) {
        let span = self.trimmed(span);
        if self.root == Root::Awaited {
            self.root = Root::Missing;
            self.no_root_but(span);
        } else if self.root == Root::Closed {
            self.root = Root::Missing;
            let fault = Diagnostic::error(
                Code::OutsideRoot,
                span,
                "text stands behind the end of the document's element",
            );
            self.push(fault);
        }
    }
}
