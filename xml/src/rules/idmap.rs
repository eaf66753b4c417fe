//! Id maps that the kernel takes.

use super::place;
use crate::codes::Code;
use crate::domain::{IdRange, Sourced};
use crate::lower::Draft;
use crate::report::{Diagnostic, Report};
use crate::source::Span;

/// Most lines of a map: `UID_GID_MAP_MAX_EXTENTS` in the kernel.
const LINES: usize = 340;

/// Where a range has to end: 2^32-1 is no id.
const LAST: u64 = u32::MAX as u64;

pub(super) fn check(draft: &Draft, report: &mut Report) {
    let Some(map) = &draft.idmap else { return check_system(draft, report) };
    let place = place(map.origin).unwrap_or(draft.root);
    for (name, ranges) in [("uid", &map.uid), ("gid", &map.gid)] {
        check_ranges(name, ranges, place, report);
        check_host(name, ranges, place, report);
    }
}

/// What a whole system gets, it gets over its own user namespace.
fn check_system(draft: &Draft, report: &mut Report) {
    let Some(system) = draft.extension.system.as_ref().filter(|system| system.value) else { return };
    let message = "a whole system needs an <idmap>: without one its rights would be over the host";
    report.push(
        Diagnostic::error(Code::Incomplete, place(system.origin).unwrap_or(draft.root), message)
            .path("/domain/system")
            .help("add an <idmap>, or name the capabilities that the container needs in <features><capabilities>"),
    );
}

/// Ids below are accounts of the system itself: SYS_UID_MAX and SYS_GID_MAX of login.defs(5), and one.
const ACCOUNTS: u32 = 1000;

/// Who the container's users are on the host.
fn check_host(name: &str, ranges: &[Sourced<IdRange>], map: Span, report: &mut Report) {
    let what = if name == "uid" { "user" } else { "group" };
    for range in ranges.iter().filter(|range| range.value.count > 0) {
        let IdRange { start, target, .. } = range.value;
        let span = place(range.origin).unwrap_or(map);
        let found = if target == 0 {
            let message = format!("{what} {start} of the container is {what} 0 of the host: its root");
            Diagnostic::error(Code::MapsHostRoot, span, message)
                .help("map a range that nobody on the host has, as 100000 and up")
        } else if target < ACCOUNTS {
            let message = format!(
                "{what} {start} of the container is {what} {target} of the host: an account of its system"
            );
            Diagnostic::warning(Code::Suspicious, span, message).help(
                "what belongs to that account, files and processes, is the container's too: map a range that \
                 nobody on the host has, as 100000 and up",
            )
        } else {
            continue;
        };
        report.push(found.path(format!("/domain/idmap/{name}")));
    }
}

fn check_ranges(name: &str, ranges: &[Sourced<IdRange>], map: Span, report: &mut Report) {
    let mut fault =
        |at: &Sourced<IdRange>, label: Option<&Sourced<IdRange>>, message: String, help: &'static str| {
            let span = place(at.origin).unwrap_or(map);
            let mut fault = Diagnostic::error(Code::BadIdMap, span, message)
                .path(format!("/domain/idmap/{name}"))
                .help(help);
            fault.labels.extend(
                label.and_then(|label| place(label.origin)).map(|span| (span, "the other one".into())),
            );
            report.push(fault);
        };
    let mut by_target: Vec<&Sourced<IdRange>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        let IdRange { start, target, count } = range.value;
        if count == 0 {
            fault(range, None, "a range of no ids".to_owned(), "leave it out, or give a count");
        } else if u64::from(start) + u64::from(count) > LAST || u64::from(target) + u64::from(count) > LAST {
            let help = "ids end at 4294967294: the next one means \"unchanged\" to the kernel";
            fault(range, None, "the range goes beyond the last id".to_owned(), help);
        } else {
            by_target.push(range);
        }
    }
    if let Some(first) = ranges.first()
        && first.value.start != 0
    {
        fault(first, None, format!("no <{name}> begins at 0"), "root of the container has to be mapped");
    }
    if let Some(last) = ranges.get(LINES) {
        fault(last, None, format!("{} ranges", ranges.len()), "the kernel takes 340");
    }
    let overlap = |first: u32, count: u32, next: u32| u64::from(first) + u64::from(count) > u64::from(next);
    for pair in by_target.windows(2) {
        if overlap(pair[0].value.start, pair[0].value.count, pair[1].value.start) {
            fault(
                pair[1],
                Some(pair[0]),
                "two ranges overlap inside the container".to_owned(),
                "an id has one meaning",
            );
        }
    }
    by_target.sort_by_key(|range| range.value.target);
    for pair in by_target.windows(2) {
        if overlap(pair[0].value.target, pair[0].value.count, pair[1].value.target) {
            fault(
                pair[1],
                Some(pair[0]),
                "two ranges overlap on the host".to_owned(),
                "an id of the host is given once",
            );
        }
    }
}
