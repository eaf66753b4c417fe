#![forbid(unsafe_code)]
//! Container domain XML: text in, a typed [`domain::Domain`] or a [`report::Report`] out.
//!
//! [`read`] is the door. The shape of a document is data ([`schema`]); meaning is in the value
//! types ([`value`]), the cross-field rules and the lowering.

mod bytes;
mod check;
mod codes;
pub mod convert;
pub mod covers;
pub mod domain;
mod events;
pub mod explain;
pub mod fmt;
pub mod generate;
pub mod laws;
pub mod limits;
mod lower;
mod nearest;
pub mod refusals;
pub mod report;
mod rules;
pub mod schema;
pub mod source;
pub mod system;
mod tree;
pub mod value;
pub mod visible;

use domain::Domain;
use report::Report;
use source::Source;

/// What reading a document gives: everything wrong with it, and the domain where nothing is.
#[derive(Debug)]
pub struct Reading {
    /// The typed domain; `None` when the report has an error.
    pub domain: Option<Domain>,
    /// All diagnostics in the order of the document.
    pub report: Report,
}

/// Reads one document of either dialect.
pub fn read(source: &Source) -> Reading {
    let (lowering, mut report, _) = check::check(source, lower::Lowering::default());
    report.dialect = lowering.dialect();
    let domain = lowering.finish(&mut report);
    Reading { domain, report }
}
