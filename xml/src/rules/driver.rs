//! What libvirt's driver asks of a whole definition, for elements without effect here.

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
    for &(thread, span) in &whole.iothread_refs {
        let known = if whole.iothread_ids.is_empty() {
            thread >= 1 && thread <= whole.iothreads
        } else {
            whole.iothread_ids.contains(&thread)
        };
        if !known && !wrong_threads {
            let message = format!("there is no I/O thread {thread}");
            let fault = Diagnostic::error(Code::OutOfRange, span, message).path("/domain/cputune");
            report.push(fault.help("<iothreads> says how many there are, <iothreadids> which"));
        }
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
