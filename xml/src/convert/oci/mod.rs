//! The OCI runtime specification's `config.json` (version 1.0 and later of 1).

mod leftover;
mod linux;
mod process;
mod read;
mod write;
mod write_linux;

pub use read::from_oci;
pub use write::to_oci;

/// What browndog covers in every container.
pub(super) const MASKED: [&str; 11] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];

/// What browndog makes read-only or covers in every container.
pub(super) const READ_ONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// What the domain's own words that the OCI has none for are annotated as.
pub(super) const ANNOTATION: &str = "org.libvirt.domain.";
