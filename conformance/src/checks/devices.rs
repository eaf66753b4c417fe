//! Devices.

use crate::judge::Judge;
use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation, Leak};

const NAMES: [&str; 21] = [
    "console",
    "core",
    "fd",
    "full",
    "initctl",
    "log",
    "mqueue",
    "null",
    "ptmx",
    "pts",
    "random",
    "shm",
    "stderr",
    "stdin",
    "stdout",
    "tty",
    "tty0",
    "tty1",
    "urandom",
    "zero",
    "hugepages",
];
/// Numbers that a default policy lets through: memory devices, tty, console, ptmx, ptys.
const OPEN: [&str; 9] = ["c-1-3", "c-1-5", "c-1-7", "c-1-8", "c-1-9", "c-5-0", "c-5-1", "c-5-2", "c-136-"];

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "dev-01",
        Isolation,
        "plain",
        "/dev holds the default nodes and nothing else.",
        "OCI runtime specification, default devices",
        |j| {
            j.holds("dev.names", "null");
            j.only("dev.names", &NAMES);
        },
    ),
    Check::new(
        "dev-01b",
        Isolation,
        "plain",
        "/dev is a file system of the container's own.",
        "tmpfs(5)",
        |j| {
            let kind = j.facts().text("mount./dev.kind").unwrap_or_default().to_owned();
            j.note("mount./dev.kind");
            j.expect(kind == "tmpfs", format!("/dev is of kind {kind:?}, expected tmpfs"));
        },
    ),
    Check::new(
        "dev-02",
        Functional,
        "plain",
        "The default nodes have the right numbers.",
        "null(4), full(4), random(4), tty(4)",
        right_numbers,
    ),
    Check::new(
        "dev-02b",
        Functional,
        "plain",
        "Everybody may read and write the default nodes.",
        "null(4)",
        |j| {
            for name in ["null", "zero", "full", "random", "urandom", "tty"] {
                j.is(&format!("dev.mode.{name}"), "666");
            }
        },
    ),
    Check::new(
        "dev-02c",
        Functional,
        "plain",
        "fd, stdin, stdout, stderr and ptmx are links that point inside.",
        "OCI runtime specification, dev symbolic links",
        |j| {
            for (name, target) in [
                ("fd", "/proc/self/fd"),
                ("stdin", "/proc/self/fd/0"),
                ("stdout", "/proc/self/fd/1"),
                ("stderr", "/proc/self/fd/2"),
            ] {
                let found = j.facts().text(&format!("dev.link.{name}")).unwrap_or_default().to_owned();
                j.note(&format!("dev.link.{name}"));
                let short = target.replace("/proc/self/fd/", "fd/");
                j.expect(found == target || found == short, format!("/dev/{name} leads to {found:?}"));
            }
        },
    ),
    Check::new(
        "dev-02d",
        Functional,
        "plain",
        "null, zero, full and urandom do what they are for.",
        "null(4), full(4), random(4)",
        do_what_they_are_for,
    ),
    Check::new(
        "dev-02e",
        Functional,
        "nonroot",
        "A user without privilege can use the default nodes.",
        "null(4)",
        |j| {
            j.works("dev.null_write");
            j.is("dev.zero_gives_zeros", true);
            j.works("dev.ptmx_works");
        },
    ),
    Check::new(
        "dev-03",
        Isolation,
        "plain",
        "Nodes for memory, the kernel log and I/O ports cannot be made and opened.",
        "mknod(2); mem(4)",
        |j| {
            for name in ["mem", "kmsg", "port"] {
                j.refused(&format!("dev.mknod_open.{name}"));
            }
        },
    ),
    Check::new(
        "dev-03b",
        Isolation,
        "plain",
        "Nodes for disks cannot be made and opened.",
        "mknod(2)",
        |j| {
            for name in ["sda", "vda", "loop0"] {
                j.refused(&format!("dev.mknod_open.{name}"));
            }
        },
    ),
    Check::new(
        "dev-03c",
        Isolation,
        "plain",
        "Nodes for fuse, tun and kvm cannot be made and opened.",
        "mknod(2)",
        |j| {
            for name in ["fuse", "tun", "kvm"] {
                j.refused(&format!("dev.mknod_open.{name}"));
            }
        },
    ),
    Check::new(
        "dev-03d",
        Isolation,
        "plain",
        "mknod for a device that nobody declared is refused.",
        "mknod(2); capabilities(7), CAP_MKNOD",
        |j| {
            for name in ["mem", "kmsg", "sda", "fuse"] {
                j.refused(&format!("dev.mknod.{name}"));
            }
        },
    ),
    Check::new(
        "dev-03e",
        Isolation,
        "opened",
        "Who may make nodes opens by that only those of the default list: all numbers of the machine are made and tried.",
        "cgroup-v2, device controller; mknod(2)",
        |j| {
            j.within("dev.made_tried", 20.0, 1e6);
            j.note("dev.made");
            of_the_default_list(j, "dev.made_opened");
        },
    ),
    Check::new(
        "dev-05",
        Isolation,
        "devices",
        "Of all device numbers, only those of the default list can be opened, also where the image brings the node.",
        "cgroup-v2, device controller",
        |j| {
            j.within("dev.sweep_tried", 20.0, 1e6);
            of_the_default_list(j, "dev.sweep_opened");
        },
    ),
    Check::new(
        "dev-05b",
        Isolation,
        "devices",
        "Where the runtime promises that nodes work in /dev only, no node of the image opens, be its number allowed or not.",
        "mount(2), MS_NODEV; browndog's default",
        |j| {
            if j.facts().text("run.runtime") == Some("browndog") {
                j.none("dev.sweep_opened");
            } else {
                j.not_applicable("only browndog promises it");
            }
        },
    ),
    Check::new(
        "dev-07",
        Isolation,
        "plain",
        "devpts is a new instance: no terminal of the host is listed or can be opened.",
        "devpts in Documentation/filesystems/devpts.rst",
        |j| {
            let some = |v: &serde_json::Value| v.as_u64().is_some_and(|n| n > 0);
            j.there("host.control.terminals", some, "the host has no terminal open itself");
            j.none("dev.pts");
            j.none("dev.pts_opened");
            j.is("mount./dev/pts.kind", "devpts");
        },
    ),
    Check::new("dev-07b", Functional, "plain", "A new pseudo-terminal can be had.", "pts(4)", |j| {
        j.works("dev.ptmx_works")
    }),
    Check::new(
        "dev-10",
        Isolation,
        "plain",
        "Powerful devices are absent: mem, port, kmsg, kvm, fuse, loop-control, tun, vhost, uinput, snapshot, rtc.",
        "mem(4); Documentation/admin-guide/devices.txt",
        |j| {
            j.none("dev.powerful");
        },
    ),
    Check::new("dev-11", Leak, "plain", "The host's device nodes keep owner and mode.", "stat(2)", |j| {
        j.none("leak.devices")
    }),
    Check::new(
        "dev-11b",
        Leak,
        "nonroot",
        "Starting as another user changes no owner of the host's device nodes.",
        "stat(2)",
        |j| j.none("leak.devices"),
    ),
    Check::new(
        "uts-01",
        Isolation,
        "plain",
        "The host name inside is the container's own, in every view alike.",
        "uts_namespaces(7)",
        |j| {
            j.differ("host.ns.uts.init", "host.ns.uts.own");
            j.differ("uts.hostname", "host.hostname");
            j.same("uts.hostname", "uts.proc_hostname");
            j.none("leak.sysctls");
        },
    ),
    Check::new(
        "uts-01b",
        Isolation,
        "strict",
        "A declared host name is the one seen inside.",
        "uts_namespaces(7)",
        |j| j.is("uts.hostname", "strict-host"),
    ),
];

fn of_the_default_list(j: &mut Judge<'_>, name: &str) {
    j.note(name);
    for node in j.facts().list(name) {
        let default = OPEN.iter().any(|number| {
            node.strip_prefix(number).is_some_and(|rest| number.ends_with('-') || rest.starts_with(' '))
        });
        j.expect(default, format!("{node} was let through"));
    }
}

pub(super) fn right_numbers(j: &mut Judge<'_>) {
    for (name, number) in [
        ("null", "c 1:3"),
        ("zero", "c 1:5"),
        ("full", "c 1:7"),
        ("random", "c 1:8"),
        ("urandom", "c 1:9"),
        ("tty", "c 5:0"),
    ] {
        j.is(&format!("dev.node.{name}"), number);
    }
}

pub(super) fn do_what_they_are_for(j: &mut Judge<'_>) {
    j.is("dev.zero_gives_zeros", true);
    j.is("dev.urandom_gives_noise", true);
    j.is("dev.null_gives_nothing", true);
    j.works("dev.null_write");
    j.is("dev.full_write", "ENOSPC");
}
