//! The name has to make a host name, or there has to be another.

use super::place;
use crate::codes::Code;
use crate::lower::Draft;
use crate::report::{Diagnostic, Report};
use crate::value::{Hostname, quoted};

pub(super) fn check(draft: &Draft, report: &mut Report) {
    let (Some(name), None) = (&draft.name, &draft.hostname) else { return };
    if Hostname::from_domain_name(name.value.as_str()).is_some() {
        return;
    }
    let message = format!("no host name can be made of the name {}", quoted(name.value.as_str()));
    let fault = Diagnostic::error(Code::NoHostname, place(name.origin).unwrap_or(draft.root), message)
        .path("/domain/name");
    report.push(fault.help(
        "use a letter or digit in the name, or write <browndog:hostname> (xmlns:browndog='urn:browndog:domain:1')",
    ));
}
