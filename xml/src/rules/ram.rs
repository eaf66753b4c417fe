//! A file system in memory has a size.

use super::place;
use crate::codes::Code;
use crate::domain::FilesystemSource;
use crate::lower::Draft;
use crate::report::{Diagnostic, Report};

pub(super) fn check(draft: &Draft, report: &mut Report) {
    for filesystem in &draft.filesystems {
        let FilesystemSource::Ram { bytes, .. } = &filesystem.source else { continue };
        if bytes.value == 0
            && let Some(span) = place(bytes.origin)
        {
            let message = "@usage of <source>: a file system of 0 bytes is one without a bound to the kernel";
            let fault = Diagnostic::error(Code::OutOfRange, span, message)
                .path("/domain/devices/filesystem/source/@usage");
            report.push(fault.help("write how much it may hold, in KiB or with units"));
        }
    }
}
