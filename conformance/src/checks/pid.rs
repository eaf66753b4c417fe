//! PID namespace and PID 1.

use crate::requirement::Check;
use crate::requirement::Severity::Isolation;

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "pid-01",
        Isolation,
        "plain",
        "The payload is PID 1 of a new PID namespace.",
        "pid_namespaces(7)",
        |j| {
            j.is("pid.self", 1);
            j.is("pid.parent", 0);
            j.is("pid.levels", 1);
            j.differ("host.ns.pid.init", "host.ns.pid.own");
            j.note("host.init.levels");
        },
    ),
    Check::new(
        "pid-01b",
        Isolation,
        "plain",
        "The host sees the payload exactly one PID namespace below its own.",
        "proc_pid_status(5), NSpid",
        |j| {
            let own = j.fact("host.own.levels").and_then(serde_json::Value::as_i64).unwrap_or(0);
            j.is("host.init.levels", own + 1);
        },
    ),
    Check::new(
        "pid-02",
        Isolation,
        "plain",
        "No process of the host can be seen or addressed.",
        "pid_namespaces(7); pidfd_open(2)",
        |j| {
            j.is("pid.visible", vec![1]);
            j.none("pid.addressable");
            j.is("pid.canary_kill", "ESRCH");
        },
    ),
    Check::new(
        "pid-02b",
        Isolation,
        "plain",
        "No process of the host can be opened as a pidfd.",
        "pidfd_open(2)",
        |j| {
            j.none("pid.addressable_by_pidfd");
            j.refused_with("pid.canary_pidfd", &["ESRCH", "ENOSYS", "EPERM"]);
        },
    ),
    Check::new(
        "pid-03",
        Isolation,
        "plain",
        "The mounted procfs belongs to the container's PID namespace, not to a supervisor or the host.",
        "proc(5)",
        |j| {
            j.is("pid.proc_self", "1");
            j.is("pid.proc_1_comm", "browndog-probe");
        },
    ),
    Check::new(
        "pid-11",
        Isolation,
        "plain",
        "The payload leads its own session and process group and has no terminal it was not given.",
        "setsid(2)",
        |j| {
            j.is("pid.session", 1);
            j.is("pid.group", 1);
            j.is("pid.tty_nr", 0);
        },
    ),
    Check::new(
        "pid-10",
        Isolation,
        "plain",
        "After all that was tried, the canary process of the host still lives.",
        "kill(2)",
        |j| {
            j.is("canary.process_alive", true);
        },
    ),
];
