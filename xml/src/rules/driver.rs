//! What libvirt's driver asks of a whole definition, for elements without effect here.

use std::ops::RangeInclusive;

use crate::codes::Code;
use crate::lower::Draft;
use crate::report::{Diagnostic, Report};

pub(super) fn check(draft: &Draft, report: &mut Report) {
    let whole = &draft.whole;
    let count = draft.vcpus.as_ref().map_or(1, |count| u64::from(count.value));
    // What is wrong itself says nothing about what refers to it.
    let wrong = |path: &str| report.errors().any(|error| error.path.starts_with(path));
    let (wrong_count, wrong_threads) = (wrong("/domain/vcpu"), wrong("/domain/iothread"));
    for &(cpu, span) in &whole.vcpus {
        if cpu >= count && !wrong_count {
            let message = format!("there is no CPU {cpu}: <vcpu> says {count}, counted from 0");
            report.push(Diagnostic::error(Code::OutOfRange, span, message).path("/domain"));
        }
    }
    let mut ids = whole.iothread_ids.clone();
    ids.sort_unstable();
    ids.dedup();
    for (threads, span) in whole.iothread_refs.iter().filter(|_| !wrong_threads) {
        let Some(thread) = missing(threads, &ids, whole.iothreads) else { continue };
        let message = format!("there is no I/O thread {thread}");
        let fault = Diagnostic::error(Code::OutOfRange, *span, message).path("/domain/cputune");
        report.push(fault.help("<iothreads> says how many there are, <iothreadids> which"));
    }
    if let (Some(graphics), false) = (whole.graphics, whole.video) {
        let message = "<graphics> needs a <video> with a <model>";
        let fault = Diagnostic::error(Code::Incomplete, graphics, message).path("/domain/devices/graphics");
        report.push(fault.help("a container has no screen: remove it"));
    }
    if let (Some(redirected), false) = (whole.redirected, whole.usb) {
        let message = "<redirdev> needs a <controller type='usb'>";
        let fault = Diagnostic::error(Code::Incomplete, redirected, message).path("/domain/devices/redirdev");
        report.push(fault.help("a container has no USB bus: remove it"));
    }
}

/// The first of `threads` that is neither one of `ids`, which are sorted and distinct, nor, where there
/// are none, one of the `count` first.
fn missing(threads: &RangeInclusive<u64>, ids: &[u64], count: u64) -> Option<u64> {
    if ids.is_empty() {
        return if *threads.start() == 0 {
            Some(0)
        } else {
            (*threads.end() > count).then(|| (count + 1).max(*threads.start()))
        };
    }
    let known = &ids[ids.partition_point(|id| id < threads.start())..];
    // As long as the numbers are without a gap, each stands as far from the first as it is larger.
    let (mut low, mut high) = (0, known.len());
    while low < high {
        let middle = low.midpoint(high);
        if known[middle] == threads.start() + middle as u64 {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Some(threads.start() + low as u64).filter(|thread| threads.contains(thread))
}
