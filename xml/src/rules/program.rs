//! A container has to run something.

use crate::codes::Code;
use crate::domain::Dialect;
use crate::lower::Draft;
use crate::report::{Diagnostic, Report};

pub(super) fn check(draft: &Draft, report: &mut Report) {
    if draft.has_program || report.has_errors() {
        return;
    }
    let (message, path, help) = match draft.dialect {
        Some(Dialect::LinuxContainer) => (
            "nothing to run: there is no <application>",
            "/domain/application",
            "write <application>/sbin/init</application>, or the program and its arguments",
        ),
        _ => {
            ("nothing to run: <os> has no <init>", "/domain/os/init", "write <init>/sbin/init</init> in <os>")
        }
    };
    report.push(
        Diagnostic::error(Code::NothingToRun, draft.init.gap.unwrap_or(draft.root), message)
            .path(path)
            .help(help),
    );
}
