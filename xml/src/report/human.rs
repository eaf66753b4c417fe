//! Diagnostics for people: the source line, the place in it, labels and help.

use std::fmt::Write as _;

use super::{Diagnostic, Report, Severity};
use crate::limits::RENDERED_LINE_BYTES;
use crate::source::{Source, Span};
use crate::value::is_invisible;

/// Colours, or none.
struct Paint {
    error: &'static str,
    warning: &'static str,
    frame: &'static str,
    help: &'static str,
    bold: &'static str,
    reset: &'static str,
}

const PLAIN: Paint = Paint { error: "", warning: "", frame: "", help: "", bold: "", reset: "" };
const COLOURED: Paint = Paint {
    error: "\x1b[1;31m",
    warning: "\x1b[1;33m",
    frame: "\x1b[1;34m",
    help: "\x1b[1;32m",
    bold: "\x1b[1m",
    reset: "\x1b[0m",
};

impl Report {
    /// Everything found, with the lines of the document it is about.
    pub fn render_human(&self, source: &Source, color: bool) -> String {
        let paint = if color { &COLOURED } else { &PLAIN };
        let mut out = String::new();
        for diagnostic in &self.diagnostics {
            write_diagnostic(&mut out, diagnostic, source, paint);
            out.push('\n');
        }
        if self.suppressed > 0 {
            line(&mut out, format_args!("… and {} more", self.suppressed));
        }
        out
    }
}

/// Writing to a `String` cannot fail.
fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).unwrap_or_default();
    out.push('\n');
}

fn write_diagnostic(out: &mut String, diagnostic: &Diagnostic, source: &Source, paint: &Paint) {
    let Paint { frame, bold, reset, .. } = paint;
    let color = match diagnostic.severity {
        Severity::Error => paint.error,
        Severity::Warning => paint.warning,
    };
    let severity = diagnostic.severity.as_str();
    let message = visible(&diagnostic.message);
    line(out, format_args!("{color}{severity}[{}]{reset}{bold}: {message}{reset}", diagnostic.code));
    let place = source.position(diagnostic.span.start);
    let mut marks = vec![(diagnostic.span, None)];
    marks.extend(diagnostic.labels.iter().map(|(span, text)| (*span, Some(text.as_ref()))));
    marks.sort_by_key(|(span, label)| (source.position(span.start).line, label.is_some(), span.start));
    let last = marks.iter().map(|(span, _)| source.position(span.start).line).max().unwrap_or(1);
    let width = last.to_string().len();
    let name = visible(source.name());
    line(out, format_args!("{:width$}{frame}-->{reset} {name}:{}:{}", "", place.line, place.column));
    line(out, format_args!("{:width$} {frame}|{reset}", ""));
    let mut shown = 0;
    for (span, label) in marks {
        let number = source.position(span.start).line;
        let snippet = Snippet::of(source, span);
        if number != shown {
            if shown != 0 && number > shown + 1 {
                line(out, format_args!("{frame}{:.>width$}{reset}", ""));
            }
            line(out, format_args!("{frame}{number:>width$} |{reset} {}", snippet.line));
            shown = number;
        }
        let (color, mark, text) = match label {
            None => (color, "^", ""),
            Some(text) => (paint.frame, "-", text),
        };
        let blank = " ".repeat(snippet.before);
        let marks = mark.repeat(snippet.width.max(1));
        let end = format!("{blank}{color}{marks} {}", visible(text));
        line(out, format_args!("{:width$} {frame}|{reset} {}{reset}", "", end.trim_end()));
    }
    if let Some(help) = &diagnostic.help {
        line(out, format_args!("{:width$} {frame}={reset} {}help:{reset} {}", "", paint.help, visible(help)));
    }
}

/// A line of the document as it is shown, and where in it a span is.
struct Snippet {
    line: String,
    before: usize,
    width: usize,
}

impl Snippet {
    fn of(source: &Source, span: Span) -> Self {
        let text = source.text();
        let start = text.floor_char_boundary((span.start as usize).min(text.len()));
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let end = text.floor_char_boundary((span.end as usize).clamp(start, line_end));
        // A long line is cut around the place.
        let from = match start - line_start {
            far if far > RENDERED_LINE_BYTES / 2 => text.floor_char_boundary(start - RENDERED_LINE_BYTES / 2),
            _ => line_start,
        };
        let to = text.ceil_char_boundary((from + RENDERED_LINE_BYTES).min(line_end)).min(line_end);
        let (head, tail) = (if from > line_start { "…" } else { "" }, if to < line_end { "…" } else { "" });
        let end = end.min(to).max(start);
        let before = visible(&text[from..start]);
        let middle = visible(&text[start..end]);
        Self {
            before: before.chars().count() + head.chars().count(),
            width: middle.chars().count(),
            line: format!("{head}{before}{middle}{}{tail}", visible(text[end..to].trim_end())),
        }
    }
}

/// `text` with tabs as blanks and control or invisible characters spelt out, so that a document
/// cannot steer a terminal.
pub(super) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => out.push_str("    "),
            character if character.is_control() || (is_invisible(character) && character != '\u{A0}') => {
                out.extend(character.escape_unicode());
            }
            character => out.push(character),
        }
    }
    out
}
