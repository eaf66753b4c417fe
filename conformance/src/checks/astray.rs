//! The way of the init: links of an image or of a volume lead it nowhere outside.

use crate::judge::Judge;
use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation, Leak};

macro_rules! way {
    ($id:literal, $way:literal, $what:literal, $source:literal) => {
        Check::new($id, Isolation, "astray", $what, $source, |j| stays(j, concat!("astray.", $way)))
    };
}

pub(super) const CHECKS: &[Check] = &[
    way!(
        "astray-01",
        "directory",
        "A working directory that is a link of the image to a descriptor or a process does not lead out.",
        "CVE-2024-21626; proc_pid_fd(5)"
    ),
    way!(
        "astray-01b",
        "directory_on_volume",
        "A working directory that is such a link on a volume does not lead out.",
        "proc_pid_fd(5), path_resolution(7)"
    ),
    way!(
        "astray-02",
        "program",
        "An init that is a link of the image to a descriptor or a process runs no program of the host.",
        "proc_pid_fd(5), execve(2); the class of CVE-2019-5736"
    ),
    way!(
        "astray-03",
        "interpreter",
        "A script whose interpreter is such a link runs no program of the host.",
        "execve(2), interpreter scripts; proc_pid_fd(5)"
    ),
    Check::new(
        "astray-04",
        Functional,
        "astray",
        "Links within the image and within a volume are followed for directory, init and interpreter.",
        "path_resolution(7)",
        |j| {
            for way in WAYS {
                j.is(&format!("astray.{way}.control"), "inside");
            }
        },
    ),
    Check::new(
        "astray-05",
        Isolation,
        "astray",
        "No start hangs on such a link, and none gives status 0 without having run the init.",
        "wait(2)",
        |j| {
            super::life::started(j, "astray.directory.control", "inside");
            for way in WAYS {
                if j.fact(&format!("astray.{way}.control")).is_some() {
                    j.none(&format!("astray.{way}.hung"));
                    j.none(&format!("astray.{way}.silent"));
                }
            }
        },
    ),
    Check::new(
        "astray-06",
        Leak,
        "astray",
        "Links in the way of the init leave nothing behind on the host.",
        "umount(2)",
        |j| super::life::nothing_left_after(j, "astray.directory.control", "inside"),
    ),
    Check::new(
        "rootless-01",
        Functional,
        "rootless",
        "A plain user can start a container, whose procfs and sysfs are covered as root's are.",
        "user_namespaces(7)",
        |j| {
            j.note("rootless.plain.says");
            j.is("rootless.plain.became", "ran");
            for what in ["kernelfs.proc_is_real", "kernelfs.null_is_null"] {
                j.is(what, true);
            }
            j.none("kernelfs.writable");
        },
    ),
    Check::new(
        "rootless-02",
        Isolation,
        "rootless",
        "In a container of a plain user a working directory that is a link to a descriptor does not lead out.",
        "CVE-2024-21626; proc_pid_fd(5)",
        |j| stays(j, "rootless.directory"),
    ),
    Check::new(
        "rootless-03",
        Isolation,
        "rootless",
        "In a container of a plain user an init that is a link to a descriptor runs no program of the host.",
        "proc_pid_fd(5), execve(2); the class of CVE-2019-5736",
        |j| stays(j, "rootless.program"),
    ),
    Check::new(
        "rootless-04",
        Leak,
        "rootless",
        "Containers of a plain user leave nothing behind on the host.",
        "umount(2)",
        |j| super::life::nothing_left_after(j, "rootless.plain.became", "ran"),
    ),
];

const WAYS: [&str; 4] = ["directory", "directory_on_volume", "program", "interpreter"];

/// Refused, or inside; the host's file is as it was. That a harmless link starts shows that the rest of the recipe does.
fn stays(j: &mut Judge<'_>, way: &str) {
    let control = format!("{way}.control");
    if j.fact(&control).is_none() {
        return;
    }
    j.control(j.facts().text(&control) == Some("inside"), "a link within the image leads inside");
    let tried = format!("{way}.tried");
    j.note(&tried);
    j.control(j.facts().number(&tried).is_some_and(|n| n >= 20), "twenty links were tried");
    j.none(&format!("{way}.outside"));
    j.none(&format!("{way}.host_files_touched"));
}
