//! Verbs on a container that is hostile; not applicable for runtimes without them.

use crate::judge::Judge;
use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation, Leak};

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "entered-01",
        Isolation,
        "entered",
        "A program run in a container runs none of the host's where the container made its name a link.",
        "CVE-2019-5736; proc_pid_fd(5)",
        |j| stays(j, "program"),
    ),
    Check::new(
        "entered-01b",
        Isolation,
        "entered",
        "Nor where the interpreter of a script is such a link.",
        "execve(2), interpreter scripts; proc_pid_fd(5)",
        |j| stays(j, "interpreter"),
    ),
    Check::new(
        "entered-02",
        Isolation,
        "entered",
        "A program run in a directory of a container does not lead out where the container made its name a link.",
        "CVE-2024-21626",
        |j| stays(j, "directory"),
    ),
    Check::new(
        "entered-03",
        Isolation,
        "entered",
        "A program that nobody waits for gets no file of the kernel for the null device that the container replaced.",
        "null(4); the class of CVE-2025-31133",
        |j| {
            if j.fact("entered.detached.became").is_none() {
                return;
            }
            j.note("entered.detached.link_made");
            let link = j.facts().number("entered.detached.link_made") == Some(0);
            j.control(link, "the container has put a link in the place of /dev/null");
            if let Some(kinds) = j.fact("entered.detached.kinds").and_then(|v| v.as_array()) {
                let refused = j.facts().text("entered.detached.became") == Some("refused");
                j.control(kinds.len() == 3 || refused, "the program has told its descriptors");
                j.expect(
                    !kinds.iter().any(|k| k == "file of the kernel"),
                    format!("its descriptors are {}", serde_json::json!(kinds)),
                );
            }
        },
    ),
    Check::new(
        "entered-04",
        Functional,
        "entered",
        "A program that speaks before it listens ends, however much waits for it in the pipe.",
        "pipe(7), I/O on pipes",
        |j| j.same("entered.pipes.read", "entered.pipes.given"),
    ),
    Check::new(
        "entered-05",
        Functional,
        "entered",
        "Entering a frozen container is refused or waits, and ends at SIGTERM.",
        "cgroups(7), freezer; signal(7)",
        |j| {
            enters(j);
            j.is("entered.paused.pause", 0);
            hears(j, "entered.paused.exec");
            j.is("entered.paused.resume", 0);
        },
    ),
    Check::new(
        "entered-05b",
        Functional,
        "entered",
        "A command that enters a container whose init stops every new process ends by itself or at SIGTERM.",
        "signal(7), SIGSTOP",
        |j| {
            enters(j);
            hears(j, "entered.stopped.exec");
        },
    ),
    Check::new(
        "entered-06",
        Functional,
        "entered",
        "The exit status of a program run in a container is handed on, also one that looks like a signal's.",
        "wait(2)",
        |j| [0, 7, 129, 130, 137].iter().for_each(|code| j.is(&format!("entered.exit.{code}"), *code)),
    ),
    Check::new(
        "entered-07",
        Leak,
        "entered",
        "A hostile container that was entered leaves nothing behind.",
        "cgroups(7), umount(2)",
        |j| super::life::nothing_left_after(j, "entered.program.control", "inside"),
    ),
    Check::new(
        "attached-01",
        Isolation,
        "attached",
        "Taking a device away takes no cover away where the container has moved the names above its target.",
        "umount(2), UMOUNT_NOFOLLOW; path_resolution(7)",
        |j| {
            attaches(j);
            j.note("attached.led.attach");
            let there = j.facts().number("attached.led.attach") == Some(0);
            j.control(there, "the device is there before the names change");
            j.is("attached.led.redirect", 0);
            j.none("attached.led.covers_lost");
        },
    ),
    Check::new(
        "attached-02",
        Isolation,
        "attached",
        "A node of a device is not made on a volume where the container made its directory in /dev a link.",
        "mknod(2), path_resolution(7)",
        |j| {
            attaches(j);
            if j.fact("attached.node.made_on_volume").is_some() {
                j.is("attached.node.link", 0);
                j.none("attached.node.made_on_volume");
            }
        },
    ),
    Check::new(
        "attached-03",
        Isolation,
        "attached",
        "Forty devices that come and go beside an exchange of names take no cover away, and nothing hangs.",
        "renameat2(2) RENAME_EXCHANGE; path_resolution(7)",
        |j| {
            attaches(j);
            j.is("attached.looped.swapping", 0);
            j.is("attached.looped.rounds", 40);
            for what in ["covers", "taken"] {
                j.note(&format!("attached.looped.{what}"));
            }
            let more = |what: &str, than: i64| {
                j.facts().number(&format!("attached.looped.{what}")).is_some_and(|n| n > than)
            };
            let (covers, taken) = (more("covers", 5), more("taken", 0));
            j.control(covers && taken, "there are covers, and some devices were taken away again");
            j.none("attached.looped.hung");
            j.none("attached.looped.covers_lost");
        },
    ),
    Check::new(
        "monitored-01",
        Isolation,
        "monitored",
        "On the host's own tree no monitor of the runtime obeys who is inside a container.",
        "unix(7): a read-only mount does not protect a socket",
        |j| {
            j.is("monitored.before", 7);
            j.note("monitored.sockets_outside");
            let there = j.facts().number("monitored.sockets_outside").is_some_and(|n| n > 0);
            j.control(there, "a monitor listens outside");
            j.note("monitored.inside.says");
            j.is("monitored.inside.became", "ran");
            j.note("monitored.said");
            // An answer may be a refusal: what counts is that the order was not carried out.
            j.note("monitored.answered");
            j.is("monitored.after", 7);
        },
    ),
    Check::new(
        "monitored-02",
        Isolation,
        "monitored",
        "On the host's own tree none of the host's /proc, /sys and /dev lies below the container's.",
        "mount_namespaces(7); proc_pid_mountinfo(5)",
        |j| {
            let targets = j.facts().list("monitored.targets");
            j.note("monitored.targets");
            for place in ["/proc", "/sys", "/dev"] {
                let number = targets.iter().filter(|t| *t == place).count();
                j.expect(number == 1, format!("{place} is mounted {number} times, one over the other"));
            }
        },
    ),
    Check::new(
        "spent-01",
        Isolation,
        "spent",
        "A container that opens every terminal it can leaves some to the host, and all when it ends.",
        "pts(4), /proc/sys/kernel/pty/reserve; devpts in Documentation/filesystems/devpts.rst",
        |j| {
            j.note("spent.ptys.before");
            j.control(
                j.facts().get("spent.ptys.before") == Some(&true.into()),
                "the host has a terminal before",
            );
            let taken = j.fact("spent.ptys.taken").and_then(|v| v.as_str()).unwrap_or_default();
            let (number, end) = taken.split_once(' ').unwrap_or_default();
            let many = number.parse::<u32>().is_ok_and(|n| n > 100);
            j.control(
                many && end == "ENOSPC",
                "the container has opened terminals until there were none left",
            );
            j.works("spent.ptys.host");
            j.is("spent.ptys.after", true);
        },
    ),
    Check::new(
        "spent-02",
        Isolation,
        "spent",
        "A container with ids of its own that opens every inotify instance it can leaves some to the host's root.",
        "inotify(7), max_user_instances; namespaces(7), /proc/sys/user",
        |j| {
            super::life::started(j, "spent.inotify.before", "ok");
            let taken = j.fact("spent.inotify.taken").and_then(|v| v.as_str()).unwrap_or_default();
            let (number, end) = taken.split_once(' ').unwrap_or_default();
            let many = number.parse::<u32>().is_ok_and(|n| n > 50);
            j.control(
                many && end == "EMFILE",
                "the container has opened instances until there were none left",
            );
            j.works("spent.inotify.host");
        },
    ),
];

