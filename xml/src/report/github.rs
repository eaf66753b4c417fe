//! Diagnostics as workflow commands, which GitHub shows as annotations.

use super::{Report, Severity};
use crate::source::Source;
use crate::visible::{visible, visible_lines};

/// One line for each diagnostic.
pub fn github(source: &Source, report: &Report) -> String {
    let mut out = String::new();
    for diagnostic in &report.diagnostics {
        let (start, end) = (source.position(diagnostic.span.start), source.position(diagnostic.span.end));
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let help =
            diagnostic.help.as_ref().map_or_else(String::new, |help| format!("\nhelp: {}", visible(help)));
        let (file, title) = (property(&visible_lines(source.name())), property(&diagnostic.code.to_string()));
        let place = if start.line == end.line {
            format!("line={},endLine={},col={},endColumn={}", start.line, end.line, start.column, end.column)
        } else {
            format!("line={},endLine={}", start.line, end.line)
        };
        let message = data(&format!("{}{help}", visible(&diagnostic.message)));
        out.push_str(&format!("::{command} file={file},{place},title={title}::{message}\n"));
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
