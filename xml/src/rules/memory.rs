//! Memory limits that can hold together.

use super::place;
use crate::codes::Code;
use crate::domain::Sourced;
use crate::lower::Draft;
use crate::report::{Diagnostic, Report};

/// Below this not even a shell starts.
const LITTLE: u64 = 128 << 10;

pub(super) fn check(draft: &Draft, report: &mut Report) {
    if let (Some(memnode), false) = (draft.memnode, draft.has_numa_cells) {
        let message = "<memnode> speaks of a guest's NUMA cells, and there are none";
        let fault = Diagnostic::error(Code::Contradiction, memnode, message).path("/domain/numatune/memnode");
        report.push(fault.help("remove it: a container uses the host's nodes"));
    }
    let memory = &draft.memory;
    if let Some(Sourced { value, origin }) = &memory.maximum
        && let Some(span) = place(*origin)
    {
        if *value == 0 {
            let fault =
                Diagnostic::error(Code::OutOfRange, span, "<memory>: a container without memory cannot run");
            report
                .push(fault.path("/domain/memory").help("write how much it may use, in KiB or with a unit"));
        } else if *value < LITTLE {
            let message = format!("{value} bytes of memory are too few to run anything");
            report.push(
                Diagnostic::warning(Code::Suspicious, span, message)
                    .path("/domain/memory")
                    .help("the unit is KiB where none is written"),
            );
        }
    }
    let limit = memory.limit.as_ref().or(memory.maximum.as_ref());
    if let (Some(limit), Some(current)) = (&memory.maximum, &memory.current)
        && current.value > limit.value
        && let Some(span) = place(current.origin)
    {
        let mut warning =
            Diagnostic::warning(Code::Suspicious, span, "<currentMemory> is above <memory>, which holds");
        warning.labels.extend(place(limit.origin).map(|span| (span, "the limit".into())));
        report.push(warning.path("/domain/currentMemory"));
    }
    if let (Some(limit), Some(both)) = (limit, &memory.memory_and_swap)
        && both.value < limit.value
        && let Some(span) = place(both.origin)
    {
        let message = "<swap_hard_limit> is below the limit of memory alone";
        let mut fault =
            Diagnostic::error(Code::Contradiction, span, message).path("/domain/memtune/swap_hard_limit");
        fault.labels.extend(place(limit.origin).map(|span| (span, "the limit of memory".into())));
        report.push(fault.help("it bounds memory and swap together, so it has to be at least as large"));
    }
}
