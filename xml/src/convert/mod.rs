//! From one description of a container to another. What the target cannot say is said to the
//! user, with its place and the reason; nothing is left out in silence.
//!
//! Every reader ends in a document of the `lxc` dialect that is then read like any other, so that
//! a value is judged by one set of rules, and what is wrong with it is shown where it came from.

mod binds;
mod devices;
mod domain;
mod element;
mod fitting;
mod json;
mod lxc_conf;
mod mounting;
mod oci;
mod rfc;
mod surroundings;

use element::{Element, Place};

use crate::bytes;
use crate::domain::Domain;
use crate::report::{Code, Diagnostic, Report};
use crate::source::Source;

pub use lxc_conf::{Include, from_lxc_conf, from_lxc_conf_on};
pub use oci::{from_oci, from_oci_on, to_oci};
pub use rfc::from_xml;
pub use surroundings::{Node, Seen, Surroundings};

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
        let lost = |code| matches!(code, Code::NotCarried | Code::CarriedOtherwise | Code::UnknownKey);
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

/// Whether a path, of a file or in JSON, is this one or below it.
fn is_below(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What becomes of something that has no place as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is not in the document.
    Lost,
    /// It is said otherwise.
    Otherwise,
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

    fn say(&mut self, fate: Fate, place: Place, path: &str, what: String) {
        match fate {
            Fate::Lost => self.lost(place, path, what),
            Fate::Otherwise => self.otherwise(place, path, what),
        }
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
