//! One mount at one place.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::place;
use crate::codes::Code;
use crate::domain::{Dialect, Filesystem};
use crate::lower::Draft;
use crate::report::{Diagnostic, Report, Severity};

/// The target, however many slashes it ends with.
fn target(filesystem: &Filesystem) -> &str {
    let path = filesystem.target.value.as_str();
    if path.len() > 1 { path.trim_end_matches('/') } else { path }
}

/// Whether two targets may be the same. Numbers in a row are sorted in a fraction of the time that a
/// map of names takes, which matters where there are a hundred thousand.
fn may_repeat(filesystems: &[Filesystem]) -> bool {
    // Keyed anew each time: nobody can write targets that collide.
    let state = RandomState::new();
    let mut hashes: Vec<u64> = filesystems.iter().map(|it| state.hash_one(target(it))).collect();
    hashes.sort_unstable();
    hashes.windows(2).any(|pair| pair[0] == pair[1])
}

pub(super) fn check(draft: &Draft, report: &mut Report) {
    if draft.filesystems.len() < 2 || !may_repeat(&draft.filesystems) {
        return;
    }
    let mut seen = HashMap::with_capacity(draft.filesystems.len());
    for filesystem in &draft.filesystems {
        let path = target(filesystem);
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
