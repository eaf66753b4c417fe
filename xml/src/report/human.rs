//! Diagnostics for people.

use super::Report;
use super::render::{Finding, render};
use crate::source::Source;

impl Report {
    /// Everything found, with the lines of the document it is about.
    pub fn render_human(&self, source: &Source, colour: bool) -> String {
        let mut out = String::new();
        for diagnostic in &self.diagnostics {
            let help = diagnostic.help.as_deref().map(|help| ("help", help));
            let finding = Finding {
                kind: diagnostic.severity.into(),
                code: Some(diagnostic.code),
                message: &diagnostic.message,
                span: Some(diagnostic.span),
                labels: &diagnostic.labels,
                notes: help.as_slice(),
            };
            out.push_str(&render(&finding, source, colour));
            out.push('\n');
        }
        if self.suppressed > 0 {
            out.push_str(&format!("… and {} more\n", self.suppressed));
        }
        out
    }
}
