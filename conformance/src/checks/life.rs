//! Life and death: statuses, signals, what cannot be executed, and what is left when it ends badly.

use crate::judge::Judge;
use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation, Leak};

/// Everything a host is looked at for, in one go.
pub(super) fn nothing_left(j: &mut Judge<'_>) {
    for kind in KINDS {
        j.none(&format!("leak.{kind}"));
    }
}

/// The same, where a start of the scene shows that there was something to leave.
pub(super) fn nothing_left_after(j: &mut Judge<'_>, name: &str, expected: impl Into<serde_json::Value>) {
    started(j, name, expected);
    nothing_left(j);
}

/// The positive control of scenes in which starts may be refused: one that has to work did.
pub(super) fn started(j: &mut Judge<'_>, name: &str, expected: impl Into<serde_json::Value>) {
    let expected = expected.into();
    j.note(name);
    let holds = j.facts().get(name) == Some(&expected);
    j.control(holds, format!("{name} has to be {expected}: the same without a fault works"));
}

const KINDS: [&str; 9] =
    ["mounts", "cgroups", "processes", "links", "files", "namespaces", "loops", "ipc", "devices"];

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "life-08b",
        Functional,
        "ends",
        "Exit statuses pass unchanged, also those above 127.",
        "wait(2)",
        |j| {
            for code in [0, 1, 2, 42, 77, 125, 126, 127, 128, 200, 255] {
                j.is(&format!("life.exit.{code}"), code);
            }
        },
    ),
    Check::new(
        "life-08c",
        Functional,
        "ends",
        "A payload killed from outside is reported as 128 and the signal's number, or by that signal.",
        "signal(7), wait(2)",
        |j| of_signal(j, "life.killed", &[9]),
    ),
    Check::new(
        "life-08d",
        Functional,
        "ends",
        "A payload that aborts is reported by a fatal signal.",
        // A PID 1 ignores its own SIGABRT, and the C library goes on to an illegal instruction.
        "abort(3), pid_namespaces(7)",
        |j| of_signal(j, "life.abort", &[6, 4, 11]),
    ),
    Check::new(
        "pid-04",
        Functional,
        "ends",
        "Signals sent from inside without a handler do not end the container's init.",
        "pid_namespaces(7)",
        |j| {
            j.is("life.shield_says", "alive");
            j.is("life.shield", 0);
        },
    ),
    Check::new(
        "pid-10b",
        Isolation,
        "ends",
        "A signal to every process stays inside.",
        "kill(2), pid -1",
        |j| {
            j.is("life.killall", 0);
            j.is("canary.process_alive", true);
        },
    ),
    Check::new(
        "life-10",
        Functional,
        "ends",
        "Signals to the foreground command reach the payload.",
        "signal(7)",
        |j| {
            for signal in ["SIGTERM", "SIGINT", "SIGQUIT"] {
                let name = format!("life.forwarded.{signal}");
                if let Some(heard) = j.fact(&name).and_then(|v| v.as_str()) {
                    j.expect(heard == signal, format!("{name} is {heard:?}, expected {signal:?}"));
                }
            }
        },
    ),
    Check::new(
        "leak-13",
        Leak,
        "ends",
        "Containers that ended by themselves, by a signal or by force leave nothing behind.",
        "cgroups(7), umount(2)",
        nothing_left,
    ),
    Check::new(
        "life-09",
        Functional,
        "cannot",
        "A program that cannot be executed gives a status other than 0.",
        "execve(2)",
        |j| {
            started(j, "life.cannot_control", "ran");
            for case in CANNOT {
                j.within(&format!("life.cannot.{case}"), 1.0, 255.0);
            }
        },
    ),
    Check::new(
        "life-09b",
        Functional,
        "cannot",
        "A program that cannot be executed is named in the message.",
        "execve(2)",
        |j| {
            let programs = ["/no/such/program", "/etc", "/etc/passwd", "/etc/garbage", "/etc/script"];
            for (case, program) in CANNOT.iter().zip(programs) {
                let name = format!("life.cannot_says.{case}");
                if let Some(text) = j.fact(&name).and_then(|v| v.as_str()) {
                    j.expect(text.contains(program), format!("{name} is {text:?}, expected {program} in it"));
                }
            }
        },
    ),
    Check::new(
        "life-09c",
        Leak,
        "cannot",
        "A start that fails at exec leaves nothing behind.",
        "execve(2)",
        |j| nothing_left_after(j, "life.cannot_control", "ran"),
    ),
    Check::new(
        "life-11",
        Leak,
        "orphaned",
        "When the runtime's process is killed, its container's processes do not outlive a removal.",
        "prctl(2), PR_SET_PDEATHSIG",
        |j| j.none("leak.processes"),
    ),
    Check::new(
        "life-11b",
        Leak,
        "orphaned",
        "When the runtime's process is killed, a removal leaves no mount, group, link or file.",
        "cgroups(7), umount(2)",
        nothing_left,
    ),
    Check::new(
        "life-11c",
        Leak,
        "orphaned",
        "When the command in the foreground is killed its container ends with it, before anybody tidies up.",
        "prctl(2), PR_SET_PDEATHSIG",
        |j| j.is("life.init_after_launcher", "gone"),
    ),
    Check::new(
        "life-06c",
        Functional,
        "ends",
        "An exit status that looks like a signal's is handed on as it is.",
        "wait(2); POSIX shell, exit status of commands",
        |j| [129, 130, 137].iter().for_each(|code| j.is(&format!("life.exit.{code}"), *code)),
    ),
    Check::new(
        "life-06",
        Functional,
        "orphaned",
        "After the runtime's process was killed the same name can be started again.",
        "cgroups(7)",
        |j| j.is("life.after_orphan", 7),
    ),
    Check::new(
        "fault-01",
        Leak,
        "early",
        "The runtime killed at twenty moments of a start leaves no process and no mount.",
        "signal(7), SIGKILL",
        |j| {
            started(j, "fault.next_start", 7);
            j.within("fault.killed_in_time", 1.0, 20.0);
            j.none("leak.processes");
            j.none("leak.mounts");
        },
    ),
    Check::new(
        "fault-01b",
        Leak,
        "early",
        "The runtime killed at twenty moments of a start leaves nothing that a removal does not remove.",
        "signal(7), SIGKILL; cgroups(7)",
        |j| nothing_left_after(j, "fault.next_start", 7),
    ),
    Check::new(
        "fault-01c",
        Functional,
        "early",
        "After all that the next start works.",
        "signal(7), SIGKILL",
        |j| j.is("fault.next_start", 7),
    ),
    Check::new(
        "fault-07",
        Functional,
        "starved",
        "With few descriptors the runtime starts the container or says that it cannot; it does not hang.",
        "getrlimit(2), RLIMIT_NOFILE",
        |j| {
            started(j, "fault.starved_control", 7);
            j.none("fault.starved_oddly");
        },
    ),
    Check::new(
        "fault-07b",
        Leak,
        "starved",
        "A start that fails for want of descriptors leaves nothing behind.",
        "getrlimit(2), RLIMIT_NOFILE",
        |j| nothing_left_after(j, "fault.starved_control", 7),
    ),
    Check::new(
        "console-01",
        Isolation,
        "terminal",
        "Nothing can be typed on the caller's terminal for whoever reads from it next.",
        "ioctl_tty(2), TIOCSTI; CVE-2017-5226",
        |j| {
            for name in ["0", "1", "2", "/dev/tty", "/dev/console"] {
                j.note(&format!("terminal.type.{name}"));
            }
            j.is("host.terminal_typed", "");
        },
    ),
    Check::new(
        "console-02",
        Isolation,
        "terminal",
        "No virtual console pastes what was selected, and the caller's terminal cannot be taken from it.",
        "ioctl_console(2), TIOCLINUX; ioctl_tty(2), TIOCSCTTY; CVE-2023-28100",
        |j| {
            for name in ["0", "1", "2", "/dev/tty", "/dev/console"] {
                j.refused(&format!("terminal.paste.{name}"));
            }
            // One of its own it may take as it likes.
            let (own, callers) = (j.fact("terminal.input"), j.fact("host.terminal"));
            match own == callers {
                true => j.refused("terminal.steal"),
                false => j.note("terminal.steal"),
            }
        },
    ),
    Check::new(
        "console-08",
        Leak,
        "terminal",
        "The settings of the caller's terminal are afterwards what they were.",
        "termios(3)",
        |j| j.same("host.terminal_modes_after", "host.terminal_modes_before"),
    ),
    Check::new(
        "console-05",
        Functional,
        "traffic",
        "A mebibyte of every byte value passes to standard input unchanged.",
        "pipe(7)",
        |j| j.same("console.sum_out", "console.sum_in"),
    ),
    Check::new(
        "console-06",
        Functional,
        "traffic",
        "Nothing of what is written at the very end is lost.",
        "pipe(7)",
        |j| j.is("console.flood_bytes", 1 << 20),
    ),
    Check::new(
        "ctx-02b",
        Functional,
        "traffic",
        "Arguments pass unchanged: line ends, tabs, quotes, other alphabets.",
        "execve(2)",
        |j| j.same("ctx.odd_arguments", "ctx.odd_arguments_sent"),
    ),
    Check::new("ctx-02d", Functional, "traffic", "An empty argument passes.", "execve(2)", |j| {
        j.is("ctx.empty_argument", r#"["","x"]"#);
    }),
    Check::new(
        "ctx-02c",
        Functional,
        "traffic",
        "An argument of 100 000 bytes passes whole.",
        "execve(2), limits on size of arguments",
        // The probe prints it as a list of one text.
        |j| j.is("ctx.long_argument", 100_004),
    ),
    Check::new(
        "life-07",
        Functional,
        "traffic",
        "Payloads that end at once are not lost, and their statuses are theirs.",
        "wait(2)",
        |j| j.none("life.short_wrong"),
    ),
    Check::new(
        "life-06b",
        Functional,
        "traffic",
        "The same name can be started again at once, ten times.",
        "cgroups(7)",
        |j| j.none("life.same_name_wrong"),
    ),
];

const CANNOT: [&str; 5] = ["missing", "directory", "not_executable", "bad_format", "missing_interpreter"];

/// `128 + n`, or the signal itself, which the harness writes as `1000 + n`.
fn of_signal(j: &mut Judge<'_>, name: &str, signals: &[i64]) {
    if let Some(status) = j.fact(name).and_then(serde_json::Value::as_i64) {
        let fits = signals.iter().any(|s| status == 128 + s || status == 1000 + s);
        j.expect(fits, format!("{name} is {status}, expected 128 and one of the signals {signals:?}"));
    }
}
