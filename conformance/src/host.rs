//! The host's view: processes, namespaces and what belongs to a container, read from `/proc`.

use std::fs;

use crate::facts::Facts;
use crate::probe::NAME;

/// The parent of each process.
fn parents() -> Vec<(u32, u32)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect()
}

/// All processes below one, nearest first.
pub fn descendants(top: u32) -> Vec<u32> {
    let table = parents();
    let mut found = vec![top];
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        found.extend(table.iter().filter(|(_, p)| *p == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    found
}

/// Does this process run the probe of a container (and not the harness's own copy of the binary)?
pub fn is_probe(pid: u32) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe.file_name().is_some_and(|n| n == NAME))
}

/// The number that names a process's namespace of a kind, as in `pid:[4026531836]`.
pub fn namespace(pid: &str, kind: &str) -> Option<String> {
    let link = fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok()?;
    Some(link.to_string_lossy().into_owned())
}

/// What the host sees of a container's init: namespaces beside our own, levels of process ids.
pub fn look(facts: &mut Facts, init: u32) {
    for kind in ["pid", "mnt", "ipc", "uts", "net", "user", "cgroup", "time"] {
        if let (Some(theirs), Some(ours)) = (namespace(&init.to_string(), kind), namespace("self", kind)) {
            facts.set(format!("host.ns.{kind}.init"), theirs);
            facts.set(format!("host.ns.{kind}.own"), ours);
        }
    }
    let status = fs::read_to_string(format!("/proc/{init}/status")).unwrap_or_default();
    let levels = status.lines().find_map(|l| l.strip_prefix("NSpid:")).map(|l| l.split_whitespace().count());
    facts.set("host.init.levels", levels.unwrap_or(0));
    let own = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let own_levels = own.lines().find_map(|l| l.strip_prefix("NSpid:")).map(|l| l.split_whitespace().count());
    facts.set("host.own.levels", own_levels.unwrap_or(0));
}

/// Which control group layout this machine has mounted.
pub fn cgroup_layout() -> String {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let kinds: Vec<&str> =
        mounts.lines().filter_map(|l| l.split_once(" - ")?.1.split_whitespace().next()).collect();
    let word = match (kinds.contains(&"cgroup2"), kinds.contains(&"cgroup")) {
        (true, false) => "v2",
        (false, true) => "v1",
        (true, true) => "hybrid",
        (false, false) => "none",
    };
    word.to_owned()
}
