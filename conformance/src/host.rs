//! The host's view: processes, namespaces and what belongs to a container, read from `/proc`.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;

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
/// Its name tells even where the container has moved its root, and with it the link to its program.
pub fn is_probe(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == NAME)
}

/// Has it ended, and only waits to be asked for its status?
pub fn is_dead(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_none_or(|(_, rest)| rest.starts_with(" Z"))
}

/// The number that names a process's namespace of a kind, as in `pid:[4026531836]`.
pub fn namespace(pid: &str, kind: &str) -> Option<String> {
    let link = fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok()?;
    Some(link.to_string_lossy().into_owned())
}

/// What the host sees of a container's init: namespaces beside our own, ids, descriptors, limits.
pub fn look(facts: &mut Facts, init: u32) {
    let pid = init.to_string();
    for kind in ["pid", "mnt", "ipc", "uts", "net", "user", "cgroup", "time"] {
        if let (Some(theirs), Some(ours)) = (namespace(&pid, kind), namespace("self", kind)) {
            facts.set(format!("host.ns.{kind}.init"), theirs);
            facts.set(format!("host.ns.{kind}.own"), ours);
        }
        if let Some(owner) = owner(&pid, kind) {
            facts.set(format!("host.owner.{kind}"), owner);
        }
    }
    crate::controls::look(facts);
    facts.set("host.init.levels", levels(&pid));
    facts.set("host.own.levels", levels("self"));
    facts.set("host.own.cpus", crate::probe::cgroup::processors());
    facts.set("host.hostname", fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim());
    for (fact, field) in [
        ("uids", "Uid"),
        ("gids", "Gid"),
        ("groups", "Groups"),
        ("seccomp", "Seccomp"),
        ("capabilities", "CapEff"),
        ("no_new_privs", "NoNewPrivs"),
    ] {
        facts.set(format!("host.init.{fact}"), field_of(&pid, field));
    }
    let cwd =
        fs::read_link(format!("/proc/{pid}/cwd")).map_or_else(|e| e.to_string(), |p| p.display().to_string());
    facts.set("host.init.cwd", cwd);
    descriptors(facts, &pid);
    crate::filter::look(facts, init);
    limits(facts, &pid);
    let root = fs::metadata(format!("/proc/{pid}/root"));
    if let Ok(root) = root {
        facts.set("host.init.root_device", root.dev());
        facts.set("host.init.root_inode", root.ino());
    }
    let table = crate::probe::mounts::table(&pid);
    // Peer groups have numbers: one that no mount here has is the container's own affair.
    let groups = |table: &[crate::probe::mounts::Mount], kind: &str| -> Vec<String> {
        let all = table.iter().flat_map(|m| m.propagation.iter());
        all.filter_map(|p| p.strip_prefix(kind).map(str::to_owned)).collect()
    };
    let ours = groups(&crate::probe::mounts::table("self"), "shared:");
    for (fact, kind) in
        [("host.init.mounts_shared_with_host", "shared:"), ("host.init.mounts_after_host", "master:")]
    {
        let linked = table.iter().filter(|m| {
            m.propagation.iter().any(|p| p.strip_prefix(kind).is_some_and(|n| ours.iter().any(|o| o == n)))
        });
        facts.set(fact, linked.map(|m| m.target.clone()).collect::<Vec<_>>());
    }
    facts.set(
        "host.init.mounts",
        table.iter().map(|m| format!("{} {} {}", m.target, m.kind, m.root)).collect::<Vec<_>>(),
    );
}

/// Families of sockets that this machine has beyond the everyday ones, and can open: what a container is refused
/// has to be there to be refused. Only what the kernel has registered is asked for, so that nothing is loaded.
pub fn families(facts: &mut Facts) {
    let table = fs::read_to_string("/proc/net/protocols").unwrap_or_default();
    let has = |name: &str| table.lines().any(|l| l.split_whitespace().next() == Some(name));
    let mut opened = Vec::new();
    for (fact, name, family, kind) in [
        ("alg", "ALG", 38, libc::SOCK_SEQPACKET),
        ("vsock", "AF_VSOCK", libc::AF_VSOCK, libc::SOCK_STREAM),
        ("key", "KEY", libc::AF_KEY, libc::SOCK_RAW),
        ("xdp", "XDP", libc::AF_XDP, libc::SOCK_RAW),
        ("packet", "PACKET", libc::AF_PACKET, libc::SOCK_RAW),
    ] {
        let protocol = if fact == "key" { 2 } else { 0 };
        if !has(name) {
            facts.set(format!("host.family.{fact}"), format!("{name} is not in /proc/net/protocols"));
            continue;
        }
        let outcome = crate::probe::socket(family, kind, protocol);
        if outcome.is_ok() && fact != "packet" && fact != "vsock" {
            opened.push(fact);
        }
        facts.attempt(format!("host.family.{fact}"), outcome);
    }
    facts.set("host.families", opened);
}

