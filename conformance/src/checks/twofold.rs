//! /proc, /sys and /dev as links, and values and volumes that links lead there.

use crate::judge::Judge;
use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation, Leak};

macro_rules! trap {
    ($id:literal, $severity:ident, $names:expr, $what:literal, $source:literal) => {
        Check::new($id, $severity, "twofold", $what, $source, |j| {
            $names.iter().for_each(|name| holds(j, name))
        })
    };
}
macro_rules! bait {
    ($id:literal, $names:expr, $what:literal, $source:literal) => {
        Check::new($id, Isolation, "misdirected", $what, $source, |j| {
            $names.iter().for_each(|name| lands(j, name))
        })
    };
}

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "twofold-01",
        Isolation,
        "twofold",
        "On every procfs and sysfs that the mount table shows what acts on the whole machine is not writable.",
        "proc_sys(5), sysfs(5); OCI runtime specification, readonlyPaths",
        |j| {
            j.note("twofold.none.shown");
            j.control(j.facts().list("twofold.none.shown").len() >= 2, "a procfs and a sysfs are shown");
            j.none("twofold.none.writable");
        },
    ),
    trap!(
        "twofold-02",
        Isolation,
        ["proc_inside", "sys_inside", "dev_inside"],
        "An image whose /proc, /sys or /dev is a link to a directory of its own gets it whole and covered, or no start.",
        "CVE-2019-19921; path_resolution(7)"
    ),
    trap!(
        "twofold-03",
        Isolation,
        ["proc_two_by_dev"],
        "A /proc that means another place once /dev is mounted has its covers on the procfs, or there is no start.",
        "the class of CVE-2019-19921 and CVE-2023-27561"
    ),
    trap!(
        "twofold-03b",
        Isolation,
        ["proc_two_by_volume", "dev_two_by_volume"],
        "A /proc or /dev that means another place once a volume is mounted is whole and covered, or there is no start.",
        "CVE-2023-27561"
    ),
    trap!(
        "twofold-03c",
        Isolation,
        ["sys_two_by_dev"],
        "A /sys that means another place once /dev is mounted has its covers on the sysfs, or there is no start.",
        "the class of CVE-2023-27561"
    ),
    trap!(
        "twofold-04",
        Isolation,
        ["volume_onto_dev"],
        "A volume that a link of the image puts onto /dev gives the covers no other file than the null device.",
        "CVE-2025-31133"
    ),
    trap!(
        "twofold-04b",
        Isolation,
        ["volume_onto_dev_kernel"],
        "A volume that a link puts onto /dev does not turn a cover into a writable file of the kernel.",
        "CVE-2025-31133"
    ),
    trap!(
        "twofold-04c",
        Isolation,
        ["volume_onto_dev_by_parent"],
        "A volume whose target leads to /dev by a link above it gives the covers no other file.",
        "the class of CVE-2025-31133; path_resolution(7)"
    ),
    trap!(
        "twofold-05",
        Isolation,
        ["volume_onto_proc", "volume_below_proc"],
        "A volume that a link of the image puts onto /proc or /proc/sys does not take its place.",
        "the class of CVE-2025-52881"
    ),
    trap!(
        "twofold-05b",
        Functional,
        ["volume_onto_sys"],
        "A volume that a link of the image puts onto /sys does not take its place.",
        "OCI runtime specification, mounts"
    ),
    Check::new(
        "twofold-06",
        Leak,
        "twofold",
        "Links in the place of kernel file systems leave nothing behind on the host.",
        "umount(2)",
        |j| super::life::nothing_left_after(j, "twofold.none.became", "ran"),
    ),
    bait!(
        "twofold-07",
        ["file_of_the_volume", "link_within_the_volume", "another_key"],
        "A sysctl of the document is written neither into a file of a volume nor, through a link of it, elsewhere.",
        "CVE-2025-52881"
    ),
    bait!(
        "twofold-07b",
        ["key_of_the_machine"],
        "A sysctl of the document is not written into a key of the whole machine.",
        "CVE-2025-52881"
    ),
    Check::new(
        "twofold-08",
        Functional,
        "misdirected",
        "Without a trap the same sysctl is set in the container, and only there.",
        "proc_sys(5), network_namespaces(7)",
        |j| {
            j.is("misdirected.none.where_it_belongs", "1");
            j.is("misdirected.none.host_unchanged", true);
        },
    ),
];

/// Refused, or whole: nothing that acts on the machine is writable, and nothing more is readable than without a trap.
fn holds(j: &mut Judge<'_>, name: &str) {
    j.note("twofold.none.became");
    j.control(j.facts().text("twofold.none.became") == Some("ran"), "the image without a trap starts");
    ended(j, &format!("twofold.{name}"), &["proc_is_real", "sys_is_real", "null_is_null"]);
    for what in ["writable", "unmasked"] {
        j.none(&format!("twofold.{name}.{what}"));
    }
    j.is(&format!("twofold.{name}.volume_untouched"), true);
}

/// It ran, and these hold; or it was refused. It did not hang, and it did not pretend.
fn ended(j: &mut Judge<'_>, name: &str, whole: &[&str]) {
    j.note(&format!("{name}.says"));
    match j.fact(&format!("{name}.became")).and_then(serde_json::Value::as_str) {
        Some("ran") => whole.iter().for_each(|what| j.is(&format!("{name}.{what}"), true)),
        Some("refused") | None => {}
        Some(other) => j.expect(false, format!("{name}: {other}")),
    }
}

/// The value went where the document says, or nowhere.
fn lands(j: &mut Judge<'_>, name: &str) {
    let fact = |what: &str| format!("misdirected.{name}.{what}");
    if j.fact(&fact("became")).is_none() {
        return;
    }
    j.note("misdirected.none.where_it_belongs");
    let works = j.facts().text("misdirected.none.where_it_belongs") == Some("1");
    j.control(works, "without a trap the value is set inside");
    ended(j, &format!("misdirected.{name}"), &[]);
    j.is(&fact("in_the_volume"), false);
    j.is(&fact("in_another_key"), false);
    j.is(&fact("host_unchanged"), true);
}
