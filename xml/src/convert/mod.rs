//! From one description of a container to another. What the target cannot say is said to the
//! user, with its place and the reason; nothing is left out in silence.
//!
//! Every reader ends in a document of the `lxc` dialect that is then read like any other, so that
//! a value is judged by one set of rules, and what is wrong with it is shown where it came from.

mod devices;
mod domain;
mod element;
mod json;
mod lxc_conf;
mod mounting;
mod oci;
mod rfc;

use element::{Element, Place};

use crate::bytes;
use crate::domain::Domain;
use crate::report::{Code, Diagnostic, Report, Severity};
use crate::source::{Source, Span};

pub use lxc_conf::{Include, from_lxc_conf};
pub use oci::{from_oci, to_oci};
pub use rfc::from_xml;

/// What a conversion gives.
#[derive(Debug)]
pub struct Converted {
    /// The written document; `None` where there is an error.
    pub text: Option<String>,
    /// The domain that the written document says; for a document of another kind, the one that
    /// it was made from.
    pub domain: Option<Domain>,
    /// What was read, and what was found in each: errors, and what could not be carried over.
    pub reports: Vec<(Source, Report)>,
}

impl Converted {
    /// Whether something could not be carried over as it was.
    pub fn is_lossy(&self) -> bool {
        let lost = |code| matches!(code, Code::NotCarried | Code::CarriedOtherwise);
        self.reports.iter().any(|(_, report)| report.diagnostics.iter().any(|it| lost(it.code)))
    }

    /// Whether there is an error.
    pub fn has_errors(&self) -> bool {
        self.reports.iter().any(|(_, report)| report.has_errors())
    }

    fn failed(source: &Source, report: Report) -> Self {
        Self { text: None, domain: None, reports: vec![(source.clone(), report)] }
    }
}

/// The sources of a conversion and what is found in them.
#[derive(Default)]
struct Findings {
    reports: Vec<(Source, Report)>,
}

impl Findings {
    fn of(source: &Source) -> Self {
        Self { reports: vec![(source.clone(), Report::default())] }
    }

    fn push(&mut self, place: Place, diagnostic: Diagnostic) {
        if let Some((_, report)) = self.reports.get_mut(place.source) {
            report.push(diagnostic);
        }
    }

    /// `what` has no words in the target.
    fn lost(&mut self, place: Place, path: impl Into<String>, why: impl Into<String>) {
        let why: String = why.into();
        self.push(place, Diagnostic::warning(Code::NotCarried, place.span, why).path(path));
    }

    /// `what` is said in other words that do not mean quite the same.
    fn otherwise(&mut self, place: Place, path: impl Into<String>, how: impl Into<String>) {
        let how: String = how.into();
        self.push(place, Diagnostic::warning(Code::CarriedOtherwise, place.span, how).path(path));
    }

    /// The source is not what it claims to be.
    fn wrong(
        &mut self,
        place: Place,
        path: impl Into<String>,
        message: impl Into<String>,
        help: &'static str,
    ) {
        let message: String = message.into();
        self.push(place, Diagnostic::error(Code::BadSource, place.span, message).path(path).help(help));
    }

    fn has_errors(&self) -> bool {
        self.reports.iter().any(|(_, report)| report.has_errors())
    }

    fn sorted(mut self) -> Vec<(Source, Report)> {
        for (_, report) in &mut self.reports {
            report.sort();
        }
        self.reports
    }

    /// Writes the document and reads it: what is wrong with it is wrong with what it was made from.
    fn conclude(mut self, root: &Element) -> Converted {
        if self.has_errors() {
            return Converted { text: None, domain: None, reports: self.sorted() };
        }
        let text = crate::fmt::write(&root.item());
        let mut places = Vec::new();
        root.places(Place { source: 0, span: Span::default() }, &mut places);
        let starts = start_tags(&text);
        // The element whose start tag is the last one before.
        let origin = |span: Span| {
            let number = starts.partition_point(|&start| start <= span.start as usize);
            places[number.saturating_sub(1).min(places.len() - 1)]
        };
        let reading = crate::read(&Source::new("converted.xml", text.clone()));
        for mut diagnostic in reading.report.diagnostics {
            let place = origin(diagnostic.span);
            diagnostic.span = place.span;
            let labels = std::mem::take(&mut diagnostic.labels).into_iter();
            let labels = labels.map(|(span, text)| (origin(span), text));
            let here = labels.filter(|(label, _)| label.source == place.source && label.span != place.span);
            diagnostic.labels = here.map(|(label, text)| (label.span, text)).collect();
            // Nobody wrote the elements that were made.
            if diagnostic.severity == Severity::Error {
                diagnostic.message = format!("in {}: {}", diagnostic.path, diagnostic.message).into();
            }
            self.push(place, diagnostic);
        }
        let text = reading.domain.is_some().then_some(text);
        Converted { text, domain: reading.domain, reports: self.sorted() }
    }
}

/// Where the start tags of a written document begin: elsewhere than in comments, `<` is escaped.
fn start_tags(text: &str) -> Vec<usize> {
    let comments = crate::events::comments(text);
    let in_comment = |at: usize| {
        let next = comments.partition_point(|comment| comment.end as usize <= at);
        comments.get(next).is_some_and(|comment| comment.start as usize <= at)
    };
    let tag = |at: &usize| !matches!(text.as_bytes().get(at + 1), Some(b'/' | b'!' | b'?') | None);
    bytes::find_all(b'<', text.as_bytes()).filter(tag).filter(|&at| !in_comment(at)).collect()
}
