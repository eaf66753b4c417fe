//! Every procfs and sysfs that the mount table shows, wherever it is: what is writable and what is not masked.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use nix::sys::statfs::FsType;

use super::Params;
use super::mounts::{Mount, parse, table};
use super::procfs::{object, peek};
use crate::facts::Facts;

/// `PROC_SUPER_MAGIC` and `SYSFS_MAGIC` (statfs(2)).
const PROC_MAGIC: FsType = FsType(0x9fa0);
const SYSFS_MAGIC: FsType = FsType(0x6265_6572);

/// Files of a procfs that act on the whole machine.
const PROC_WRITES: [&str; 9] = [
    "sys/kernel/core_pattern",
    "sys/kernel/core_uses_pid",
    "sys/kernel/modprobe",
    "sys/kernel/panic",
    "sys/kernel/sysrq",
    "sys/vm/panic_on_oom",
    "sys/fs/protected_symlinks",
    "sysrq-trigger",
    "irq/default_smp_affinity",
];
/// What is masked in it.
const PROC_MASKS: [&str; 15] = [
    "acpi",
    "asound",
    "interrupts",
    "kcore",
    "keys",
    "kpagecgroup",
    "kpagecount",
    "kpageflags",
    "latency_stats",
    "sched_debug",
    "scsi",
    "slabinfo",
    "timer_list",
    "timer_stats",
    "vmallocinfo",
];
/// The same of a sysfs.
const SYS_WRITES: [&str; 5] = [
    "kernel/uevent_helper",
    "kernel/kexec_crash_size",
    "power/state",
    "devices/virtual/mem/null/uevent",
    "module/kernel/parameters/panic",
];
const SYS_MASKS: [&str; 2] = ["firmware", "devices/virtual/powercap"];

pub(super) fn kernelfs(_params: &Params, facts: &mut Facts) {
    let (mut shown, mut writable, mut unmasked) = (Vec::new(), Vec::new(), Vec::new());
    let mut exposed = Vec::new();
    for mount in everywhere() {
        let (writes, masks): (&[&str], &[&str]) = match mount.kind.as_str() {
            "proc" => (&PROC_WRITES, &PROC_MASKS),
            "sysfs" => (&SYS_WRITES, &SYS_MASKS),
            _ => continue,
        };
        shown.push(format!("{} {} {}", mount.target, mount.kind, mount.root));
        for name in writes.iter().chain(masks) {
            if let Some(path) = reach(&mount, name)
                && opens_for_write(&path)
            {
                writable.push(format!("{} {name}", mount.target));
                if is_kernels(&path, true) {
                    exposed.push(format!("{} {name} is writable", mount.target));
                }
            }
        }
        for name in masks {
            let Some(path) = reach(&mount, name) else { continue };
            if ["data", "entries"].contains(&peek(&path).as_str()) {
                unmasked.push(format!("{} {name}", mount.target));
                if is_kernels(&path, false) {
                    exposed.push(format!("{} {name} is not covered", mount.target));
                }
            }
        }
    }
    facts.set("kernelfs.proc_is_real", magic("/proc") == Some(PROC_MAGIC));
    facts.set("kernelfs.sys_is_real", magic("/sys") == Some(SYSFS_MAGIC));
    facts.set("kernelfs.null_is_null", object("/dev/null") == "c 1:3");
    facts.set("kernelfs.shown", shown);
    facts.set("kernelfs.writable", writable);
    facts.set("kernelfs.unmasked", unmasked);
    facts.set("kernelfs.exposed", exposed);
}

/// The mount table; where /proc is not the kernel's, that of a procfs elsewhere.
fn everywhere() -> Vec<Mount> {
    let own = table("self");
    if !own.is_empty() {
        return own;
    }
    let mut open = vec![(PathBuf::from("/"), 0)];
    while let Some((directory, depth)) = open.pop() {
        if let Ok(text) = fs::read_to_string(directory.join("self/mountinfo"))
            && !text.is_empty()
        {
            return parse(&text);
        }
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        let below = entries.filter(|e| depth < 3 && e.file_type().is_ok_and(|t| t.is_dir()));
        open.extend(below.map(|e| (e.path(), depth + 1)));
    }
    Vec::new()
}

/// The path of a file of the file system through this mount, where the mount shows it.
fn reach(mount: &Mount, name: &str) -> Option<String> {
    let root = unescape(&mount.root);
    let root = root.trim_matches('/');
    let rest = if root.is_empty() {
        name
    } else {
        let rest = name.strip_prefix(root)?;
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
        rest.trim_start_matches('/')
    };
    let target = PathBuf::from(unescape(&mount.target));
    Some(if rest.is_empty() { target } else { target.join(rest) }.to_string_lossy().into_owned())
}

/// The kernel writes blanks, tabs, newlines and backslashes of a path as `\ooo` (proc_pid_mountinfo(5)).
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        match after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                out.push(char::from(byte));
                rest = &after[3..];
            }
            None => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out + rest
}

/// The null device in a file's place takes everything and gives it to nobody. Nothing is written.
fn opens_for_write(path: &str) -> bool {
    let Ok(meta) = fs::metadata(path) else { return false };
    // Root may open any file for writing; one of the kernel's that nobody was meant to write takes nothing.
    let meant = meta.mode() & 0o222 != 0 || !is_kernels(path, true);
    !meta.is_dir()
        && meant
        && object(path) != "c 1:3"
        && OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path).is_ok()
}

/// Whether what can be opened is the kernel's own file. Names may change while one looks, so the descriptor tells.
pub(super) fn is_kernels(path: &str, write: bool) -> bool {
    let open = OpenOptions::new().read(!write).write(write).custom_flags(libc::O_NONBLOCK).open(path);
    let kind = open.ok().and_then(|file| nix::sys::statfs::fstatfs(&file).ok());
    kind.is_some_and(|s| [PROC_MAGIC, SYSFS_MAGIC].contains(&s.filesystem_type()))
}

fn magic(path: &str) -> Option<FsType> {
    nix::sys::statfs::statfs(path).ok().map(|s| s.filesystem_type())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(target: &str, root: &str) -> Mount {
        let line = format!("30 1 0:5 {root} {target} rw - proc proc rw");
        parse(&line).remove(0)
    }

    #[rstest::rstest]
    #[case("/proc", "/", "sys/kernel/core_pattern", Some("/proc/sys/kernel/core_pattern"))]
    #[case("/run/psys", "/sys", "sys/kernel/core_pattern", Some("/run/psys/kernel/core_pattern"))]
    #[case("/run/x", "/sysrq-trigger", "sysrq-trigger", Some("/run/x"))]
    #[case("/run/psys", "/sys", "sysrq-trigger", None)]
    #[case("/a\\040b", "/", "keys", Some("/a b/keys"))]
    fn a_file_is_looked_for_where_the_mount_shows_it(
        #[case] target: &str,
        #[case] root: &str,
        #[case] name: &str,
        #[case] path: Option<&str>,
    ) {
        assert_eq!(reach(&mount(target, root), name).as_deref(), path);
    }

    #[test]
    fn escapes_of_the_mount_table_are_undone_and_others_left() {
        assert_eq!(unescape("a\\040b\\134c\\012d\\x"), "a b\\c\nd\\x");
    }
}
