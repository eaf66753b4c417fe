//! A partition names groups from the root of the hierarchy down, and nothing else.

use super::place;
use crate::codes::Code;
use crate::lower::Draft;
use crate::report::{Diagnostic, Report};
use crate::value::quoted;

pub(super) fn check(draft: &Draft, report: &mut Report) {
    let Some(partition) = &draft.partition else { return };
    let path = partition.value.as_str();
    if let Some(part) = path.split('/').find(|part| matches!(*part, "." | ".."))
        && let Some(span) = place(partition.origin)
    {
        let message = format!("<partition>: {} has a part {}, which is no group", quoted(path), quoted(part));
        let fault = Diagnostic::error(Code::BadPath, span, message).path("/domain/resource/partition");
        report.push(fault.help("write the groups from the top down: /machine/tenants"));
    }
}
