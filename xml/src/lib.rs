#![forbid(unsafe_code)]
//! Container domain XML: text in, a typed [`domain::Domain`] or a [`report::Report`] out.
//!
//! [`Domain::parse`](domain::Domain::parse) is the door, and [`read`] gives what is wrong and the domain side by side. The shape of a document is data ([`schema`]); meaning is in the value
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

impl Domain {
    /// The domain of a document of either dialect, and what is to be said of it: warnings alone.
    ///
    /// # Errors
    /// Everything that is wrong with the document, each with its place.
    ///
    /// # Examples
    /// ```
    /// use browndog_xml::domain::Domain;
    /// use browndog_xml::source::Source;
    ///
    /// let text = "<domain type='lxc'>
    ///   <name>web</name>
    ///   <memory unit='MiB'>64</memory>
    ///   <os><type>exe</type><init>/bin/sh</init></os>
    /// </domain>";
    /// let (domain, said) = Domain::parse(&Source::new("web.xml", text))?;
    /// assert_eq!(domain.name.value.as_str(), "web");
    /// assert_eq!(domain.memory.limit.map(|limit| limit.value), Some(64 << 20));
    /// assert!(said.diagnostics.is_empty());
    ///
    /// let wrong = Source::new("web.xml", text.replace("init>", "inti>"));
    /// let report = Domain::parse(&wrong).unwrap_err();
    /// let first = report.errors().next().expect("there is an error");
    /// assert_eq!((first.code.to_string().as_str(), wrong.position(first.span.start).line), ("BD0200", 4));
    /// assert!(report.to_string().contains("there is no element <inti> in <os>"));
    /// # Ok::<(), browndog_xml::report::Report>(())
    /// ```
    pub fn parse(source: &Source) -> Result<(Self, Report), Report> {
        let Reading { domain, report } = read(source);
        match domain {
            Some(domain) => Ok((domain, report)),
            None => Err(report),
        }
    }
}

/// Reads one document of either dialect.
pub fn read(source: &Source) -> Reading {
    read_for(source, None)
}

/// Reads one document, and takes what came with a later libvirt than this one for an error.
pub fn read_for(source: &Source, libvirt: Option<schema::Version>) -> Reading {
    let (lowering, mut report, _) = check::check_for(source, lower::Lowering::default(), libvirt);
    report.dialect = lowering.dialect();
    let domain = lowering.finish(&mut report);
    Reading { domain, report }
}
