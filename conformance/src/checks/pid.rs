//! PID namespace and PID 1.

use crate::requirement::Check;
use crate::requirement::Severity::Isolation;

/// The area.
pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "pid-01",
        severity: Isolation,
        requirement: "The payload is PID 1 of a new PID namespace.",
        source: "pid_namespaces(7)",
        scene: "plain",
        judge: |j| {
            j.is("pid.self", 1);
            j.is("pid.parent", 0);
            j.is("pid.levels", 1);
            j.differ("host.ns.pid.init", "host.ns.pid.own");
            j.note("host.init.levels");
        },
    },
    Check {
        id: "pid-02",
        severity: Isolation,
        requirement: "No process of the host can be seen or addressed.",
        source: "pid_namespaces(7); pidfd_open(2)",
        scene: "plain",
        judge: |j| {
            j.is("pid.visible", vec![1]);
            j.none("pid.addressable");
            j.none("pid.addressable_by_pidfd");
            j.is("pid.canary_kill", "ESRCH");
            j.refused_with("pid.canary_pidfd", &["ESRCH", "ENOSYS", "EPERM"]);
        },
    },
];
