//! The one way in which findings are drawn for people: of `validate`, `plan`, `run` and every other verb.
//!
//! The crate `annotate-snippets` draws. What it is given is bounded ([`excerpt`](super::excerpt)): it goes
//! through the whole text that it gets, once for each mark.

use std::borrow::Cow;
use std::fmt::Write as _;

use annotate_snippets::renderer::{AnsiColor, Style};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::Severity;
use super::excerpt::{Part, excerpts};
use crate::codes::Code;
use crate::limits;
use crate::source::{Source, Span};
use crate::visible::visible;

/// Something to be said about a document.
#[derive(Clone, Copy, Debug)]
pub struct Finding<'a> {
    /// How bad it is.
    pub kind: Kind,
    /// Its stable code, if it has one.
    pub code: Option<Code>,
    /// One sentence.
    pub message: &'a str,
    /// The place; `None` where no part of the document is meant.
    pub span: Option<Span>,
    /// Other places that matter, and what they are.
    pub labels: &'a [(Span, Cow<'static, str>)],
    /// Lines below, each with the word that it begins with: `help`.
    pub notes: &'a [(&'static str, &'a str)],
}

/// The word that a finding begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `error`.
    Error,
    /// `warning`.
    Warning,
    /// `note`.
    Note,
}

impl From<Severity> for Kind {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Error,
            Severity::Warning => Self::Warning,
        }
    }
}

/// Lines are cut by [`excerpts`], which knows all marks; the renderer has room for what is left.
const ROOM: usize = 1 << 16;

const PLAIN: Renderer = Renderer::plain().term_width(ROOM);
const COLOURED: Renderer = Renderer::styled()
    .term_width(ROOM)
    .hyperlink(false)
    .error(AnsiColor::Red.on_default().bold())
    .warning(AnsiColor::Yellow.on_default().bold())
    .note(AnsiColor::Green.on_default().bold())
    .line_num(FRAME)
    .context(FRAME);
const FRAME: Style = AnsiColor::Blue.on_default().bold();

/// A finding as text that ends with a line end: the sentence, the lines of the document with the places in
/// them, and what to do.
///
/// Its size is bounded whatever the document holds, and no character of the document steers a terminal.
pub fn render(finding: &Finding<'_>, source: &Source, colour: bool) -> String {
    let level = match finding.kind {
        Kind::Error => Level::ERROR,
        Kind::Warning => Level::WARNING,
        Kind::Note => Level::NOTE,
    };
    let mut title = level.primary_title(bounded(finding.message));
    if let Some(code) = finding.code {
        title = title.id(code.to_string());
    }
    let quoted = finding.span.filter(|_| source.is_quoted());
    let parts = quoted.map_or_else(Vec::new, |span| excerpts(source, span, finding.labels));
    let mut group = Group::with_title(title).elements(parts.iter().map(snippet));
    for (word, text) in finding.notes {
        group = group.element(Level::HELP.with_name(*word).message(bounded(text)));
    }
    let renderer = if colour { &COLOURED } else { &PLAIN };
    let drawn = renderer.render(&[group]);
    let mut out = String::with_capacity(drawn.len() + 80);
    let mut lines = drawn.lines();
    push(&mut out, lines.next().unwrap_or_default());
    if let Some(span) = finding.span {
        // The renderer would count columns in the line as it is shown.
        let place = source.position(span.start);
        let width = parts.last().map_or(1, |part| part.last_line.to_string().len());
        let frame = if colour { FRAME } else { Style::new() };
        let name = bounded(source.name());
        // Writing to a String cannot fail.
        writeln!(out, "{:width$}{frame}-->{frame:#} {name}:{}:{}", "", place.line, place.column)
            .unwrap_or_default();
    }
    lines.for_each(|line| push(&mut out, line));
    out
}

fn push(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}

fn snippet(part: &Part) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
    let marks = part.marks.iter().map(|mark| {
        let kind = if mark.label.is_some() { AnnotationKind::Context } else { AnnotationKind::Primary };
        kind.span(mark.range.clone()).label(mark.label.as_deref())
    });
    Snippet::source(part.text.as_str()).line_start(part.first_line as usize).annotations(marks)
}

/// `text` without hidden characters, and no longer than a reader reads.
pub(super) fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= limits::MESSAGE_BYTES {
        return visible(text);
    }
    let cut = text.floor_char_boundary(limits::MESSAGE_BYTES);
    Cow::Owned(format!("{}… ({} bytes in all)", visible(&text[..cut]), text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str, at: &str, labels: &[(&str, &'static str)]) -> String {
        let source = Source::new("web.xml", text);
        let span = |word: &str| {
            let start = text.find(word).expect("a word of the text");
            Span::new(start, start + word.len())
        };
        let labels: Vec<_> = labels.iter().map(|(word, label)| (span(word), Cow::Borrowed(*label))).collect();
        let finding = Finding {
            kind: Kind::Error,
            code: Some(Code::BadTag),
            message: "this is wrong",
            span: Some(span(at)),
            labels: &labels,
            notes: &[("help", "do that")],
        };
        let shown = render(&finding, &source, false);
        let coloured = render(&finding, &source, true);
        assert_eq!(anstyle_free(&coloured), shown, "colours change nothing else");
        shown
    }

    fn anstyle_free(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('\x1b') {
            out += before;
            rest = after.split_once('m').expect("a whole sequence").1;
        }
        let lines: Vec<&str> = [out.as_str(), rest].concat().leak().lines().map(str::trim_end).collect();
        lines.join("\n") + "\n"
    }

    #[test]
    fn labels_of_a_long_line_stand_below_what_they_mean() {
        let text = format!(
            "<a>{}<first x='1'/>{}<second/>{}</a>\n",
            "p".repeat(3000),
            "q".repeat(5000),
            "r".repeat(700)
        );
        insta::assert_snapshot!(drawn(
            &text,
            "<second/>",
            &[("x='1'", "because of this"), ("<a>", "in this")]
        ));
    }

    #[test]
    fn wide_characters_and_tabs_shift_nothing() {
        let text = "<a>\n\t<title>漢字</title> <b\u{9b}c/> <d/>\n</a>\n";
        insta::assert_snapshot!(drawn(
            text,
            "<d/>",
            &[("漢字", "two wide ones"), ("<b\u{9b}c/>", "a control")]
        ));
    }

    #[test]
    fn places_far_apart_are_shown_with_their_own_numbers() {
        let text = format!("<a>\n<b>\n\n<c/>{}\n<d/>\n", "\n".repeat(9000));
        insta::assert_snapshot!(drawn(&text, "<c/>", &[("<d/>", "far below"), ("<a>", "above")]));
    }

    #[test]
    fn a_message_has_a_bound() {
        let source = Source::new("n".repeat(100_000), "<a/>");
        let text = "é".repeat(100_000);
        let labels: Vec<_> = (0..1000).map(|_| (Span::new(0, 3), Cow::Owned(text.clone()))).collect();
        let finding = Finding {
            kind: Kind::Note,
            code: None,
            message: &text,
            span: Some(Span::new(1, 2)),
            labels: &labels,
            notes: &[("help", &text)],
        };
        let shown = render(&finding, &source, false);
        assert!(shown.len() < 20 * limits::MESSAGE_BYTES, "{} bytes", shown.len());
    }
}
