//! Everything that a container is shown, against what its recipe asked for.

use crate::requirement::Check;
use crate::requirement::Severity::Isolation;

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "mount-02d",
        Isolation,
        "plain",
        "Every mount is the recipe's, or a kernel's file system, a node or a cover at its own place.",
        "proc_pid_mountinfo(5), mount_namespaces(7)",
        |j| {
            j.note("swept.mounts");
            j.control(j.facts().number("swept.mounts").is_some_and(|n| n > 2), "mounts are shown");
            j.none("swept.unexpected");
        },
    ),
    Check::new(
        "mount-02e",
        Isolation,
        "volumes",
        "Beside declared volumes and memory file systems nothing else is mounted either.",
        "proc_pid_mountinfo(5), mount_namespaces(7)",
        |j| {
            j.note("swept.mounts");
            j.control(j.facts().number("swept.mounts").is_some_and(|n| n > 2), "mounts are shown");
            j.none("swept.unexpected");
        },
    ),
    Check::new(
        "mount-02f",
        Isolation,
        "strict",
        "With an id map, too, nothing is mounted that neither the recipe nor its own place explains.",
        "proc_pid_mountinfo(5), mount_namespaces(7)",
        |j| {
            j.note("swept.mounts");
            j.control(j.facts().number("swept.mounts").is_some_and(|n| n > 2), "mounts are shown");
            j.none("swept.unexpected");
        },
    ),
];
