//! The host before and after: everything a container could leave behind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::facts::Facts;

/// Directories in which runtimes keep state, sockets and temporary files.
const STATE: [&str; 9] = [
    "/run",
    "/var/run",
    "/tmp",
    "/var/tmp",
    "/var/lib",
    "/dev/shm",
    "/run/lxc",
    "/run/lock/lxc",
    "/run/systemd/nspawn/propagate",
];
/// sysctls that have been seen changed by start-up code.
const SYSCTLS: [&str; 14] = [
    "kernel/core_pattern",
    "kernel/hostname",
    "kernel/domainname",
    "kernel/modprobe",
    "kernel/sysrq",
    "kernel/panic",
    "kernel/pid_max",
    "kernel/shmmax",
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/forwarding",
    "net/ipv6/conf/all/forwarding",
    "net/bridge/bridge-nf-call-iptables",
    "vm/overcommit_memory",
    "vm/swappiness",
];

/// One look at the machine; each kind is a set of names.
#[derive(Clone, Debug, Default)]
pub struct Snapshot(BTreeMap<&'static str, BTreeSet<String>>);

impl Snapshot {
    /// Looks.
    pub fn take() -> Self {
        let mut kinds = BTreeMap::new();
        let mut put = |kind: &'static str, names: BTreeSet<String>| {
            let _earlier = kinds.insert(kind, names);
        };
        put("mounts", mounts());
        put("propagation", propagation());
        put("cgroups", cgroups());
        put("links", names_in("/sys/class/net"));
        put("processes", processes());
        put("namespaces", namespaces());
        put(
            "files",
            STATE.iter().flat_map(|d| names_in(d).into_iter().map(move |n| format!("{d}/{n}"))).collect(),
        );
        put("loops", loops());
        put("ipc", ipc());
        put("modules", lines_of("/proc/modules", |l| l.split(' ').next().map(str::to_owned)));
        put("sysctls", SYSCTLS.iter().map(|k| format!("{k}={}", read(&format!("/proc/sys/{k}")))).collect());
        put("devices", device_nodes());
        put("bpf", bpf());
        put("keys", BTreeSet::from([read("/proc/key-users").lines().count().to_string()]));
        put("cgroup_settings", cgroup_settings());
        Self(kinds)
    }

    /// A line for each thing of these kinds.
    pub fn lines(&self, kinds: &[&str]) -> BTreeSet<String> {
        let of = self.0.iter().filter(|(kind, _)| kinds.contains(kind));
        of.flat_map(|(kind, names)| names.iter().map(move |name| format!("{kind} {name}"))).collect()
    }

    /// What is new or gone in `after`, as facts `leak.KIND`; only what `belongs` counts.
    pub fn compare(&self, after: &Self, belongs: &dyn Fn(&str, &str) -> bool, facts: &mut Facts) {
        for (kind, before) in &self.0 {
            let empty = BTreeSet::new();
            let now = after.0.get(kind).unwrap_or(&empty);
            let new = now.difference(before).filter(|n| belongs(kind, n)).map(|n| format!("+ {n}"));
            // That a dead process of an earlier scene is gone at last is no loss.
            let gone = before.difference(now).filter(|n| belongs(kind, n) && !n.ends_with(" zombie"));
            let gone = gone.map(|n| format!("- {n}"));
            facts.set(format!("leak.{kind}"), new.chain(gone).collect::<Vec<_>>());
        }
    }
}

/// What is left in those directories under a name with this mark.
pub(crate) fn state_files(mark: &str) -> Vec<std::path::PathBuf> {
    // The first of two names for one directory is enough.
    let places = STATE.iter().filter(|d| **d != "/var/run");
    let all = places.flat_map(|d| names_in(d).into_iter().map(move |n| Path::new(d).join(n)));
    all.filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().contains(mark))).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn names_in(directory: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect()
}

fn lines_of(path: &str, pick: impl Fn(&str) -> Option<String>) -> BTreeSet<String> {
    read(path).lines().filter_map(pick).collect()
}

/// Mounts of every mount namespace that can be seen: one that outlives its container is a leak too.
fn mounts() -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut found = BTreeSet::new();
    for pid in pids() {
        let Some(namespace) = crate::host::namespace(&pid, "mnt") else { continue };
        if !seen.insert(namespace.clone()) {
            continue;
        }
        let own = crate::host::namespace("self", "mnt").as_ref() == Some(&namespace);
        for mount in crate::probe::mounts::table(&pid) {
            let place = if own { String::new() } else { format!("{namespace} ") };
            let _new = found.insert(format!("{place}{} {} {}", mount.target, mount.kind, mount.source));
        }
    }
    found
}

/// Whether a line of another mount namespace shows something of `work` just there: somebody has made it as a copy of
/// the host's, which has the mounts of a scene while the scene has them. A container has them elsewhere.
pub(crate) fn is_copied(line: &str, work: &str) -> bool {
    let target = line.strip_prefix("mnt:[").and_then(|rest| rest.split_once("] "));
    target.is_some_and(|(_, target)| target.starts_with(work))
}

