//! The system call filter, no_new_privs, personality.

use crate::judge::Judge;
use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation};

/// Each call is answered by the filter (or a missing capability or call), never by the kernel's own
/// look at the arguments.
fn stopped(j: &mut Judge<'_>, calls: &[&str]) {
    for call in calls {
        j.refused_with(&format!("seccomp.call.{call}"), &["EPERM", "ENOSYS", "EACCES"]);
    }
}

/// Nothing of this is let through by a filter that is the runtime's own; one that the recipe spells out
/// for another runtime names fewer calls.
fn own_filter(j: &mut Judge<'_>, name: &str) {
    match j.facts().text("run.runtime") {
        Some("browndog" | "null") => j.none(name),
        Some(_) => j.not_applicable("the filter is that of the recipe, which does not name these calls"),
        None => j.note("run.runtime"),
    }
}

/// A family of calls is stopped.
macro_rules! family {
    ($id:literal, $what:literal, $($call:literal),+) => {
        Check::new($id, Isolation, "plain", concat!($what, " does not reach the kernel."), "seccomp(2)", |j| {
            stopped(j, &[$($call),+])
        })
    };
}

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "seccomp-01",
        Isolation,
        "plain",
        "A filter is active on init.",
        "seccomp(2); proc_pid_status(5)",
        |j| {
            j.is("seccomp.mode", "2");
            j.is("host.init.seccomp", "2");
        },
    ),
    Check::new(
        "seccomp-01b",
        Isolation,
        "plain",
        "A filter is active on every thread.",
        "seccomp(2), SECCOMP_FILTER_FLAG_TSYNC",
        |j| j.only("seccomp.task_modes", &["2"]),
    ),
    Check::new(
        "seccomp-01c",
        Isolation,
        "nonroot",
        "A filter is active for another user as well.",
        "seccomp(2)",
        |j| j.is("seccomp.mode", "2"),
    ),
    family!("seccomp-02a", "The keyring family", "keyctl", "add_key", "request_key"),
    family!("seccomp-02b", "bpf and performance counters", "bpf", "perf_event_open"),
    family!("seccomp-02c", "io_uring", "io_uring_setup", "io_uring_enter", "io_uring_register"),
    family!("seccomp-02d", "userfaultfd", "userfaultfd"),
    family!("seccomp-02e", "kexec", "kexec_load", "kexec_file_load"),
    family!("seccomp-02f", "The module family", "init_module", "finit_module", "delete_module"),
    family!("seccomp-02g", "Opening by handle", "open_by_handle_at"),
    family!("seccomp-02h", "The old mount family", "mount", "umount2", "pivot_root"),
    family!(
        "seccomp-02i",
        "The new mount family",
        "fsopen",
        "fspick",
        "fsconfig",
        "fsmount",
        "move_mount",
        "open_tree",
        "mount_setattr"
    ),
    family!("seccomp-02j", "Entering and making namespaces", "setns", "unshare"),
    family!("seccomp-02k", "Swap, accounting and quota", "swapon", "swapoff", "acct", "quotactl"),
    family!("seccomp-02l", "Setting clocks", "clock_settime", "clock_adjtime", "settimeofday"),
    family!("seccomp-02m", "I/O ports", "iopl", "ioperm"),
    family!("seccomp-02n", "Comparing the kernel objects of processes", "kcmp"),
    family!(
        "seccomp-02o",
        "Watching the whole file system, and profiling cookies",
        "fanotify_init",
        "lookup_dcookie"
    ),
    family!("seccomp-02p", "reboot", "reboot"),
    family!("seccomp-02q", "The kernel log", "syslog"),
    Check::new(
        "seccomp-03",
        Functional,
        "plain",
        "Numbers of no known call are answered with ENOSYS, so that libraries fall back.",
        "seccomp(2)",
        |j| {
            for number in [600, 777, 999] {
                j.is(&format!("seccomp.unknown.{number}"), "ENOSYS");
            }
        },
    ),
    Check::new(
        "seccomp-03b",
        Functional,
        "plain",
        "clone3 is answered with ENOSYS, since its flags lie in memory that a filter cannot see, or is let through to be judged by the kernel.",
        "clone(2), clone3; glibc's fallback",
        |j| {
            j.refused_with("seccomp.clone3_empty", &["ENOSYS", "EINVAL", "EFAULT"]);
        },
    ),
    Check::new(
        "seccomp-04",
        Isolation,
        "plain",
        "The x32 numbers do not go round the filter.",
        "seccomp(2), architecture",
        |j| {
            j.there("host.control.x32", |v| *v == true, "this kernel has no x32 numbers");
            j.refused_with("seccomp.x32.unshare", &["EPERM", "ENOSYS"]);
            j.refused_with("seccomp.x32.keyctl", &["EPERM", "ENOSYS"]);
        },
    ),
    Check::new(
        "seccomp-05a",
        Isolation,
        "plain",
        "unshare of a mount namespace is refused.",
        "unshare(2)",
        |j| j.denied("seccomp.unshare.mount"),
    ),
    Check::new(
        "seccomp-05b",
        Isolation,
        "plain",
        "unshare of a network namespace is refused.",
        "unshare(2)",
        |j| j.denied("seccomp.unshare.net"),
    ),
    Check::new(
        "seccomp-05c",
        Isolation,
        "plain",
        "unshare of PID, IPC, UTS and cgroup namespaces is refused.",
        "unshare(2)",
        |j| {
            for kind in ["pid", "ipc", "uts", "cgroup"] {
                j.refused(&format!("seccomp.unshare.{kind}"));
            }
        },
    ),
    Check::new(
        "seccomp-09",
        Functional,
        "plain",
        "The filter itself refuses what a missing capability stops as well: two locks, not one.",
        "seccomp(2); ptrace(2), PTRACE_SECCOMP_GET_FILTER",
        |j| j.none("host.filter.calls"),
    ),
    Check::new(
        "seccomp-09b",
        Isolation,
        "plain",
        "32-bit programs meet the filter as well.",
        "seccomp(2), architecture; ptrace(2), PTRACE_SECCOMP_GET_FILTER",
        |j| j.none("host.filter.calls_32"),
    ),
    Check::new(
        "seccomp-09c",
        Functional,
        "plain",
        "The default filter refuses old and rare calls, and new ones of the same kind.",
        "seccomp(2); ptrace(2), PTRACE_SECCOMP_GET_FILTER",
        |j| own_filter(j, "host.filter.rare_calls"),
    ),
    Check::new(
        "seccomp-09d",
        Functional,
        "plain",
        "The default filter refuses clone(2) with any new namespace.",
        "seccomp(2); ptrace(2), PTRACE_SECCOMP_GET_FILTER",
        |j| own_filter(j, "host.filter.clone_flags"),
    ),
    Check::new(
        "seccomp-07",
        Isolation,
        "plain",
        "no_new_privs is set, as seen from both sides.",
        "prctl(2), PR_SET_NO_NEW_PRIVS",
        |j| {
            j.is("seccomp.no_new_privs", "1");
            j.is("host.init.no_new_privs", "1");
            j.is("ctx.no_new_privs", 1);
        },
    ),
    Check::new(
        "seccomp-08",
        Isolation,
        "plain",
        "The execution domain of the caller does not pass: addresses are random inside.",
        "personality(2)",
        |j| {
            j.is("ctx.personality", "00000000");
            j.is("seccomp.personality_now", 0);
        },
    ),
];
