//! Options of the container's own mounts, one by one: none of them is more than its purpose needs.

use crate::judge::Judge;
use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation};

macro_rules! options {
    ($id:literal, $severity:ident, $target:literal, $options:expr, $source:literal) => {
        Check::new(
            $id,
            $severity,
            "plain",
            concat!("The mount at ", $target, " has every restrictive option that its purpose allows."),
            $source,
            |j| at(j, $target, &$options),
        )
    };
}

const NOTHING_RUNS: [&str; 3] = ["nosuid", "nodev", "noexec"];

pub(super) const CHECKS: &[Check] = &[
    options!(
        "mount-16c",
        Isolation,
        "/dev/shm",
        NOTHING_RUNS,
        "shm_overview(7); mount(2), MS_NOSUID, MS_NODEV"
    ),
    options!("mount-16d", Isolation, "/dev/mqueue", NOTHING_RUNS, "mq_overview(7); mount(2)"),
    options!("mount-16e", Isolation, "/dev/pts", ["nosuid", "noexec"], "devpts in Documentation/filesystems"),
    options!("mount-16f", Isolation, "/dev", ["nosuid"], "mount(2), MS_NOSUID"),
    options!("mount-16g", Functional, "/dev", ["noexec"], "mount(2), MS_NOEXEC"),
    options!("mount-16h", Isolation, "/sys/fs/cgroup", ["ro", "nosuid", "nodev", "noexec"], "cgroups(7)"),
    options!("mount-16i", Functional, "/", ["nodev"], "mount(2), MS_NODEV"),
    Check::new(
        "mount-16j",
        Isolation,
        "plain",
        "What covers a part of /proc or /sys can run nothing and give no privilege.",
        "mount(2), MS_NOSUID, MS_NOEXEC",
        |j| covers(j, |kind| if kind == "file" { &["nosuid"] } else { &["nosuid", "noexec"] }),
    ),
    Check::new(
        "mount-16k",
        Isolation,
        "plain",
        "The directories that cover a part of /proc or /sys are read-only and have no devices.",
        "mount(2), MS_RDONLY, MS_NODEV",
        |j| covers(j, |kind| if kind == "file" { &[] } else { &["ro", "nodev"] }),
    ),
    Check::new(
        "mount-16l",
        Functional,
        "plain",
        "What covers a file of /proc cannot be executed.",
        "mount(2), MS_NOEXEC",
        |j| covers(j, |kind| if kind == "file" { &["noexec"] } else { &[] }),
    ),
    Check::new(
        "mount-16n",
        Functional,
        "plain",
        "In the directory that covers /sys/firmware nobody could make a file, were it ever writable.",
        "chmod(2); tmpfs(5), mode",
        |j| {
            let mode = j.fact("proc.mode./sys/firmware").and_then(|v| v.as_str()).unwrap_or_default();
            let bits = u32::from_str_radix(mode, 8).unwrap_or(0);
            j.expect(
                mode == "ENOENT" || !mode.is_empty() && bits & 0o222 == 0,
                format!("proc.mode./sys/firmware is {mode:?}, expected no permission to write"),
            );
        },
    ),
    Check::new(
        "proc-02b",
        Isolation,
        "plain",
        "/proc/bus, /proc/fs, /proc/irq and /proc/sys are read-only mounts where the kernel has them.",
        "proc(5)",
        |j| {
            for path in ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"] {
                match j.fact(&format!("proc.writable_mount.{path}")).and_then(|v| v.as_str()) {
                    Some("rw") => j.expect(false, format!("{path} is on a writable mount")),
                    Some("ro" | "ENOENT") => j.expect(true, ""),
                    other => j.expect(false, format!("{path}: {other:?}, expected ro or ENOENT")),
                }
            }
        },
    ),
    Check::new(
        "proc-01c",
        Functional,
        "plain",
        "Masked files are covered, not only kept by the kernel from those without a capability.",
        "proc(5)",
        |j| {
            let masks: Vec<String> =
                j.facts().below("proc.masked./").map(|(name, _)| name.to_owned()).collect();
            j.within("proc.masks_tried", 5.0, 100.0);
            for name in masks {
                if let Some(value) = j.fact(&name).and_then(|v| v.as_str()) {
                    let covered = ["empty", "ENOENT", "EACCES", "ENXIO"].contains(&value);
                    j.expect(covered, format!("{name} is {value:?}, expected empty or absent"));
                }
            }
        },
    ),
    Check::new(
        "ipc-05c",
        Isolation,
        "plain",
        "/dev/shm is a memory file system of its own with a size.",
        "shm_overview(7); tmpfs(5), size",
        |j| {
            j.is("mount./dev/shm.kind", "tmpfs");
            sized(j, "/dev/shm");
        },
    ),
    Check::new(
        "mount-12b",
        Functional,
        "plain",
        "/dev is a memory file system of its own with a size.",
        "tmpfs(5), size",
        |j| {
            j.is("mount./dev.kind", "tmpfs");
            sized(j, "/dev");
        },
    ),
    Check::new(
        "dev-07c",
        Functional,
        "plain",
        "Terminals belong to the group tty and are closed to others; ptmx is open to all.",
        "pts(4), grantpt(3)",
        |j| {
            for option in ["gid=5", "mode=620", "ptmxmode=666"] {
                j.holds("mount./dev/pts.super", option);
            }
        },
    ),
    Check::new(
        "cgroup-02c",
        Functional,
        "plain",
        "The container sees its own control group where programs look for it.",
        "cgroups(7)",
        |j| j.holds("mount.targets", "/sys/fs/cgroup"),
    ),
];

pub(super) fn at(j: &mut Judge<'_>, target: &str, options: &[&str]) {
    let name = format!("mount.{target}.options");
    if j.facts().get(&name).is_none() {
        j.note("mount.targets");
        j.not_applicable(format!("nothing is mounted at {target}"));
        return;
    }
    for option in options {
        j.holds(&name, option);
    }
}

/// Every mount below /proc or /sys but the control groups; a covered file is the null device's tmpfs.
fn covers(j: &mut Judge<'_>, wanted: fn(&str) -> &'static [&'static str]) {
    let targets = j.facts().list("mount.targets");
    j.note("mount.targets");
    let below =
        |t: &&String| (t.starts_with("/proc/") || t.starts_with("/sys/")) && !t.starts_with("/sys/fs/cgroup");
    let mut looked = 0;
    for target in targets.iter().filter(below) {
        let root = j.facts().text(&format!("mount.{target}.root")).unwrap_or_default();
        let kind = if root.ends_with("/null") { "file" } else { "directory" };
        for option in wanted(kind) {
            looked += 1;
            j.holds(&format!("mount.{target}.options"), option);
        }
    }
    if looked == 0 {
        j.not_applicable("nothing covers a part of /proc or /sys");
    }
}

fn sized(j: &mut Judge<'_>, target: &str) {
    let name = format!("mount.{target}.super");
    let options = j.facts().list(&name);
    j.note(&name);
    j.expect(
        options.iter().any(|o| o.starts_with("size=")),
        format!("{name} is {options:?}, expected a size"),
    );
}