fn field_of(pid: &str, field: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn levels(pid: &str) -> usize {
    field_of(pid, "NSpid").split_whitespace().count()
}

/// The user namespace that owns a namespace: `NS_GET_USERNS` (ioctl_nsfs(2)).
fn owner(pid: &str, kind: &str) -> Option<String> {
    use crate::sys::{Arg, attempt};
    let file = fs::File::open(format!("/proc/{pid}/ns/{kind}")).ok()?;
    let fd = attempt(libc::SYS_ioctl, &mut [Arg::Int(file.as_raw_fd()), Arg::Int(0xb701)]).ok()?;
    let link = fs::read_link(format!("/proc/self/fd/{fd}")).ok()?;
    let _closed = attempt(libc::SYS_close, &mut [Arg::Int(i32::try_from(fd).ok()?)]).is_ok();
    Some(link.display().to_string())
}

/// What every process of the container holds open, as the host names it.
fn descriptors(facts: &mut Facts, pid: &str) {
    let mut open: Vec<String> = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
        let link = fs::read_link(entry.path()).map_or_else(|e| e.to_string(), |p| p.display().to_string());
        let number = entry.file_name().to_string_lossy().into_owned();
        if number.parse::<u32>().is_ok_and(|n| n > 2) || link.starts_with('/') && !link.starts_with("/dev/") {
            open.push(format!("{number} -> {link}"));
        }
    }
    facts.set("host.init.descriptors", open);
}

/// The limits of the control group it is in, by the file that holds each.
fn limits(facts: &mut Facts, pid: &str) {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    facts.set("host.init.cgroups", text.lines().map(str::to_owned).collect::<Vec<_>>());
    let moved = text.lines().filter(|l| !own.lines().any(|o| o == *l)).count();
    facts.set("host.init.cgroups_own", moved);
    // No controller has this name, so that it is the unified group; the one around it has the limits.
    let around = cgroup_path(&text, "unified").and_then(|own| Some(own.parent()?.join("cgroup.controllers")));
    let controllers = around.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    facts.set("host.cgroup.around", crate::probe::cgroup::words(&controllers));
    for (controller, file) in [
        ("memory", "memory.max"),
        ("memory", "memory.limit_in_bytes"),
        ("pids", "pids.max"),
        ("cpu", "cpu.max"),
        ("cpu", "cpu.cfs_quota_us"),
        ("cpu", "cpu.shares"),
        ("cpu", "cpu.weight"),
        ("cpuset", "cpuset.cpus"),
        ("memory", "memory.swap.max"),
        ("memory", "memory.events"),
        ("pids", "pids.events"),
        ("cpu", "cpu.stat"),
    ] {
        if let Some(value) = cgroup_file(&text, controller, file) {
            facts.set(format!("host.cgroup.{file}"), value.trim());
        }
    }
}

/// A file of the group that `/proc/PID/cgroup` names for a controller, in whatever layout is mounted.
pub fn cgroup_file(table: &str, controller: &str, file: &str) -> Option<String> {
    fs::read_to_string(cgroup_path(table, controller)?.join(file)).ok()
}

/// The directory of that group.
pub fn cgroup_path(table: &str, controller: &str) -> Option<std::path::PathBuf> {
    let mut unified = None;
    for line in table.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(names), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let path = path.trim_start_matches('/');
        if names.split(',').any(|n| n == controller) {
            return Some(format!("/sys/fs/cgroup/{controller}").into())
                .map(|p: std::path::PathBuf| p.join(path));
        }
        if names.is_empty() {
            let top = if fs::metadata("/sys/fs/cgroup/cgroup.controllers").is_ok() {
                "/sys/fs/cgroup"
            } else {
                "/sys/fs/cgroup/unified"
            };
            unified = Some(std::path::Path::new(top).join(path));
        }
    }
    unified
}

/// Does a hierarchy that limits are written to have this controller? Where any of version 1 is mounted, it
/// is those.
pub fn has_controller(name: &str) -> bool {
    match fs::read_to_string("/sys/fs/cgroup/cgroup.controllers") {
        Ok(all) => all.split_whitespace().any(|word| word == name),
        Err(_) => std::path::Path::new("/sys/fs/cgroup").join(name).exists(),
    }
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