fn stays(j: &mut Judge<'_>, way: &str) {
    let fact = |what: &str| format!("entered.{way}.{what}");
    if j.fact(&fact("control")).is_none() {
        return;
    }
    j.control(j.facts().text(&fact("control")) == Some("inside"), "a link within the container leads inside");
    j.note(&fact("tried"));
    j.control(j.facts().number(&fact("tried")).is_some_and(|n| n >= 20), "twenty links were tried");
    for what in ["outside", "host_files_touched", "hung", "silent"] {
        j.none(&fact(what));
    }
}

/// A program can be run in the container: without that there is nothing to look at.
fn enters(j: &mut Judge<'_>) {
    super::life::started(j, "entered.program.control", "inside");
}

fn hears(j: &mut Judge<'_>, name: &str) {
    if let Some(word) = j.fact(name).and_then(|v| v.as_str()) {
        j.expect(word != "deaf to SIGTERM", format!("{name}: it does not end, and is {word}"));
    }
}

fn attaches(j: &mut Judge<'_>) {
    for what in ["attached.covers", "attached.plain.attach", "attached.plain.detach"] {
        j.note(what);
    }
    let plain =
        ["attach", "detach"].iter().all(|w| j.facts().number(&format!("attached.plain.{w}")) == Some(0));
    let covers = j.facts().number("attached.covers").is_some_and(|n| n > 5);
    j.control(plain && covers, "a device can be attached and detached, and there are covers");
}
