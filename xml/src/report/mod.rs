//! Diagnostics: what is wrong, where, why, and what to do.

mod excerpt;
mod github;
mod human;
mod json;
mod render;
mod sarif;

use std::borrow::Cow;

pub use crate::codes::Code;
use crate::domain::{Dialect, Domain, Origin};
use crate::limits;
use crate::source::Span;
pub use github::github;
pub use render::{Finding, Kind, render};
pub use sarif::sarif;

/// Everything found in one document.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order of the document.
    pub diagnostics: Vec<Diagnostic>,
    /// How many more there were than are kept.
    pub suppressed: usize,
    /// Which vocabulary the document uses; `None` where its root does not say.
    pub dialect: Option<Dialect>,
    /// Whether there is an error, kept or not.
    failed: bool,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code.
    pub code: Code,
    /// Severity.
    pub severity: Severity,
    /// One sentence.
    pub message: Cow<'static, str>,
    /// The place.
    pub span: Span,
    /// The element or attribute, like `/domain/devices/filesystem[2]/source/@dir`.
    pub path: String,
    /// Other places that matter, and what they are.
    pub labels: Vec<(Span, Cow<'static, str>)>,
    /// What to do.
    pub help: Option<Cow<'static, str>>,
}

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The document is refused.
    Error,
    /// The document is accepted; this part has no effect, or not the one that one would think.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl Diagnostic {
    pub(crate) fn new(
        code: Code,
        severity: Severity,
        span: Span,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            span,
            path: String::new(),
            labels: Vec::new(),
            help: None,
        }
    }
    pub(crate) fn error(code: Code, span: Span, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(code, Severity::Error, span, message)
    }
    pub(crate) fn warning(code: Code, span: Span, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(code, Severity::Warning, span, message)
    }
    pub(crate) fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }
    pub(crate) fn help(mut self, help: impl Into<Cow<'static, str>>) -> Self {
        self.help = Some(help.into());
        self
    }
    pub(crate) fn label(mut self, span: Span, text: impl Into<Cow<'static, str>>) -> Self {
        self.labels.push((span, text.into()));
        self
    }
}

/// A line for each finding: its code, and the sentence. With the lines of the document: [`Report::render_human`].
impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, finding) in self.diagnostics.iter().enumerate() {
            let before = if index == 0 { "" } else { "\n" };
            let message = crate::visible::visible(&finding.message);
            write!(f, "{before}{}[{}]: {message}", finding.severity.as_str(), finding.code)?;
        }
        Ok(())
    }
}

impl std::error::Error for Report {}

impl Report {
    /// Whether the document is refused.
    pub fn has_errors(&self) -> bool {
        self.failed
    }

    /// How many errors are kept.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The warnings that are kept.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Warning)
    }

    /// Makes an error of every warning that something has no effect (`--deny ignored`).
    pub fn deny_ignored(&mut self) {
        for diagnostic in &mut self.diagnostics {
            if diagnostic.code == Code::Ignored {
                diagnostic.severity = Severity::Error;
                self.failed = true;
            }
        }
    }

    /// Makes errors of what a start of `domain` would be refused for (who asked, why, and what to do): of the warnings
    /// that say so, or new ones.
    pub fn refuse(&mut self, domain: &Domain, problems: impl IntoIterator<Item = (Origin, String, String)>) {
        for (origin, message, help) in problems {
            let Some(span) = domain.span_of(origin) else { continue };
            let said = self.diagnostics.iter_mut().find(|said| {
                said.code == Code::CannotStart && said.span == span && said.message == message.as_str()
            });
            match said {
                Some(said) => {
                    said.severity = Severity::Error;
                    self.failed = true;
                }
                None => self.push(Diagnostic::error(Code::CannotStart, span, message).help(help)),
            }
        }
        self.sort();
    }

    /// Adds a finding. Beyond [`limits::DIAGNOSTICS`] an error still takes a warning's place.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        let error = diagnostic.severity == Severity::Error;
        self.failed |= error;
        if self.diagnostics.len() < limits::DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
            return;
        }
        self.suppressed += 1;
        let warning = self.diagnostics.iter().rposition(|kept| kept.severity == Severity::Warning);
        if let (true, Some(at)) = (error, warning) {
            self.diagnostics[at] = diagnostic;
        }
    }

    /// Adds everything that another report has found.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.failed |= other.failed;
        self.suppressed += other.suppressed;
        for diagnostic in other.diagnostics {
            self.push(diagnostic);
        }
    }

    /// Whether one more error would only be counted.
    pub(crate) fn is_full(&self) -> bool {
        self.diagnostics.len() >= limits::DIAGNOSTICS
            && self.diagnostics.iter().all(|kept| kept.severity == Severity::Error)
    }

    /// Counts an error that would only be counted.
    pub(crate) fn only_count(&mut self) {
        self.failed = true;
        self.suppressed += 1;
    }

    /// Takes back errors that another one explains better.
    pub(crate) fn forget(&mut self, explained: impl Fn(&Diagnostic) -> bool) {
        self.diagnostics.retain(|diagnostic| !explained(diagnostic));
    }

    /// Puts the findings into the order of the document.
    pub(crate) fn sort(&mut self) {
        let key = |diagnostic: &Diagnostic| (diagnostic.span.start, diagnostic.span.end, diagnostic.code);
        if !self.diagnostics.is_sorted_by_key(key) {
            self.diagnostics.sort_by_key(key);
        }
    }
}
