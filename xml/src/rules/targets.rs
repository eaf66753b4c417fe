//! One mount at one place.

use std::collections::HashMap;

use super::place;
use crate::codes::Code;
use crate::domain::Dialect;
use crate::lower::Draft;
use crate::report::{Diagnostic, Report, Severity};

pub(super) fn check(draft: &Draft, report: &mut Report) {
    if draft.filesystems.len() < 2 {
        return;
    }
    let mut seen = HashMap::with_capacity(draft.filesystems.len());
    for filesystem in &draft.filesystems {
        let path = filesystem.target.value.as_str();
        let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
        let Some(first) = seen.insert(path, filesystem.target.origin) else { continue };
        let (Some(span), Some(first)) = (place(filesystem.target.origin), place(first)) else { continue };
        let severity = match draft.dialect {
            Some(Dialect::LinuxContainer) => Severity::Error,
            _ => Severity::Warning,
        };
        let message = format!("{} is mounted over a second time", crate::value::quoted(path));
        let fault = Diagnostic::new(Code::TargetTwice, severity, span, message)
            .path("/domain/devices/filesystem/target/@dir");
        report.push(fault.label(first, "first mount").help("the later one hides the earlier one"));
    }
}
