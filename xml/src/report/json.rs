//! Diagnostics as JSON.

use serde_json::{Value, json};

use super::{Diagnostic, Report};
use crate::domain::Dialect;
use crate::source::Source;

impl Report {
    /// One object for the document: its file, verdict and diagnostics.
    pub fn to_json(&self, source: &Source) -> Value {
        let diagnostics: Vec<Value> = self.diagnostics.iter().map(|it| diagnostic(it, source)).collect();
        let mut object = json!({
            "file": source.name(),
            "verdict": if self.has_errors() { "invalid" } else { "valid" },
            "dialect": self.dialect.map(|dialect| match dialect {
                Dialect::Lxc => "lxc",
                Dialect::LinuxContainer => "linuxcontainer",
            }),
            "diagnostics": diagnostics,
        });
        if self.suppressed > 0 {
            object["suppressed"] = json!(self.suppressed);
        }
        object
    }
}

fn diagnostic(diagnostic: &Diagnostic, source: &Source) -> Value {
    let (start, end) = (source.position(diagnostic.span.start), source.position(diagnostic.span.end));
    let mut object = json!({
        "code": diagnostic.code.to_string(),
        "severity": diagnostic.severity.as_str(),
        "message": diagnostic.message,
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
        "path": diagnostic.path,
        "help": diagnostic.help,
    });
    if !diagnostic.labels.is_empty() {
        let labels: Vec<Value> = diagnostic
            .labels
            .iter()
            .map(|(span, text)| {
                let (start, end) = (source.position(span.start), source.position(span.end));
                json!({
                    "line": start.line, "column": start.column,
                    "end_line": end.line, "end_column": end.column, "text": text,
                })
            })
            .collect();
        object["labels"] = Value::Array(labels);
    }
    object
}
