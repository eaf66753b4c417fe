//! Images that want to lead the runtime out: links, files and pipes where directories are expected.

use crate::judge::Judge;
use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation, Leak};

macro_rules! trap {
    ($id:literal, $name:literal, $what:literal, $source:literal) => {
        Check::new($id, Isolation, "images", $what, $source, |j| sprung(j, $name))
    };
}

pub(super) const CHECKS: &[Check] = &[
    trap!(
        "proc-13",
        "proc_link",
        "An image whose /proc is a link to a host directory gets a real procfs or does not start.",
        "CVE-2019-19921, CVE-2023-27561"
    ),
    trap!(
        "proc-13b",
        "sys_link",
        "An image whose /sys is a link to a host directory does not redirect the mount.",
        "CVE-2023-27561"
    ),
    trap!(
        "proc-13c",
        "proc_file",
        "An image whose /proc is a file gets a real procfs or does not start.",
        "mount(2)"
    ),
    trap!(
        "dev-08",
        "dev_link",
        "An image whose /dev is a link to a host directory makes no node there.",
        "CVE-2026-41579, CVE-2026-47766"
    ),
    trap!(
        "dev-08b",
        "dev_link_upwards",
        "An image whose /dev is a link upwards makes no node outside.",
        "path_resolution(7)"
    ),
    trap!(
        "dev-08c",
        "dev_pts_link",
        "An image whose /dev/pts is a link does not redirect the new instance.",
        "devpts in Documentation/filesystems/devpts.rst"
    ),
    trap!(
        "dev-08d",
        "dev_shm_link",
        "An image whose /dev/shm is a link does not redirect it.",
        "shm_overview(7)"
    ),
    trap!(
        "proc-15",
        "dev_null_link",
        "An image whose /dev/null is a link to a kernel file does not turn a mask into that file.",
        "CVE-2025-31133"
    ),
    trap!(
        "mount-13",
        "volume_link",
        "A volume whose target in the image is a link to a host directory is not mounted there.",
        "CVE-2015-1335; path_resolution(7)"
    ),
    trap!(
        "mount-13b",
        "volume_link_upwards",
        "A volume whose target in the image is a link upwards is not mounted outside.",
        "CVE-2021-30465"
    ),
    Check::new(
        "mount-14b",
        Functional,
        "images",
        "An image without /proc, /sys and /dev gets the directories and starts.",
        "OCI runtime specification, mounts: destination",
        |j| {
            j.is("trap.nothing_there.started", true);
            sprung(j, "nothing_there");
        },
    ),
    Check::new(
        "mount-14",
        Leak,
        "images",
        "Hostile images leave nothing behind on the host.",
        "umount(2)",
        |j| super::life::nothing_left_after(j, "trap.none.started", true),
    ),
    Check::new(
        "user-07",
        Isolation,
        "accounts",
        "A pipe where the image's passwd file should be does not hang the start.",
        "fifo(7), open(2) O_NONBLOCK",
        |j| in_time(j, "trap.passwd_fifo"),
    ),
    Check::new(
        "user-07b",
        Isolation,
        "accounts",
        "A passwd file that is a link to an endless device does not hang the start.",
        "zero(4)",
        |j| in_time(j, "trap.passwd_link"),
    ),
    Check::new(
        "user-07c",
        Isolation,
        "accounts",
        "A passwd file of one line of eight mebibytes does not hang the start.",
        "passwd(5)",
        |j| in_time(j, "trap.passwd_long_line"),
    ),
    Check::new(
        "user-07d",
        Isolation,
        "accounts",
        "A declared number needs no passwd file.",
        "passwd(5)",
        |j| j.is("trap.passwd_missing", "ran"),
    ),
    Check::new(
        "user-07e",
        Functional,
        "accounts",
        "A program that its user may execute but not read is started.",
        "execve(2), permissions",
        |j| j.is("trap.unreadable", 7),
    ),
];

/// The host is untouched; if the container started, its kernel file systems are real.
fn sprung(j: &mut Judge<'_>, name: &str) {
    super::life::started(j, "trap.none.started", true);
    j.is(&format!("trap.{name}.host_untouched"), true);
    j.note(&format!("trap.{name}.exit"));
    match j.fact(&format!("trap.{name}.started")).and_then(serde_json::Value::as_bool) {
        Some(true) => {
            for what in ["proc_is_real", "null_is_null", "masks_hold"] {
                j.is(&format!("trap.{name}.{what}"), true);
            }
        }
        // Refused: then it has to say so.
        Some(false) => j.is_not(&format!("trap.{name}.exit"), 0),
        None => {}
    }
}

/// The probe's status, or a refusal; never a hang.
fn in_time(j: &mut Judge<'_>, name: &str) {
    super::life::started(j, "trap.passwd_plain", "ran");
    if let Some(status) = j.fact(name).and_then(|v| v.as_str()) {
        let ended = status == "ran" || status.parse::<i32>().is_ok_and(|code| code != 0);
        j.expect(ended, format!("{name} is {status:?}, expected that it ran or was refused within the time"));
    }
}
