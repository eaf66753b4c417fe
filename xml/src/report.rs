//! Diagnostics: what is wrong, where, why, and what to do.

use crate::source::Span;

/// Everything found in one document.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order of the document.
    pub diagnostics: Vec<Diagnostic>,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Number of the stable code: 7 for `BD0007`.
    pub code: u16,
    /// Severity.
    pub severity: Severity,
    /// One sentence.
    pub message: String,
    /// The place.
    pub span: Span,
    /// The element or attribute, like `/domain/devices/filesystem[2]/source/@dir`.
    pub path: String,
    /// What to do.
    pub help: Option<String>,
}

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The document is refused.
    Error,
    /// The document is accepted; this part has no effect, or not the one that one would think.
    Warning,
}
