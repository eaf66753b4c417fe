//! Descriptors and names that the caller gives.

use crate::judge::Judge;
use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation, Leak};

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "given-01",
        Isolation,
        "given",
        "A file that is standard input for reading cannot be opened anew for writing.",
        "proc_pid_fd(5), open(2)",
        |j| {
            passed(j);
            not_anew(j, 0, "written");
            j.is("host.given.input_unchanged", true);
        },
    ),
    Check::new(
        "given-01b",
        Isolation,
        "given",
        "A log that is standard output for appending cannot be read from inside.",
        "proc_pid_fd(5), open(2)",
        |j| {
            passed(j);
            not_anew(j, 1, "read_back");
            not_anew(j, 2, "read_back");
        },
    ),
    Check::new(
        "given-02",
        Isolation,
        "given",
        "A directory that is standard input is no way out.",
        "openat(2), path_resolution(7)",
        |j| {
            passed(j);
            match j.fact("given.directory.became").and_then(serde_json::Value::as_str) {
                Some("ran") => j.is("given.directory.leads_out", false),
                Some(word) => j.expect(word == "refused", format!("the start with a directory is {word}")),
                None => {}
            }
        },
    ),
    Check::new(
        "given-03",
        Functional,
        "given",
        "What a file at standard input holds is read, and what is said at standard output is appended to a file.",
        "stdin(3)",
        |j| {
            j.works("given.stdin_passed");
            j.is("host.given.output_passed", true);
            j.is("host.given.output_kept", true);
        },
    ),
    Check::new(
        "given-04",
        Functional,
        "odd",
        "A volume with a blank in its source and target is mounted there.",
        "proc_pid_mountinfo(5)",
        |j| mounted(j, "blank"),
    ),
    Check::new(
        "given-04b",
        Functional,
        "odd",
        "A volume with a backslash in its source and target is mounted there.",
        "proc_pid_mountinfo(5)",
        |j| mounted(j, "backslash"),
    ),
    Check::new(
        "given-04c",
        Isolation,
        "odd",
        "The volume with a plain name beside them has no devices, and no mount of the host gets into it.",
        "mount(2), MS_NODEV; mount_namespaces(7)",
        |j| {
            j.is("odd.plain.token", "wanted");
            j.holds("odd.plain.options", "nodev");
            j.none("odd.plain.peers");
        },
    ),
    Check::new(
        "given-05",
        Isolation,
        "odd",
        "A volume with an odd name is mounted at its target and shows its source, or the start is refused.",
        "proc_pid_mountinfo(5), path_resolution(7)",
        |j| {
            j.note("odd.plain.token");
            j.control(
                j.facts().text("odd.plain.token") == Some("wanted"),
                "a volume with a plain name works",
            );
            for name in ["blank", "newline", "tab", "backslash", "escape", "quote", "colon_and_comma"] {
                right_or_refused(j, name);
            }
        },
    ),
    Check::new(
        "given-05b",
        Isolation,
        "odd",
        "A volume whose source or target is as long as a path may be is mounted there, or the start is refused.",
        "path_resolution(7), PATH_MAX",
        |j| {
            j.note("odd.plain.token");
            j.control(
                j.facts().text("odd.plain.token") == Some("wanted"),
                "a volume with a short name works",
            );
            right_or_refused(j, "long_source");
            right_or_refused(j, "long_target");
        },
    ),
    Check::new(
        "given-07",
        Isolation,
        "staged",
        "A file system that the host mounted below a read-only volume is read-only inside.",
        "mount_setattr(2) AT_RECURSIVE; OCI runtime specification, rro",
        |j| {
            shown(j, &["ro", "rw"]);
            if j.facts().get("staged.ro.shown") == Some(&true.into()) {
                j.refused_with("staged.ro.write", &["EROFS"]);
            }
        },
    ),
    Check::new(
        "given-07b",
        Isolation,
        "staged",
        "Nodes of a file system that the host mounted below the root or a volume cannot be opened.",
        "mount(8), nodev; cgroups, device policy",
        |j| {
            shown(j, &["root", "ro", "rw"]);
            j.note("host.staged.node");
            if j.facts().text("host.staged.node") == Some("") {
                return j.not_applicable("none of the devices that are tried can be opened outside either");
            }
            for name in ["root", "ro", "rw"] {
                if j.facts().get(&format!("staged.{name}.shown")) == Some(&true.into()) {
                    j.refused_with(&format!("staged.{name}.node"), &["EACCES", "EPERM"]);
                }
            }
        },
    ),
    Check::new(
        "given-07c",
        Isolation,
        "staged",
        "What the host has mounted over /proc and /dev of the root is not what the container gets there.",
        "OCI runtime specification, mounts; the class of CVE-2019-19921",
        |j| {
            j.note("staged.says");
            if j.fact("staged.became").is_some_and(|word| word != "ran") {
                return j.not_applicable("it does not start with mounts of the host over its /proc and /dev");
            }
            j.none("staged.not_covered");
            for what in ["proc_is_real", "null_is_null"] {
                j.is(&format!("kernelfs.{what}"), true);
            }
        },
    ),
    Check::new(
        "given-06",
        Leak,
        "odd",
        "Volumes with odd names leave nothing behind on the host.",
        "umount(2)",
        |j| super::life::nothing_left_after(j, "odd.plain.token", "wanted"),
    ),
];

/// The caller's file came in: whatever the descriptor inside is, it was given.
fn passed(j: &mut Judge<'_>) {
    j.note("given.stdin_passed");
    j.control(j.facts().text("given.stdin_passed") == Some("ok"), "the content of standard input was read");
}

/// A descriptor that is no file of the caller's inside cannot be made one.
fn not_anew(j: &mut Judge<'_>, number: u32, what: &str) {
    if j.fact(&format!("given.{number}.kind")).is_some_and(|kind| kind == "file") {
        let name = format!("given.{number}.{what}");
        if what == "written" { j.refused(&name) } else { j.is(&name, false) }
    }
}

fn mounted(j: &mut Judge<'_>, name: &str) {
    j.note(&format!("odd.{name}.says"));
    j.is(&format!("odd.{name}.token"), "wanted");
}

fn right_or_refused(j: &mut Judge<'_>, name: &str) {
    if j.fact(&format!("odd.{name}.became")).is_some_and(|word| word != "refused") {
        mounted(j, name);
    }
}

/// Not every runtime shows what is mounted below; one that shows nothing has nothing to be looked at.
fn shown(j: &mut Judge<'_>, names: &[&str]) {
    j.note("staged.says");
    if j.fact("staged.became").is_some_and(|word| word != "ran") {
        j.not_applicable("it does not start with mounts of the host below its root and volumes");
        return;
    }
    let some = names.iter().filter(|name| {
        let fact = format!("staged.{name}.shown");
        j.facts().get(&fact) == Some(&true.into())
    });
    if some.count() == 0 {
        j.not_applicable("nothing of what the host mounted below is shown");
    }
    names.iter().for_each(|name| j.note(&format!("staged.{name}.shown")));
}
