//! The lines of a document that a finding is about, cut to what can be read.

use std::borrow::Cow;
use std::ops::Range;

use super::render::bounded;
use crate::limits::{LABELS, RENDERED_LINE_BYTES};
use crate::source::{Source, Span};
use crate::visible::visible;

/// Lines that are shown together. What is between two of them and has no mark is empty here.
#[derive(Debug)]
pub(super) struct Part {
    /// The number of the first line, from 1.
    pub(super) first_line: u32,
    /// The number of the last line.
    pub(super) last_line: u32,
    /// The lines, without hidden characters.
    pub(super) text: String,
    /// What is marked in them.
    pub(super) marks: Vec<Mark>,
}

/// A marked place.
#[derive(Debug)]
pub(super) struct Mark {
    /// Bytes of the part's text.
    pub(super) range: Range<usize>,
    /// What it is; the finding's own place has none.
    pub(super) label: Option<String>,
}

/// Lines further apart than this are parts of their own: between others the renderer counts every line.
const GAP: u32 = 64;

/// The lines with `span` and the places of `labels`, in the order of the document.
pub(super) fn excerpts(source: &Source, span: Span, labels: &[(Span, Cow<'static, str>)]) -> Vec<Part> {
    let labels = labels.iter().take(LABELS).map(|(span, label)| (*span, Some(label.as_ref())));
    let mut marks: Vec<(u32, Span, Option<&str>)> = std::iter::once((span, None))
        .chain(labels)
        .map(|(span, label)| (source.position(span.start).line, span, label))
        .collect();
    marks.sort_by_key(|(line, span, label)| (*line, label.is_some(), span.start));
    let mut parts: Vec<Part> = Vec::new();
    for marks in marks.chunk_by(|(one, ..), (other, ..)| one == other) {
        let (number, line) = (marks[0].0, Line::of(source.text(), marks));
        match parts.last_mut().filter(|part| number - part.last_line <= GAP) {
            Some(part) => part.append(number, line, source.text(), marks[0].1),
            None => {
                parts.push(Part { first_line: number, last_line: number, text: line.text, marks: line.marks })
            }
        }
    }
    parts
}

impl Part {
    fn append(&mut self, number: u32, line: Line, text: &str, span: Span) {
        let gap = number - self.last_line;
        self.text.push('\n');
        // A single line between two others is shown, longer gaps are not.
        if gap == 2 {
            let start = bounds(text, span).start;
            let between = bounds(text, Span::new(start - 1, start - 1));
            let cut = text.floor_char_boundary(between.end.min(between.start + RENDERED_LINE_BYTES));
            self.text.push_str(visible(&text[between.start..cut]).trim_end());
            self.text.push_str(if cut < between.end { "…" } else { "" });
        }
        self.text.extend((1..gap).map(|_| '\n'));
        let begin = self.text.len();
        self.text.push_str(&line.text);
        self.marks.extend(
            line.marks.into_iter().map(|mark| Mark {
                range: begin + mark.range.start..begin + mark.range.end,
                label: mark.label,
            }),
        );
        self.last_line = number;
    }
}

/// One line as it is shown.
struct Line {
    text: String,
    marks: Vec<Mark>,
}

/// The line of `text` that `span` begins in, without its end.
fn bounds(text: &str, span: Span) -> Range<usize> {
    let start = text.floor_char_boundary((span.start as usize).min(text.len()));
    let from = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let to = text[start..].find('\n').map_or(text.len(), |at| start + at);
    from..to
}

impl Line {
    /// The line with these marks, which all begin in it.
    fn of(text: &str, marks: &[(u32, Span, Option<&str>)]) -> Self {
        let line = bounds(text, marks[0].1);
        let ranges: Vec<Range<usize>> = marks
            .iter()
            .map(|(_, span, _)| {
                let start = text.floor_char_boundary((span.start as usize).min(text.len()));
                start..text.floor_char_boundary((span.end as usize).clamp(start, line.end))
            })
            .collect();
        let pieces = pieces(text, &line, &ranges);
        let mut shown = String::new();
        let mut starts = Vec::with_capacity(pieces.len());
        let mut end = line.start;
        for piece in &pieces {
            shown.push_str(if piece.start > end { "…" } else { "" });
            starts.push(shown.len());
            shown.push_str(&visible(&text[piece.clone()]));
            end = piece.end;
        }
        let place = |at: usize| {
            let index = pieces.partition_point(|piece| piece.start <= at).saturating_sub(1);
            let piece = &pieces[index];
            starts[index] + visible(&text[piece.start..at.min(piece.end)]).len()
        };
        let marked = ranges.iter().zip(marks).map(|(range, (_, _, label))| {
            let start = place(range.start);
            // What is too long is marked as far as the piece goes that it begins in.
            let piece = pieces.iter().rfind(|piece| piece.start <= range.start);
            let end = place(range.end.min(piece.map_or(range.end, |piece| piece.end)));
            Mark { range: start..end.max(start), label: label.map(|label| bounded(label).into_owned()) }
        });
        let marks: Vec<Mark> = marked.collect();
        if end < line.end {
            shown.push('…');
        } else {
            let kept = marks.iter().map(|mark| mark.range.end).max().unwrap_or(0);
            shown.truncate(shown.trim_end().len().max(kept));
        }
        Self { text: shown, marks }
    }
}

/// What of a line is shown: all of it, or of a long one what is around its marks.
fn pieces(text: &str, line: &Range<usize>, marks: &[Range<usize>]) -> Vec<Range<usize>> {
    if line.len() <= RENDERED_LINE_BYTES {
        return vec![line.clone()];
    }
    // Never so little that a mark cannot be recognised.
    let width = (RENDERED_LINE_BYTES / marks.len().max(1)).max(RENDERED_LINE_BYTES / 4);
    let around = |mark: &Range<usize>| {
        let from = text.floor_char_boundary(mark.start.saturating_sub(width / 2).max(line.start));
        from..text.ceil_char_boundary((from + width).min(line.end)).min(line.end)
    };
    let mut around: Vec<Range<usize>> = marks.iter().map(around).collect();
    around.sort_by_key(|piece| piece.start);
    let mut pieces: Vec<Range<usize>> = Vec::new();
    for piece in around {
        match pieces.last_mut().filter(|last| piece.start <= last.end) {
            Some(last) => last.end = last.end.max(piece.end),
            None => pieces.push(piece),
        }
    }
    pieces
}
