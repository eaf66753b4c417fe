//! What every container has covered: kernel interfaces that are not namespaced.
//!
//! The one table: a start covers what the kernel has of it, a bundle names all of it.

use serde::Serialize;

/// How a kernel interface is covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Cover {
    /// An empty file on top.
    HideFile,
    /// An empty read-only directory on top.
    HideDirectory,
    /// Itself, read-only.
    ReadOnly,
}

/// What is covered where the kernel has it. Why each is: `xml/DECISIONS.md`, "Kernel interfaces".
pub const COVERS: [(&str, Cover); 30] = [
    ("/proc/allocinfo", Cover::HideFile),
    ("/proc/interrupts", Cover::HideFile),
    ("/proc/kcore", Cover::HideFile),
    ("/proc/key-users", Cover::HideFile),
    ("/proc/keys", Cover::HideFile),
    ("/proc/kpagecgroup", Cover::HideFile),
    ("/proc/kpagecount", Cover::HideFile),
    ("/proc/kpageflags", Cover::HideFile),
    ("/proc/latency_stats", Cover::HideFile),
    ("/proc/pagetypeinfo", Cover::HideFile),
    ("/proc/sched_debug", Cover::HideFile),
    ("/proc/slabinfo", Cover::HideFile),
    ("/proc/softirqs", Cover::HideFile),
    ("/proc/sysrq-trigger", Cover::HideFile),
    ("/proc/timer_list", Cover::HideFile),
    ("/proc/timer_stats", Cover::HideFile),
    ("/proc/vmallocinfo", Cover::HideFile),
    ("/proc/acpi", Cover::HideDirectory),
    ("/proc/asound", Cover::HideDirectory),
    ("/proc/dynamic_debug", Cover::HideDirectory),
    ("/proc/irq", Cover::HideDirectory),
    ("/proc/scsi", Cover::HideDirectory),
    ("/proc/bus", Cover::ReadOnly),
    ("/proc/fs", Cover::ReadOnly),
    ("/proc/sys", Cover::ReadOnly),
    ("/sys/firmware", Cover::HideDirectory),
    ("/sys/devices/virtual/powercap", Cover::HideDirectory),
    ("/sys/class/zram-control", Cover::HideDirectory),
    ("/sys/kernel/irq", Cover::HideDirectory),
    ("/sys/kernel/slab", Cover::HideDirectory),
];

/// How `path` is covered in every container, if it is.
pub fn cover_of(path: &str) -> Option<Cover> {
    COVERS.iter().find(|(covered, _)| *covered == path).map(|(_, cover)| *cover)
}

/// Whether nothing of `path` is left to see in any container.
pub fn is_hidden(path: &str) -> bool {
    cover_of(path).is_some_and(|cover| cover != Cover::ReadOnly)
}