/// Whether each mount of ours is shared, a slave or neither; the peer group's number is left out.
fn propagation() -> BTreeSet<String> {
    let tag = |m: &crate::probe::mounts::Mount| {
        let kinds: Vec<&str> = m.propagation.iter().filter_map(|p| p.split(':').next()).collect();
        format!("{} {} {}", m.target, m.kind, kinds.join("+"))
    };
    crate::probe::mounts::table("self").iter().map(tag).collect()
}

fn cgroups() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![std::path::PathBuf::from("/sys/fs/cgroup")];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|t| t.is_dir()) {
                let _new = found.insert(entry.path().display().to_string());
                open.push(entry.path());
            }
        }
    }
    found
}

/// What is enabled for the children of the top groups.
fn cgroup_settings() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for top in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] {
        for name in read(&format!("{top}/cgroup.subtree_control")).split_whitespace() {
            let _new = found.insert(format!("{top} {name}"));
        }
    }
    found
}

fn pids() -> Vec<String> {
    let names = names_in("/proc").into_iter();
    names.filter(|n| n.bytes().all(|b| b.is_ascii_digit())).collect()
}

/// Marks a process that a run with this token has started, whatever it is called.
pub(crate) fn started_by(token: &str) -> String {
    format!(" [of the suite {token}]")
}

/// User processes: kernel threads have no command line and come and go as they like. Our own
/// children are the harness's business.
fn processes() -> BTreeSet<String> {
    let me = std::process::id();
    let mut found = BTreeSet::new();
    for pid in pids() {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let zombie = read(&format!("/proc/{pid}/stat"))
            .rsplit_once(')')
            .is_some_and(|(_, r)| r.trim_start().starts_with('Z'));
        if words.is_empty() && !zombie || pid == me.to_string() {
            continue;
        }
        let line: String = String::from_utf8_lossy(&words).replace('\0', " ").chars().take(300).collect();
        let group = read(&format!("/proc/{pid}/cgroup")).replace('\n', ",");
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let token = environment.split(|b| *b == 0).find_map(|word| word.strip_prefix(b"BROWNDOG_CANARY="));
        let mark = token.map(|t| started_by(&String::from_utf8_lossy(t))).unwrap_or_default();
        let _new = found.insert(format!("{pid} {line} {group}{mark}{}", if zombie { " zombie" } else { "" }));
    }
    found
}

fn namespaces() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for pid in pids() {
        for kind in ["pid", "mnt", "net", "ipc", "uts", "user", "cgroup", "time"] {
            found.extend(crate::host::namespace(&pid, kind));
        }
    }
    // One that is kept by a bind mount has no process.
    for mount in crate::probe::mounts::table("self") {
        if mount.kind == "nsfs" {
            let _new = found.insert(format!("{} kept by {}", mount.root, mount.target));
        }
    }
    found
}

fn loops() -> BTreeSet<String> {
    let names = names_in("/sys/block").into_iter().filter(|n| n.starts_with("loop"));
    names
        .filter_map(|n| {
            Some(format!(
                "{n} {}",
                fs::read_to_string(format!("/sys/block/{n}/loop/backing_file")).ok()?.trim()
            ))
        })
        .collect()
}

fn ipc() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for kind in ["shm", "msg", "sem"] {
        for line in read(&format!("/proc/sysvipc/{kind}")).lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().take(2).collect();
            let _new = found.insert(format!("{kind} {}", words.join(" ")));
        }
    }
    found.extend(names_in("/dev/mqueue").into_iter().map(|n| format!("mqueue {n}")));
    found
}

/// Owner, mode and times (of status, not of use) of the host's own nodes.
fn device_nodes() -> BTreeSet<String> {
    let names = ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "console", "pts", "shm"];
    names
        .iter()
        .filter_map(|n| {
            let meta = fs::symlink_metadata(Path::new("/dev").join(n)).ok()?;
            Some(format!("{n} {:o} {}:{} {}", meta.mode(), meta.uid(), meta.gid(), meta.rdev()))
        })
        .collect()
}

/// Ids of loaded BPF programs, walked with `BPF_PROG_GET_NEXT_ID` (11).
fn bpf() -> BTreeSet<String> {
    use crate::sys::{Arg, attempt};
    let mut found = BTreeSet::new();
    let mut attribute = [0_u8; 64];
    while attempt(libc::SYS_bpf, &mut [Arg::Int(11), Arg::Out(&mut attribute), Arg::Int(64)]).is_ok() {
        let id = u32::from_ne_bytes([attribute[4], attribute[5], attribute[6], attribute[7]]);
        let _new = found.insert(id.to_string());
        attribute[..4].copy_from_slice(&id.to_ne_bytes());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_hosts_mounts_is_no_mount_that_was_left() {
        let work = "/tmp/browndog-conformance-X";
        let copied = "mnt:[4026532182] /tmp/browndog-conformance-X/volumes/rw/sub tmpfs none";
        let left = "/tmp/browndog-conformance-X/volumes/rw/sub tmpfs none";
        let inside = "mnt:[4026532182] /old/tmp/browndog-conformance-X/root ext4 /dev/vda";
        for (line, is) in [(copied, true), (left, false), (inside, false)] {
            assert_eq!(is_copied(line, work), is, "{line}");
        }
    }
}
